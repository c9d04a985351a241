//! Whether the log can be relied upon, judged by whether this process reads its own signs of life.

use std::time::Duration;

use tokio::time::Instant;

use crate::fleet::LogError;

/// A sign of life is appended this often.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// It must be read back within this time.
pub(super) const BEAT_WITHIN: Duration = Duration::from_secs(2);
/// The log is usable for as long after one was read back.
const USABLE_FOR: Duration = Duration::from_secs(7);
/// A trouble that stays the same is said this often.
const SAY_AGAIN_AFTER: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Health {
    /// The sign of life that is yet to be read back, and when it was appended.
    awaited: Option<(u64, Instant)>,
    last_beat: u64,
    next_beat_at: Instant,
    /// When one was read back the last time.
    seen_at: Option<Instant>,
    /// Whether that was after the last failure.
    usable: bool,
    down_since: Instant,
    last_error: Option<LogError>,
    said: Option<(LogError, Instant)>,
}

/// How things stand with the log.
#[derive(Debug, Clone)]
pub(crate) struct LogReport {
    /// Whether this process has read its own sign of life in the last seconds.
    pub(crate) usable: bool,
    /// The time since then, if ever.
    pub(crate) age: Option<Duration>,
    /// What went wrong, unless it has gone well since.
    pub(crate) last_error: Option<LogError>,
    /// For how long it has not been usable; zero where it is.
    pub(crate) down_for: Duration,
}

impl Health {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            awaited: None,
            last_beat: 0,
            next_beat_at: now,
            seen_at: None,
            usable: false,
            down_since: now,
            last_error: None,
            said: None,
        }
    }

    pub(super) fn report(&self, now: Instant) -> LogReport {
        let usable = self.is_usable(now);
        let age = self.seen_at.map(|at| now.saturating_duration_since(at));
        let since = if self.usable { self.seen_at.map(|at| at + USABLE_FOR) } else { None };
        let silent = || LogError::new("nothing was read from the log for too long");
        LogReport {
            usable,
            age,
            last_error: self.last_error.clone().or_else(|| (self.usable && !usable).then(silent)),
            down_for: now.saturating_duration_since(since.unwrap_or(self.down_since)),
        }
    }

    pub(super) fn is_usable(&self, now: Instant) -> bool {
        let is_recent = |at| now.saturating_duration_since(at) < USABLE_FOR;
        self.usable && self.seen_at.is_some_and(is_recent)
    }

    /// Whether it is time for a sign of life.
    pub(super) fn beat_is_due(&self, now: Instant) -> bool {
        self.awaited.is_none() && self.next_beat_at <= now
    }

    /// A sign of life is about to be appended. Gives its number.
    pub(super) fn begin_beat(&mut self, now: Instant) -> u64 {
        self.last_beat += 1;
        self.awaited = Some((self.last_beat, now));
        self.next_beat_at = now + BEAT_EVERY;
        self.last_beat
    }

    /// Whether a sign of life should have been read back by now.
    pub(super) fn beat_is_overdue(&self, now: Instant) -> bool {
        self.awaited.is_some_and(|(_, at)| at + BEAT_WITHIN <= now)
    }

    /// When a sign of life becomes due or overdue.
    pub(super) fn next_event_at(&self) -> Instant {
        self.awaited.map_or(self.next_beat_at, |(_, at)| at + BEAT_WITHIN)
    }

    /// No sign of life before this time.
    pub(super) fn put_off_beat(&mut self, until: Instant) {
        self.next_beat_at = until;
    }

    /// A sign of life of this process was read. Those from before a failure prove nothing.
    pub(super) fn saw_beat(&mut self, number: u64, now: Instant) {
        if self.awaited.is_none_or(|(awaited, _)| awaited != number) {
            return;
        }
        self.awaited = None;
        self.seen_at = Some(now);
        self.last_error = None;
        if !std::mem::replace(&mut self.usable, true) && self.said.take().is_some() {
            tracing::info!("the log of revocations can be used again");
        }
    }

    /// The log cannot be relied upon until the next sign of life was read back, which is due at once.
    pub(super) fn failed(&mut self, error: LogError, now: Instant) {
        let is_said = self.said.as_ref().is_some_and(|(said, at)| {
            let pause = if *said == error { SAY_AGAIN_AFTER } else { Duration::from_secs(1) };
            now.saturating_duration_since(*at) < pause
        });
        if !is_said {
            tracing::error!(%error, "the log of revocations cannot be used; others notice later what is revoked here");
            self.said = Some((error.clone(), now));
        }
        self.stopped(error, now);
    }

    /// The same, where that is nothing to tell operators of.
    pub(super) fn stopped(&mut self, error: LogError, now: Instant) {
        self.awaited = None;
        self.next_beat_at = now;
        if self.usable {
            self.usable = false;
            self.down_since = now;
        }
        self.last_error = Some(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> LogError {
        LogError::new("cut")
    }

    #[test]
    fn the_log_is_usable_for_seven_seconds_after_the_own_beat_was_read() {
        let start = Instant::now();
        let mut health = Health::new(start);
        assert!(!health.is_usable(start), "nothing was read yet");
        let beat = health.begin_beat(start);
        health.saw_beat(beat, start);
        assert!(health.is_usable(start + Duration::from_millis(6_999)));
        let late = health.report(start + Duration::from_secs(9));
        assert!(!late.usable && late.last_error.is_some());
        assert_eq!(
            (late.age, late.down_for),
            (Some(Duration::from_secs(9)), Duration::from_secs(2))
        );
    }

    #[test]
    fn a_beat_from_before_a_failure_proves_nothing() {
        let now = Instant::now();
        let mut health = Health::new(now);
        let beat = health.begin_beat(now);
        health.failed(error(), now);
        health.saw_beat(beat, now);
        assert!(!health.is_usable(now));
        assert_eq!(health.report(now).last_error, Some(error()));
        let before = beat;
        let beat = health.begin_beat(now);
        health.saw_beat(before, now);
        assert!(!health.is_usable(now), "not even where another is awaited");
        health.saw_beat(beat + 1, now);
        assert!(!health.is_usable(now), "not ours");
        health.saw_beat(beat, now);
        assert!(health.is_usable(now) && health.report(now).last_error.is_none());
    }
}
