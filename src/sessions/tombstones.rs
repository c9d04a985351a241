//! Keeping revocations in mind for as long as they matter.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use super::slot::Slot;

/// Holds on to the slots of sessions that this process revoked, outside of any cache.
///
/// Each is held at least for `retention`, and for as long as any token that was seen for its session
/// is good. How many there can be is bounded by how often Clerk lets anyone revoke.
#[derive(Debug)]
pub(super) struct Tombstones {
    clock_skew: Duration,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    by_end: BTreeMap<(SystemTime, u64), Arc<Slot>>,
    next_number: u64,
}

impl Tombstones {
    pub(super) fn new(clock_skew: Duration) -> Self {
        Self { clock_skew, held: Mutex::default() }
    }

    /// Holds the slot until the given time at least, and lets go of those whose time is over.
    pub(super) fn hold(&self, slot: Arc<Slot>, until: SystemTime, now: SystemTime) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(slot, until);
        while let Some(first) = held.by_end.first_entry()
            && first.key().0 <= now
        {
            let slot = first.remove();
            let tokens_end = slot.last_token_expiry() + self.clock_skew;
            if tokens_end > now {
                held.insert(slot, tokens_end);
            }
        }
    }
}

impl Held {
    fn insert(&mut self, slot: Arc<Slot>, until: SystemTime) {
        self.next_number += 1;
        self.by_end.insert((until, self.next_number), slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn slot(name: &str) -> Arc<Slot> {
        Arc::new(Slot::new(name.parse().unwrap()))
    }

    #[test]
    fn a_tombstone_is_held_until_the_last_token_seen_is_over() {
        let tombstones = Tombstones::new(Duration::from_secs(5));
        let (short, long) = (slot("sess_short"), slot("sess_long"));
        tombstones.hold(Arc::clone(&short), at(100), at(10));
        tombstones.hold(Arc::clone(&long), at(100), at(10));
        long.note_token(at(200));

        tombstones.hold(slot("sess_other"), at(300), at(150));
        assert_eq!((Arc::strong_count(&short), Arc::strong_count(&long)), (1, 2));

        tombstones.hold(slot("sess_other"), at(300), at(205));
        assert_eq!(Arc::strong_count(&long), 1);
    }
}
