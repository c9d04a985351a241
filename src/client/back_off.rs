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
