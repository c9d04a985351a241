//! When to fetch keys, and what to say meanwhile.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::super::{FetchError, TokenError, TokenErrorKind};
use crate::{Clock, clock::elapsed};

/// However many tokens come with unknown keys or bad signatures, they cause one fetch in this time.
const PROVOKED_INTERVAL: Duration = Duration::from_secs(30);
/// How long after its beginning a fetch is joined by tokens whose signature is bad.
const JOINED_WITHIN: Duration = Duration::from_secs(1);
const FIRST_BACK_OFF: Duration = Duration::from_millis(250);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(5);
/// `Retry-After` is obeyed for no longer.
const LONGEST_ASKED_WAIT: Duration = Duration::from_secs(60);
/// A refused secret key does not mend itself.
const UNAUTHORIZED_BACK_OFF: Duration = Duration::from_secs(10);

/// The time by the two clocks there are: keys are as old as the day says, and a fetch takes as long
/// as it takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) time: SystemTime,
    pub(super) instant: Instant,
}

impl Now {
    pub(super) fn by(clock: &Clock) -> Self {
        Self { time: clock.now(), instant: Instant::now() }
    }
}

#[derive(Debug)]
pub(super) struct Schedule {
    /// How long a fetch is waited for before another one takes its place: longer than it can take on
    /// a runtime that is polled.
    patience: Duration,
    begun: u64,
    under_way: Option<Fetch>,
    /// The latest fetch that brought keys.
    landed: u64,
    failures: u32,
    last_failure: Option<Failure>,
    provoked_at: Option<SystemTime>,
}

/// A fetch under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fetch {
    pub(super) number: u64,
    begun_at: Instant,
    pub(super) overdue_at: Instant,
}

#[derive(Debug)]
struct Failure {
    at: SystemTime,
    error: FetchError,
}

impl Failure {
    /// For how long the server asked to be left alone.
    fn asked_wait(&self) -> Duration {
        self.error.retry_after.unwrap_or_default().min(LONGEST_ASKED_WAIT)
    }
}

/// What to do for a token that the keys in hand do not verify.
pub(super) enum Step {
    Fetch,
    /// For the fetch that is under way.
    Wait(Fetch),
    Refuse(TokenError),
}

impl Schedule {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            begun: 0,
            under_way: None,
            landed: 0,
            failures: 0,
            last_failure: None,
            provoked_at: None,
        }
    }

    /// For a token whose key is not in hand.
    pub(super) fn step(&self, now: Now, have_keys: bool) -> Step {
        if let Some(fetch) = self.under_way(now) {
            return Step::Wait(fetch);
        }
        let too_soon = if have_keys {
            self.was_provoked(now) || self.was_asked_to_wait(now)
        } else {
            self.backs_off(now)
        };
        if too_soon { Step::Refuse(self.refusal()) } else { Step::Fetch }
    }

    /// For a token whose signature is not that of the key of its name, when these were asked for: the
    /// name may have been given to another key. Anyone can send one, so few wait.
    pub(super) fn step_for_signature(&self, now: Now, as_of: SystemTime) -> Step {
        let refuse = Step::Refuse(TokenErrorKind::Signature.into());
        if elapsed(as_of, now.time) <= PROVOKED_INTERVAL {
            return refuse;
        }
        match self.under_way(now) {
            Some(fetch) if now.instant.duration_since(fetch.begun_at) <= JOINED_WITHIN => {
                Step::Wait(fetch)
            }
            Some(_) => refuse,
            None if self.was_provoked(now) || self.was_asked_to_wait(now) => refuse,
            None => Step::Fetch,
        }
    }

    pub(super) fn may_refresh(&self, now: Now) -> bool {
        self.under_way(now).is_none() && !self.backs_off(now)
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

    /// A token caused a fetch although there are keys, or one that did not bring its own.
    pub(super) fn provoked(&mut self, now: Now) {
        self.provoked_at = Some(now.time);
    }

    /// Another one that is still under way is overdue, and no longer waited for.
    pub(super) fn set_out(&mut self, now: Now) -> Fetch {
        self.begun += 1;
        let fetch = Fetch {
            number: self.begun,
            begun_at: now.instant,
            overdue_at: now.instant + self.patience,
        };
        self.under_way = Some(fetch);
        fetch
    }

    /// Whether what it brought is to be taken: not if a later one has brought something.
    pub(super) fn succeeded(&mut self, number: u64) -> bool {
        self.ended(number);
        if number < self.landed {
            return false;
        }
        self.landed = number;
        self.failures = 0;
        self.last_failure = None;
        true
    }

    /// Unless another one has taken its place, which will tell.
    pub(super) fn failed(&mut self, number: u64, now: SystemTime, error: FetchError) {
        if self.ended(number) {
            self.failures = self.failures.saturating_add(1);
            self.last_failure = Some(Failure { at: now, error });
        }
    }

    /// It ended with its runtime, which says nothing of Clerk.
    pub(super) fn lost(&mut self, number: u64) {
        self.ended(number);
    }

    fn ended(&mut self, number: u64) -> bool {
        self.under_way.take_if(|fetch| fetch.number == number).is_some()
    }

    fn under_way(&self, now: Now) -> Option<Fetch> {
        self.under_way.filter(|fetch| now.instant < fetch.overdue_at)
    }

    fn was_provoked(&self, now: Now) -> bool {
        self.provoked_at.is_some_and(|at| elapsed(at, now.time) < PROVOKED_INTERVAL)
    }

    fn backs_off(&self, now: Now) -> bool {
        let backs_off = |last: &Failure| elapsed(last.at, now.time) < self.back_off(last);
        self.last_failure.as_ref().is_some_and(backs_off)
    }

    fn back_off(&self, last: &Failure) -> Duration {
        if last.error.unauthorized {
            return UNAUTHORIZED_BACK_OFF;
        }
        let doublings = self.failures.saturating_sub(1).min(16);
        (FIRST_BACK_OFF * 2_u32.pow(doublings)).min(LONGEST_BACK_OFF).max(last.asked_wait())
    }

    fn was_asked_to_wait(&self, now: Now) -> bool {
        let waits = |last: &Failure| elapsed(last.at, now.time) < last.asked_wait();
        self.last_failure.as_ref().is_some_and(waits)
    }
}
