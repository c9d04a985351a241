use std::{error::Error, fmt, time::Duration};

use super::Stop;
use crate::client;

/// Not all sessions of a user are known to be revoked.
///
/// What was revoked stays revoked. Where [`remaining`](Self::remaining) is not zero the user is signed in
/// somewhere: it is for the caller to ask again.
#[derive(Debug, Clone)]
pub struct RevokeAllError {
    revoked: usize,
    remaining: Option<usize>,
    why: Why,
    source: Option<client::Error>,
}

#[derive(Debug, Clone, Copy)]
enum Why {
    TimeOver,
    Unreadable,
    Failed,
    Interrupted,
}

impl RevokeAllError {
    pub(super) fn new(revoked: usize, remaining: Option<usize>, stop: Stop) -> Self {
        let (why, source) = match stop {
            Stop::TimeOver(trouble) => (Why::TimeOver, trouble),
            Stop::Unreadable => (Why::Unreadable, None),
            Stop::Failed(error) => (Why::Failed, Some(error)),
        };
        Self { revoked, remaining, why, source }
    }

    /// Its runtime has ended before it has, or there is none.
    pub(crate) fn interrupted() -> Self {
        Self { revoked: 0, remaining: None, why: Why::Interrupted, source: None }
    }

    /// How many sessions were revoked, or had gone when they were to be.
    #[must_use]
    pub fn revoked(&self) -> usize {
        self.revoked
    }

    /// How many Clerk listed as signed in, or in a form that cannot be read, and were not revoked since. None where Clerk
    /// could not be asked.
    #[must_use]
    pub fn remaining(&self) -> Option<usize> {
        self.remaining
    }

    /// Whether Clerk listed sessions in a form that cannot be read, so that they cannot be revoked. Asking again
    /// is of no use then.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        matches!(self.why, Why::Unreadable)
    }

    /// What Clerk answered last, where that was the trouble.
    #[must_use]
    pub fn client_error(&self) -> Option<&client::Error> {
        self.source.as_ref()
    }

    /// When it is best tried again, where Clerk or the quota says so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.source.as_ref().and_then(client::Error::retry_after)
    }
}

impl fmt::Display for RevokeAllError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the user may be signed in somewhere: {} sessions were revoked", self.revoked)?;
        match self.remaining {
            Some(remaining) => write!(f, " and {remaining} remain; ")?,
            None => f.write_str(" and nobody knows how many remain; ")?,
        }
        f.write_str(match self.why {
            Why::TimeOver => "the time was over, ask again",
            Why::Unreadable => "Clerk lists them in a form that cannot be read, see its dashboard",
            Why::Failed => "Clerk refuses to be asked",
            Why::Interrupted => "it was interrupted, ask again within a Tokio runtime",
        })
    }
}

impl Error for RevokeAllError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
