//! What others said, fit to be shown to an operator.

/// The text without control characters and without those that reorder or break its line, at most
/// about `max` characters of it.
pub(crate) fn printable(text: &str, max: usize) -> Box<str> {
    let mut printable = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == max {
            printable.push('…');
            break;
        }
        if is_unprintable(c) {
            printable.extend(c.escape_default());
        } else {
            printable.push(c);
        }
    }
    printable.into()
}

/// Control characters, line separators, and what Unicode calls `Bidi_Control`.
fn is_unprintable(c: char) -> bool {
    let reorders = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || reorders || matches!(c, '\u{2028}' | '\u{2029}')
}
