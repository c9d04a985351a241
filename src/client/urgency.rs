//! Who waits for an answer.

/// Whether somebody waits for the answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// A request waits for it.
    Waiting,
    /// Nobody does: it renews ahead of time what still serves. It is sent if that is possible at
    /// once and takes nothing from requests that wait; else it is refused, and it is not repeated.
    Ahead,
}
