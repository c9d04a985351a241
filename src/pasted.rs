//! What comes along when a value is pasted into a file or an environment variable.

/// The value without the blanks, the line end and the byte order mark around it.
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// The value without the quotes that a shell would have taken away, if it has any.
pub(crate) fn unquoted(text: &str) -> Option<&str> {
    let text = trimmed(text);
    ['"', '\'', '`'].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
}

pub(crate) const QUOTED: &str = "take away the quotes around it";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_line_ends_and_byte_order_marks_are_no_part_of_a_value() {
        for text in ["a b", " a b", "a b\n", "\ta b\r\n", "\u{feff}a b ", " \u{feff} a b"] {
            assert_eq!(trimmed(text), "a b");
        }
        assert_eq!(trimmed(" \n"), "");
    }

    #[test]
    fn quotes_come_in_pairs() {
        for text in ["\"a\"", "'a'", "`a`", " \"a\"\n"] {
            assert_eq!(unquoted(text), Some("a"));
        }
        for text in ["a", "\"a", "a\"", "\"", "'a\"", ""] {
            assert_eq!(unquoted(text), None);
        }
    }
}
