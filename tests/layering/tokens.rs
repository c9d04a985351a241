//! Just enough of Rust's lexical structure: what is code, and not a comment or text.

/// The words and signs of a source, without comments, texts and characters. `::` is one sign.
pub(crate) fn tokens(source: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = if let Some(length) = ignored(rest) {
            length
        } else {
            let length = match first {
                _ if first.is_alphanumeric() || first == '_' => word(rest),
                ':' if rest.starts_with("::") => 2,
                _ => first.len_utf8(),
            };
            tokens.push(&rest[..length]);
            length
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of the white space, comment, text, character or lifetime that `rest` starts with.
fn ignored(rest: &str) -> Option<usize> {
    let first = rest.chars().next()?;
    match first {
        _ if first.is_whitespace() => Some(first.len_utf8()),
        '/' if rest.starts_with("//") => Some(rest.find('\n').unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => Some(block_comment(rest)),
        '"' => Some(1 + text(&rest[1..])),
        'r' | 'b' | 'c' => prefixed_text(rest),
        '\'' => Some(character_or_lifetime(rest)),
        _ => None,
    }
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    for (at, _) in rest.char_indices() {
        if rest[at..].starts_with("/*") {
            depth += 1;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            if depth == 0 {
                return at + 2;
            }
        }
    }
    rest.len()
}

/// The length of what follows an opening `"`, up to the closing one and with it.
fn text(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `b"…"`, `c"…"`, `r"…"`, `br#"…"#` and the like; nothing where it is a word.
fn prefixed_text(rest: &str) -> Option<usize> {
    let prefix = word(rest);
    let (letters, after) = rest.split_at(prefix);
    let hashes = after.len() - after.trim_start_matches('#').len();
    let opening = prefix + hashes + 1;
    if !matches!(letters, "r" | "b" | "c" | "br" | "cr") || !after[hashes..].starts_with('"') {
        return None;
    }
    if !letters.ends_with('r') {
        return Some(opening + text(&rest[opening..]));
    }
    let closing = format!("\"{}", "#".repeat(hashes));
    let end = rest[opening..].find(&closing).map(|at| opening + at + closing.len());
    Some(end.unwrap_or(rest.len()))
}

fn character_or_lifetime(rest: &str) -> usize {
    let mut inside = rest.char_indices().skip(1);
    match (inside.next(), inside.next()) {
        (Some((_, '\\')), Some((escaped, _))) => {
            let after = escaped + 1;
            rest[after..].find('\'').map_or(rest.len(), |at| after + at + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}
