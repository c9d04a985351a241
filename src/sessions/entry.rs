//! What is known of a session, and whether it may still be used.

use std::time::{Duration, SystemTime};

use crate::{Session, SessionStatus, client};

/// Something authoritative that was learned of a session.
#[derive(Debug, Clone)]
pub(crate) struct CacheEntry {
    pub(crate) fact: Fact,
    /// When the request was sent that it was learned by: ages count from here.
    pub(crate) sent_at: SystemTime,
    /// When Clerk was last asked in vain since.
    pub(crate) unavailable_at: Option<SystemTime>,
}

#[derive(Debug, Clone)]
pub(crate) enum Fact {
    /// Clerk describes it so.
    Session(Session),
    /// Clerk says that there is no such session.
    Missing(client::Error),
    /// This process revoked it; Clerk's answer to that.
    RevokedHere(Result<Session, client::Error>),
}

/// How long what is learned may be used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetimes {
    pub(crate) active: Duration,
    pub(crate) negative: Duration,
    pub(crate) stale_if_error: Duration,
}

/// After a failed attempt Clerk is left alone for this long where a stale answer serves.
const STALE_WITHOUT_ASKING: Duration = Duration::from_secs(1);

/// A clock that was set back by more than this makes everything older than it claims to be.
const CLOCK_SLACK: Duration = Duration::from_secs(1);

impl CacheEntry {
    pub(crate) fn new(fact: Fact, sent_at: SystemTime) -> Self {
        Self { fact, sent_at, unavailable_at: None }
    }

    /// Whether it answers a question that was asked at `asked_at`, and still does `now`.
    pub(crate) fn is_current(
        &self,
        lifetimes: &Lifetimes,
        max_age: Option<Duration>,
        asked_at: SystemTime,
        now: SystemTime,
    ) -> bool {
        if self.is_final() {
            return true;
        }
        let lifetime = match &self.fact {
            Fact::Missing(_) | Fact::RevokedHere(_) => lifetimes.negative,
            Fact::Session(session) if now >= ends_at(session) => {
                if self.sent_at < ends_at(session) {
                    return false;
                }
                lifetimes.negative
            }
            Fact::Session(session) if *session.status() == SessionStatus::Active => {
                lifetimes.active
            }
            Fact::Session(_) => lifetimes.negative,
        };
        is_fresh(self.sent_at, asked_at, bounded(lifetime, max_age))
            && self.sent_at <= now + CLOCK_SLACK
    }

    /// Whether nothing that Clerk may say could change it.
    pub(crate) fn is_final(&self) -> bool {
        match &self.fact {
            Fact::RevokedHere(_) => true,
            Fact::Missing(_) => false,
            Fact::Session(session) => is_final(session.status()),
        }
    }

    /// Whether it may be served although it is no longer current, since Clerk is unavailable.
    pub(crate) fn may_be_served_stale(&self, lifetimes: &Lifetimes, now: SystemTime) -> bool {
        let Fact::Session(session) = &self.fact else { return false };
        !lifetimes.stale_if_error.is_zero()
            && *session.status() == SessionStatus::Active
            && now < ends_at(session)
            && now
                .duration_since(self.sent_at)
                .is_ok_and(|age| age < lifetimes.active + lifetimes.stale_if_error)
    }

    /// Whether Clerk was asked in vain so recently that asking again can wait.
    pub(crate) fn was_just_unavailable(&self, now: SystemTime) -> bool {
        self.unavailable_at
            .and_then(|at| now.duration_since(at).ok())
            .is_some_and(|since| since < STALE_WITHOUT_ASKING)
    }
}

/// Whether an answer to a request sent at `sent_at` serves a question asked at `asked_at`: it was
/// sent later, or its age then was less than `lifetime`.
pub(crate) fn is_fresh(sent_at: SystemTime, asked_at: SystemTime, lifetime: Duration) -> bool {
    asked_at.duration_since(sent_at).map_or(true, |age| age.is_zero() || age < lifetime)
}

pub(crate) fn bounded(lifetime: Duration, max_age: Option<Duration>) -> Duration {
    max_age.map_or(lifetime, |max_age| lifetime.min(max_age))
}

fn ends_at(session: &Session) -> SystemTime {
    session.expire_at().min(session.abandon_at())
}

/// Whether a session in this state never becomes active again.
fn is_final(status: &SessionStatus) -> bool {
    matches!(
        status,
        SessionStatus::Revoked
            | SessionStatus::Ended
            | SessionStatus::Expired
            | SessionStatus::Removed
            | SessionStatus::Abandoned
            | SessionStatus::Replaced
    )
}
