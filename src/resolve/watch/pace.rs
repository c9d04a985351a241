use std::time::Duration;

use tokio::time::Instant;

use crate::unix_time::UnixTime;

/// Now, by the time of day and by a clock that nobody sets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) time: UnixTime,
    pub(super) instant: Instant,
}

/// When Clerk was asked, and when it is asked again.
#[derive(Debug)]
pub(super) struct Pace {
    checked_at: Moment,
    failed_at: Option<Instant>,
    forgotten_at: Option<Instant>,
}

/// After what was known was forgotten, Clerk is asked so much later: most often that is a revocation, whose end tells more.
const AFTER_FORGETTING: Duration = Duration::from_millis(250);
/// After somebody else asked in vain.
const AFTER_FAILURE_OF_OTHERS: Duration = Duration::from_secs(1);

impl Pace {
    pub(super) fn new(now: Moment) -> Self {
        Self { checked_at: now, failed_at: None, forgotten_at: None }
    }

    pub(super) fn checked(&mut self, now: Moment) {
        *self = Self::new(now);
    }

    pub(super) fn failed(&mut self, now: Moment) {
        self.failed_at = Some(now.instant);
    }

    pub(super) fn note_forgotten(&mut self, is_forgotten: bool, now: Moment) {
        let since = self.forgotten_at.unwrap_or(now.instant);
        self.forgotten_at = is_forgotten.then_some(since);
    }

    /// When it is time to ask, where the session was proved active by something else so long ago.
    pub(super) fn due_in(
        &self,
        now: Moment,
        recheck: Duration,
        evidence_age: Option<Duration>,
    ) -> Duration {
        // By whichever clock more time has passed.
        let by_instant = now.instant.saturating_duration_since(self.checked_at.instant);
        let age = self.checked_at.time.apart(now.time).max(by_instant);
        recheck.saturating_sub(evidence_age.map_or(age, |evidence| evidence.min(age)))
    }

    /// When Clerk may be asked.
    pub(super) fn ask_in(
        &self,
        now: Moment,
        retry: Duration,
        since_failure_of_others: Option<Duration>,
    ) -> Duration {
        let left = |since: Option<Instant>, wait: Duration| {
            since.map(|since| wait.saturating_sub(now.instant.saturating_duration_since(since)))
        };
        let of_others =
            since_failure_of_others.map(|since| AFTER_FAILURE_OF_OTHERS.saturating_sub(since));
        [left(self.forgotten_at, AFTER_FORGETTING), left(self.failed_at, retry), of_others]
            .into_iter()
            .flatten()
            .max()
            .unwrap_or_default()
    }
}
