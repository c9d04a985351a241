//! What is known of a session, and whether it may still be used.

use std::time::{Duration, SystemTime};

use super::{Policy, Rejection};
use crate::{Claims, Session, SessionStatus, client};

/// Something authoritative that was learned of a session.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) fact: Fact,
    /// When the request was sent that it was learned by: ages count from here.
    pub(super) sent_at: SystemTime,
    /// When Clerk was last asked in vain since.
    pub(super) unavailable_at: Option<SystemTime>,
}

#[derive(Debug, Clone)]
pub(super) enum Fact {
    /// Clerk describes it so.
    Session(Session),
    /// Clerk says that there is no such session.
    Missing(client::Error),
    /// This process revoked it; Clerk's answer to that.
    RevokedHere(Result<Session, client::Error>),
}

/// How long what is learned may be used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lifetimes {
    pub(super) active: Duration,
    pub(super) negative: Duration,
    pub(super) stale_if_error: Duration,
}

/// After a failed attempt Clerk is left alone for this long where a stale answer serves.
const STALE_WITHOUT_ASKING: Duration = Duration::from_secs(1);

/// A clock that was set back by more than this makes everything older than it claims to be.
const CLOCK_SLACK: Duration = Duration::from_secs(1);

impl Known {
    pub(super) fn new(fact: Fact, sent_at: SystemTime) -> Self {
        Self { fact, sent_at, unavailable_at: None }
    }

    /// Whether it answers a question that was asked at `asked_at`, and still does `now`.
    pub(super) fn is_current(
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
    pub(super) fn is_final(&self) -> bool {
        match &self.fact {
            Fact::RevokedHere(_) => true,
            Fact::Missing(_) => false,
            Fact::Session(session) => is_final(session.status()),
        }
    }

    /// Whether it may be served although it is no longer current, since Clerk is unavailable.
    pub(super) fn may_be_served_stale(
        &self,
        lifetimes: &Lifetimes,
        policy: &Policy,
        now: SystemTime,
    ) -> bool {
        let Fact::Session(session) = &self.fact else { return false };
        policy.greatest_age().is_none()
            && !lifetimes.stale_if_error.is_zero()
            && *session.status() == SessionStatus::Active
            && now < ends_at(session)
            && now
                .duration_since(self.sent_at)
                .is_ok_and(|age| age < lifetimes.active + lifetimes.stale_if_error)
    }

    /// Whether Clerk was asked in vain so recently that asking again can wait.
    pub(super) fn was_just_unavailable(&self, now: SystemTime) -> bool {
        self.unavailable_at
            .and_then(|at| now.duration_since(at).ok())
            .is_some_and(|since| since < STALE_WITHOUT_ASKING)
    }

    /// The verdict on a request: the session, where it is this user's and this policy admits it.
    pub(super) fn verdict(
        &self,
        claims: Option<&Claims>,
        policy: &Policy,
        now: SystemTime,
    ) -> Result<&Session, Rejection> {
        let session = match &self.fact {
            Fact::Session(session) => session,
            Fact::Missing(_) => return Err(Rejection::session_not_found()),
            Fact::RevokedHere(_) => return Err(Rejection::session_in(&SessionStatus::Revoked)),
        };
        if claims.is_some_and(|claims| claims.user_id() != session.user_id()) {
            return Err(Rejection::unavailable());
        }
        match session.status() {
            SessionStatus::Active => {}
            SessionStatus::Pending if policy.accepts_pending() => {}
            status => return Err(Rejection::session_in(status)),
        }
        if now >= session.expire_at() {
            return Err(Rejection::session_in(&SessionStatus::Expired));
        }
        if now >= session.abandon_at() {
            return Err(Rejection::session_in(&SessionStatus::Abandoned));
        }
        Ok(session)
    }
}

/// Whether an answer to a request sent at `sent_at` serves a question asked at `asked_at`: it was
/// sent later, or its age then was less than `lifetime`.
pub(super) fn is_fresh(sent_at: SystemTime, asked_at: SystemTime, lifetime: Duration) -> bool {
    asked_at.duration_since(sent_at).map_or(true, |age| age.is_zero() || age < lifetime)
}

pub(super) fn bounded(lifetime: Duration, max_age: Option<Duration>) -> Duration {
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
