//! The silence that Clerk asked for.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Until when a client holds its questions back.
#[derive(Debug, Default)]
pub(super) struct Quiet(Mutex<Option<Instant>>);

impl Quiet {
    /// Keeps quiet for so long from `now`, and never for less than was asked for before.
    pub(super) fn keep(&self, now: Instant, wait: Duration) {
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *until = (*until).max(now.checked_add(wait));
    }

    /// How much of the silence is left.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_silence_asked_for_is_kept() {
        let (quiet, now, second) = (Quiet::default(), Instant::now(), Duration::from_secs(1));
        assert_eq!(quiet.left(now), None);
        quiet.keep(now, 5 * second);
        quiet.keep(now, second);
        assert_eq!(quiet.left(now + 2 * second), Some(3 * second));
        assert_eq!(quiet.left(now + 5 * second), None);
    }
}
