//! How long what is learned of a session may be used.

use std::time::Duration;

use super::entry::CacheEntry;
use crate::unix_time::UnixTime;

/// How long what is learned may be used, and by whose clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetimes {
    /// How old the evidence may be that a session is active.
    pub(crate) ttl: Duration,
    /// How old the description of a session may get before it is renewed.
    pub(crate) session_ttl: Duration,
    /// How long a session counts as pending or missing without asking again.
    pub(crate) negative_ttl: Duration,
    /// How much older the evidence may be while Clerk cannot be asked.
    pub(crate) stale_if_error: Duration,
    /// By how much Clerk's clock and ours may differ.
    pub(crate) clock_skew: Duration,
}

/// A clock that was set back by more than this makes everything older than it claims to be.
pub(crate) const CLOCK_SLACK: Duration = Duration::from_secs(1);

impl Lifetimes {
    /// The life of a description. An answer is never renewed for its ornaments while it is evidence itself.
    pub(crate) fn of_description(&self) -> Duration {
        self.session_ttl.max(self.ttl)
    }

    /// For how long an entry can be of any use that no token renews.
    pub(crate) fn longest(&self) -> Duration {
        let admitting = (self.of_description() * 2).max(self.ttl + self.clock_skew);
        admitting.max(self.negative_ttl) + self.stale_if_error
    }

    /// Whether an answer is young enough for a question that was asked at `asked_at` and is decided `now`.
    pub(crate) fn answer_is_fresh(
        &self,
        entry: &CacheEntry,
        max_age: Option<Duration>,
        asked_at: UnixTime,
        now: UnixTime,
    ) -> bool {
        is_fresh(entry.sent_at, asked_at, bounded(self.ttl, max_age)) && entry.is_current(now)
    }

    /// The same of what a token proves, which goes by Clerk's clock.
    pub(crate) fn token_is_fresh(
        &self,
        assembled_at: UnixTime,
        max_age: Option<Duration>,
        asked_at: UnixTime,
    ) -> bool {
        let is_within = |age: Duration| !age.is_zero() && asked_at < assembled_at + age;
        let is_within_max_age = |age: Duration| is_within(age.saturating_sub(self.clock_skew));
        is_within(self.ttl) && max_age.is_none_or(is_within_max_age)
    }
}

/// Whether an answer to a request sent at `sent_at` serves a question asked at `asked_at`: it was
/// sent later, or its age then was less than `lifetime`.
pub(crate) fn is_fresh(sent_at: UnixTime, asked_at: UnixTime, lifetime: Duration) -> bool {
    asked_at <= sent_at || asked_at < sent_at + lifetime
}

pub(crate) fn bounded(lifetime: Duration, max_age: Option<Duration>) -> Duration {
    max_age.map_or(lifetime, |max_age| lifetime.min(max_age))
}
