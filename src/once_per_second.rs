//! Saying something loudly without saying it all the time.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Tells once per second that something is due.
#[derive(Debug, Default)]
pub(crate) struct OncePerSecond(Mutex<Option<Instant>>);

impl OncePerSecond {
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due =
            last.is_none_or(|last| now.saturating_duration_since(last) >= Duration::from_secs(1));
        if due {
            *last = Some(now);
        }
        due
    }
}
