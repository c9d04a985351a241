//! How Clerk has been doing of late.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use crate::{Session, SessionId, client};

/// What the calls to Clerk have come to, all sessions taken together.
///
/// Clerk is *known to be unavailable* once two calls in a row came to nothing, the second of which was sent after the first
/// had failed. That changes how long those wait who can be answered otherwise, and nothing else.
#[derive(Debug, Default)]
pub(super) struct Health {
    unavailable: AtomicBool,
    record: Mutex<Record>,
}

#[derive(Debug, Default)]
struct Record {
    answered_at: Option<SystemTime>,
    last_error: Option<client::Error>,
    /// When the first failure in a row was over.
    failing_since: Option<Instant>,
    next_probe: Option<Instant>,
    /// When Clerk last refused our secret key, unless it has answered since.
    key_refused: Option<(SystemTime, client::Error)>,
    /// The session for which it was last said to be forbidden.
    forbidden: Option<(SessionId, SystemTime)>,
}

/// How things stand with Clerk's API, for a health endpoint.
#[derive(Debug)]
pub(crate) struct ApiReport {
    /// Whether the last call was answered.
    pub(crate) usable: bool,
    /// The time since a call was last answered.
    pub(crate) age: Option<Duration>,
    /// Why the last call failed, if it did.
    pub(crate) last_error: Option<client::Error>,
}

/// How often Clerk is asked again once it has refused our secret key.
const KEY_RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// Clerk says of one session that it is forbidden, and soon of another: then it is the key that is refused.
const FORBIDDEN_TOGETHER: Duration = Duration::from_secs(10);

/// How often it is found out whether Clerk is back.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

impl Health {
    pub(super) fn is_unavailable(&self) -> bool {
        self.unavailable.load(Ordering::Acquire)
    }

    /// The right to find out whether Clerk is back, for one at a time.
    pub(super) fn claim_probe(&self, now: Instant, patience: Duration) -> bool {
        let mut record = self.record();
        if record.next_probe.is_some_and(|due| now < due) {
            return false;
        }
        record.next_probe = Some(now + patience);
        true
    }

    /// How a call ended that was sent at `sent`.
    pub(super) fn note(
        &self,
        id: &SessionId,
        answer: &Result<Session, client::Error>,
        sent: Instant,
        ended: Instant,
        now: SystemTime,
    ) {
        let mut record = self.record();
        let error = match answer {
            Err(error) if !error.is_not_found() => error,
            _ => {
                *record = Record { answered_at: Some(now), ..Record::default() };
                self.unavailable.store(false, Ordering::Release);
                return;
            }
        };
        record.last_error = Some(error.clone());
        if error.is_unauthorized() || record.is_second_to_be_forbidden(id, error, now) {
            record.key_refused = Some((now, error.clone()));
            self.unavailable.store(false, Ordering::Release);
        }
        if error.status().is_some() && !error.is_transient() {
            record.failing_since = None;
        }
        if error.is_transient() {
            match record.failing_since {
                None => record.failing_since = Some(ended),
                Some(first) if sent >= first => {
                    self.unavailable.store(true, Ordering::Release);
                    record.next_probe = Some(ended + PROBE_INTERVAL);
                }
                Some(_) => {}
            }
        }
    }

    /// The refusal of our secret key, for as long as asking again is of no use.
    pub(super) fn refused_key(&self, now: SystemTime) -> Option<client::Error> {
        let record = self.record();
        let (at, error) = record.key_refused.as_ref()?;
        let is_recent = now.duration_since(*at).is_ok_and(|since| since < KEY_RETRY_INTERVAL);
        is_recent.then(|| error.clone())
    }

    /// The refusal of our secret key, unless something was answered since.
    pub(super) fn key_refusal(&self) -> Option<client::Error> {
        self.record().key_refused.as_ref().map(|(_, error)| error.clone())
    }

    pub(super) fn report(&self, now: SystemTime) -> ApiReport {
        let record = self.record();
        ApiReport {
            usable: record.last_error.is_none(),
            age: record.answered_at.map(|at| now.duration_since(at).unwrap_or_default()),
            last_error: record.last_error.clone(),
        }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn is_second_to_be_forbidden(
        &mut self,
        id: &SessionId,
        error: &client::Error,
        now: SystemTime,
    ) -> bool {
        if !error.may_be_unauthorized() {
            return false;
        }
        let is_second = self.forbidden.as_ref().is_some_and(|(other, at)| {
            other != id && now.duration_since(*at).is_ok_and(|since| since < FORBIDDEN_TOGETHER)
        });
        self.forbidden = Some((id.clone(), now));
        is_second
    }
}

#[cfg(test)]
mod tests;
