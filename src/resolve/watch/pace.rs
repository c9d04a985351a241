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
    /// When it was last asked so that others who ask go before.
    asked_ahead_at: Option<Instant>,
    /// How often that was, and nothing came of it.
    put_off: u8,
}

/// So often whoever waits for an answer goes before.
const PUT_OFF_AT_MOST: u8 = 10;
/// After what was known was forgotten, Clerk is asked so much later: most often that is a revocation, whose end tells more.
const AFTER_FORGETTING: Duration = Duration::from_millis(250);
/// After somebody else asked in vain.
const AFTER_FAILURE_OF_OTHERS: Duration = Duration::from_secs(1);

impl Pace {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            checked_at: now,
            failed_at: None,
            forgotten_at: None,
            asked_ahead_at: None,
            put_off: 0,
        }
    }

    pub(super) fn checked(&mut self, now: Moment) {
        *self = Self::new(now);
    }

    pub(super) fn failed(&mut self, now: Moment) {
        self.failed_at = Some(now.instant);
    }

    /// It was asked so that others who ask go before. What comes of that will show.
    pub(super) fn asked_ahead(&mut self, counts: bool, now: Moment) {
        self.asked_ahead_at = Some(now.instant);
        self.put_off = if counts { self.put_off.saturating_add(1) } else { 0 };
    }

    /// Whether it is time to ask like everybody else.
    pub(super) fn was_put_off(&self) -> bool {
        self.put_off >= PUT_OFF_AT_MOST
    }

    /// Nothing is due. Gives whether something was.
    pub(super) fn catch_up(&mut self) -> bool {
        self.put_off = 0;
        let asked = [self.failed_at.take(), self.asked_ahead_at.take()];
        asked.iter().any(Option::is_some)
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
        let of_others =
            since_failure_of_others.map(|since| AFTER_FAILURE_OF_OTHERS.saturating_sub(since));
        let left = |since, wait| left(since, wait, now);
        [left(self.forgotten_at, AFTER_FORGETTING), left(self.failed_at, retry), of_others]
            .into_iter()
            .flatten()
            .max()
            .unwrap_or_default()
    }

    /// When Clerk may be asked once more so that others who ask go before.
    pub(super) fn ask_ahead_in(&self, now: Moment, retry: Duration) -> Duration {
        left(self.asked_ahead_at, retry, now).unwrap_or_default()
    }
}

fn left(since: Option<Instant>, wait: Duration, now: Moment) -> Option<Duration> {
    since.map(|since| wait.saturating_sub(now.instant.saturating_duration_since(since)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const RECHECK: Duration = Duration::from_secs(300);

    /// Now, after so many seconds by the time of day and by the clock that nobody sets.
    fn after(time: i64, instant: u64) -> Moment {
        thread_local!(static START: Instant = Instant::now());
        let noon = 1_000_000_i64;
        let seconds = u64::try_from(noon + time).unwrap();
        Moment {
            time: UnixTime::from_nanos(seconds * 1_000_000_000),
            instant: START.with(|start| *start) + Duration::from_secs(instant),
        }
    }

    #[test]
    fn it_is_time_to_ask_by_whichever_clock_more_time_has_passed() {
        let pace = Pace::new(after(0, 0));
        for (now, left) in [
            (after(100, 100), 200),
            (after(300, 300), 0),
            // The time of day was set ahead, or stands still.
            (after(1000, 1), 0),
            (after(0, 300), 0),
            // It was set back, by little and by much.
            (after(-100, 1), 200),
            (after(-1000, 1), 0),
        ] {
            assert_eq!(pace.due_in(now, RECHECK, None).as_secs(), left, "{now:?}");
        }
        let evidence = Some(Duration::from_secs(30));
        assert_eq!(pace.due_in(after(300, 300), RECHECK, evidence).as_secs(), 270);
        assert_eq!(pace.due_in(after(100, 100), RECHECK, Some(RECHECK)).as_secs(), 200);
    }

    #[test]
    fn whoever_asked_in_vain_asks_again_after_a_while() {
        let mut pace = Pace::new(after(0, 0));
        let ask_in = |pace: &Pace, now, others| pace.ask_in(now, MINUTE, others).as_millis();
        assert_eq!(ask_in(&pace, after(0, 0), None), 0);
        assert_eq!(ask_in(&pace, after(0, 0), Some(Duration::from_millis(400))), 600);
        assert_eq!(ask_in(&pace, after(0, 0), Some(MINUTE)), 0);
        pace.failed(after(0, 0));
        assert_eq!(ask_in(&pace, after(0, 20), None), 40_000);
        pace.checked(after(0, 20));
        assert_eq!(ask_in(&pace, after(0, 20), None), 0);
        // What is asked ahead of all need puts nothing else off, and is itself put off so often.
        for times in 1..=10 {
            assert!(!pace.was_put_off(), "{times}");
            pace.asked_ahead(true, after(0, 20));
        }
        assert!(pace.was_put_off());
        assert_eq!(ask_in(&pace, after(0, 20), None), 0);
        assert_eq!(pace.ask_ahead_in(after(0, 30), MINUTE).as_secs(), 50);
        assert!(pace.catch_up() && !pace.was_put_off() && !pace.catch_up());
        for _ in 0..10 {
            pace.asked_ahead(false, after(0, 20));
        }
        assert!(!pace.was_put_off(), "by an outage");
        // After something was forgotten, a moment later, and not once more for each look.
        pace.note_forgotten(true, after(0, 20));
        pace.note_forgotten(true, after(0, 30));
        assert_eq!(ask_in(&pace, after(0, 20), None), 250);
        assert_eq!(ask_in(&pace, after(0, 30), None), 0);
        pace.note_forgotten(false, after(0, 30));
        pace.note_forgotten(true, after(0, 40));
        assert_eq!(ask_in(&pace, after(0, 40), None), 250);
    }
}
