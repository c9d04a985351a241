//! When to fetch keys, and what to say meanwhile.

use std::time::{Duration, SystemTime};

use super::super::{FetchError, TokenError, TokenErrorKind};
use crate::clock::elapsed;

/// However many tokens come with unknown keys, they cause one fetch in this time.
const UNKNOWN_KEY_INTERVAL: Duration = Duration::from_secs(30);
const FIRST_BACK_OFF: Duration = Duration::from_millis(250);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(5);
/// A refused secret key does not mend itself.
const UNAUTHORIZED_BACK_OFF: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Schedule {
    under_way: bool,
    failures: u32,
    last_failure: Option<Failure>,
    unknown_key_fetched_at: Option<SystemTime>,
}

#[derive(Debug)]
struct Failure {
    at: SystemTime,
    error: FetchError,
}

/// What to do for a token whose key is not in hand.
pub(super) enum Step {
    Fetch,
    /// For the fetch that is under way.
    Wait,
    Refuse(TokenError),
}

impl Schedule {
    pub(super) fn step(&self, now: SystemTime, have_keys: bool) -> Step {
        if self.under_way {
            return Step::Wait;
        }
        let too_soon = if have_keys {
            self.unknown_key_fetched_at.is_some_and(|at| elapsed(at, now) < UNKNOWN_KEY_INTERVAL)
        } else {
            self.backs_off(now)
        };
        if too_soon { Step::Refuse(self.refusal()) } else { Step::Fetch }
    }

    pub(super) fn may_refresh(&self, now: SystemTime) -> bool {
        !self.under_way && !self.backs_off(now)
    }

    /// What a token with an unknown key is told, going by the last fetch.
    pub(super) fn refusal(&self) -> TokenError {
        match &self.last_failure {
            Some(failure) => TokenError::unavailable(&failure.error),
            None => TokenErrorKind::UnknownKey.into(),
        }
    }

    pub(super) fn last_error(&self) -> Option<&FetchError> {
        self.last_failure.as_ref().map(|failure| &failure.error)
    }

    pub(super) fn unknown_key_fetched(&mut self, now: SystemTime) {
        self.unknown_key_fetched_at = Some(now);
    }

    pub(super) fn set_out(&mut self) {
        self.under_way = true;
    }

    pub(super) fn succeeded(&mut self) {
        self.under_way = false;
        self.failures = 0;
        self.last_failure = None;
    }

    pub(super) fn failed(&mut self, now: SystemTime, error: FetchError) {
        self.under_way = false;
        self.failures = self.failures.saturating_add(1);
        self.last_failure = Some(Failure { at: now, error });
    }

    fn backs_off(&self, now: SystemTime) -> bool {
        self.last_failure.as_ref().is_some_and(|last| elapsed(last.at, now) < self.back_off(last))
    }

    fn back_off(&self, last: &Failure) -> Duration {
        if last.error.unauthorized {
            return UNAUTHORIZED_BACK_OFF;
        }
        let doublings = self.failures.saturating_sub(1).min(16);
        (FIRST_BACK_OFF * 2_u32.pow(doublings)).min(LONGEST_BACK_OFF)
    }
}
