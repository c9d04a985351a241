use std::{fmt, sync::Arc, time::SystemTime};

use super::LogEntry;

/// What was read of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogPage {
    /// The entries, each with the time at which the log took it. Their order does not matter, and neither do
    /// repetitions.
    pub entries: Vec<(SystemTime, LogEntry)>,
    /// Where to go on reading; none: where this reading began.
    pub next: Option<LogCursor>,
    /// False where entries after the cursor may be missing, since the log has let go of them. It is counted and logged.
    pub complete: bool,
    /// Whether the log may have lost entries that it had acknowledged: every process appends its own again.
    pub lost: bool,
    /// How many entries were passed over because they could not be read. They are counted and logged.
    pub unreadable: u64,
}

impl LogPage {
    /// These entries, with nothing missing and nothing lost.
    #[must_use]
    pub fn new(entries: Vec<(SystemTime, LogEntry)>, next: Option<LogCursor>) -> Self {
        Self { entries, next, complete: true, lost: false, unreadable: 0 }
    }
}

/// How far a log was read: a text that only the log itself understands.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LogCursor(Arc<str>);

impl LogCursor {
    /// A cursor that says this.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// What it says.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogCursor({})", self.0)
    }
}
