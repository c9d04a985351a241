//! What Clerk's 429s and `Retry-After` mean to the calls that follow.

use std::time::Duration;

use tokio::time::Instant;

/// How much of the pace a client uses, and until when it holds its questions back.
///
/// A 429 cuts the pace and makes for a short pause; then the pace grows back slowly. So those who
/// share a limit find their shares of it without knowing of one another, as TCP's senders do
/// (RFC 5681).
#[derive(Debug)]
pub(super) struct BackOff {
    /// The level as of some moment.
    level: (f64, Option<Instant>),
    cut: Option<Cut>,
    silent_until: Option<Instant>,
}

#[derive(Debug)]
struct Cut {
    at: Instant,
    /// Clerk has answered a call that was sent after the pause.
    is_over: bool,
}

/// What is left of the level when it is cut.
const CUT: f64 = 6.0 / 7.0;

/// How much the level grows in a second.
const GROWTH: f64 = 0.0016;

/// No cut goes below.
const LOWEST: f64 = 1.0 / 32.0;

/// How long questions are held back when the level is cut.
const PAUSE: Duration = Duration::from_secs(1);

/// For how long a cut that nothing has followed counts as recent.
const RECENT: Duration = Duration::from_secs(10);

impl Default for BackOff {
    fn default() -> Self {
        Self { level: (1.0, None), cut: None, silent_until: None }
    }
}

impl BackOff {
    /// How much of the pace to use.
    pub(super) fn level(&self, now: Instant) -> f64 {
        let (level, since) = self.level;
        let grown = since.map_or(0.0, |since| now.saturating_duration_since(since).as_secs_f64());
        (level + grown * GROWTH).min(1.0)
    }

    /// The end of the pause, after which questions may be asked.
    pub(super) fn paused_until(&self) -> Option<Instant> {
        self.cut.as_ref().map(|cut| cut.at + PAUSE)
    }

    /// How much is left of the silence that Clerk asked for.
    pub(super) fn silence(&self, now: Instant) -> Option<Duration> {
        let left = self.silent_until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Whether Clerk has refused calls lately, and answered none since.
    pub(super) fn is_wary(&self, now: Instant) -> bool {
        self.cut
            .as_ref()
            .is_some_and(|cut| !cut.is_over && now.saturating_duration_since(cut.at) < RECENT)
    }

    /// Keeps silent for so long, and never for less than was asked for before.
    pub(super) fn keep_silent(&mut self, wait: Duration, now: Instant) {
        self.silent_until = self.silent_until.max(now.checked_add(wait));
    }

    /// Clerk answered 429 to a call. All to calls that were sent before the pause was over are one
    /// cut. Whether this one was cut for.
    pub(super) fn refused(&mut self, sent: Instant, wait: Option<Duration>, now: Instant) -> bool {
        if let Some(cut) = &self.cut {
            if sent < cut.at + PAUSE {
                return false;
            }
            if !cut.is_over
                && let Some(wait) = wait
            {
                self.keep_silent(wait, now);
            }
        }
        self.level = ((self.level(now) * CUT).max(LOWEST), Some(now));
        self.cut = Some(Cut { at: now, is_over: false });
        true
    }

    /// Clerk answered something else to a call.
    pub(super) fn answered(&mut self, sent: Instant) {
        if let Some(cut) = &mut self.cut {
            cut.is_over |= sent >= cut.at + PAUSE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn all_429s_to_calls_sent_before_the_end_of_the_pause_are_one_cut() {
        let (mut back_off, start) = (BackOff::default(), Instant::now());
        assert!(back_off.refused(start, Some(s(30.0)), start + s(0.1)));
        for late in [0.2, 1.0, 2.9] {
            assert!(!back_off.refused(start + s(0.05), Some(s(30.0)), start + s(late)));
            assert!(!back_off.refused(start + s(0.9), Some(s(30.0)), start + s(late)));
        }
        let level = back_off.level(start + s(0.1));
        assert!((level - CUT).abs() < 1e-9, "{level}");
        assert_eq!(back_off.paused_until(), Some(start + s(1.1)));
        assert_eq!(back_off.silence(start + s(0.2)), None);
    }

    #[test]
    fn only_a_429_that_follows_the_pause_makes_for_silence() {
        let (mut back_off, start) = (BackOff::default(), Instant::now());
        back_off.refused(start, Some(s(30.0)), start);
        back_off.refused(start + s(1.0), Some(s(30.0)), start + s(1.5));
        assert_eq!(back_off.silence(start + s(1.5)), Some(s(30.0)));

        // Where Clerk has answered in between, the next one is the first of a new cut.
        let mut back_off = BackOff::default();
        back_off.refused(start, Some(s(30.0)), start);
        assert!(back_off.is_wary(start + s(5.0)) && !back_off.is_wary(start + s(10.0)));
        back_off.answered(start + s(0.9));
        assert!(back_off.is_wary(start + s(5.0)), "it was sent before the pause was over");
        back_off.answered(start + s(1.0));
        assert!(!back_off.is_wary(start + s(5.0)));
        back_off.refused(start + s(5.0), Some(s(30.0)), start + s(5.0));
        assert_eq!(back_off.silence(start + s(5.0)), None);
    }

    #[test]
    fn the_level_grows_back_slowly_and_never_falls_to_nothing() {
        let (mut back_off, start) = (BackOff::default(), Instant::now());
        let mut now = start;
        for _ in 0..100 {
            now += s(2.0);
            back_off.refused(now, None, now);
        }
        assert!(back_off.level(now) >= LOWEST);
        let (minute, hour) = (back_off.level(now + s(60.0)), back_off.level(now + s(3600.0)));
        assert!(minute - back_off.level(now) < 0.15 && hour >= 1.0, "{minute} {hour}");
    }

    #[test]
    fn the_longest_silence_asked_for_is_kept() {
        let (mut back_off, now) = (BackOff::default(), Instant::now());
        assert_eq!(back_off.silence(now), None);
        back_off.keep_silent(s(5.0), now);
        back_off.keep_silent(s(1.0), now);
        assert_eq!(back_off.silence(now + s(2.0)), Some(s(3.0)));
        assert_eq!(back_off.silence(now + s(5.0)), None);
    }
}
