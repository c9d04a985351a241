use std::{error::Error, fmt, sync::Arc};

use crate::printable::printable;

/// The longest description that is kept, in characters.
const MAX_LEN: usize = 300;

/// A log could not be read or appended to.
///
/// Operators read it in [`readiness`](crate::SessionResolver::readiness) and in events, so it must hold no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogError(Arc<str>);

impl LogError {
    /// An error with this description: in lower case, saying what to do next where that is known. Of a long text the
    /// beginning is kept, and control characters are escaped.
    pub fn new(description: impl fmt::Display) -> Self {
        Self(printable(&description.to_string(), MAX_LEN).into())
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for LogError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_said_is_bounded_and_printable() {
        assert_eq!(
            LogError::new("a\r\n\u{1b}[31m\u{202e}").to_string(),
            "a\\r\\n\\u{1b}[31m\\u{202e}"
        );
        assert_eq!(LogError::new("a".repeat(1000)).to_string().chars().count(), MAX_LEN + 1);
    }
}
