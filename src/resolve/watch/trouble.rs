use std::sync::atomic::{AtomicBool, Ordering};

use crate::Rejection;

/// What keeps Clerk from being asked about those who are watched, and is this service's own mistake: told once.
#[derive(Debug, Default)]
pub(in crate::resolve) struct Trouble(AtomicBool);

impl Trouble {
    pub(super) fn log(&self, rejection: &Rejection) {
        if !self.0.swap(true, Ordering::Relaxed) {
            let reason = rejection.reason();
            tracing::error!(
                reason,
                "sessions that are watched cannot be checked; they go on: {rejection}"
            );
        }
    }

    pub(super) fn is_over(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
