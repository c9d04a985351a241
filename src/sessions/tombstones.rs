//! Keeping in mind for as long as it matters what no cache may forget.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::slot::Slot;

/// Holds on to slots outside of any cache: those of sessions that are over, and whatever else must not be evicted.
///
/// Each is held for its time at least, both by the time of day and by a clock that nobody sets, and for as long as any token that
/// was seen for its session is good. How many there can be is bounded by how often Clerk lets anyone revoke.
#[derive(Debug)]
pub(super) struct Tombstones {
    clock_skew: Duration,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    by_end: BTreeMap<(Instant, u64), (SystemTime, Arc<Slot>)>,
    next_number: u64,
}

/// Now, by the time of day and by a clock that nobody sets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) time: SystemTime,
    pub(super) instant: Instant,
}

/// So many are looked at with each that is added, so that nobody pays for all.
const LOOKED_AT: usize = 4;

impl Tombstones {
    pub(super) fn new(clock_skew: Duration) -> Self {
        Self { clock_skew, held: Mutex::default() }
    }

    /// Holds the slot until the given time at least, and lets go of some whose time is over.
    pub(super) fn hold(&self, slot: Arc<Slot>, until: SystemTime, now: Now) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(slot, until, now);
        let mut over = Vec::new();
        for _ in 0..LOOKED_AT {
            match held.by_end.first_entry() {
                Some(first) if first.key().0 <= now.instant => over.push(first.remove()),
                _ => break,
            }
        }
        for (until, slot) in over {
            let tokens_end = slot.last_token_expiry().map(|expiry| expiry + self.clock_skew);
            let until = tokens_end.map_or(until, |tokens_end| tokens_end.max(until));
            if until > now.time {
                held.insert(slot, until, now);
            }
        }
    }
}

impl Held {
    fn insert(&mut self, slot: Arc<Slot>, until: SystemTime, now: Now) {
        self.next_number += 1;
        let left = until.duration_since(now.time).unwrap_or_default();
        self.by_end.insert((now.instant + left, self.next_number), (until, slot));
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

    fn is_held(slot: &Arc<Slot>) -> bool {
        Arc::strong_count(slot) > 1
    }

    /// Both clocks show the same.
    fn now(seconds: u64) -> Now {
        thread_local!(static START: Instant = Instant::now());
        let instant = START.with(|start| *start + Duration::from_secs(seconds));
        Now { time: at(seconds), instant }
    }

    #[test]
    fn a_tombstone_is_held_until_the_last_token_seen_is_over() {
        let tombstones = Tombstones::new(Duration::from_secs(5));
        let (short, long) = (slot("sess_short"), slot("sess_long"));
        tombstones.hold(Arc::clone(&short), at(100), now(10));
        tombstones.hold(Arc::clone(&long), at(100), now(10));
        long.note_token(at(200));

        tombstones.hold(slot("sess_other"), at(300), now(150));
        assert_eq!((Arc::strong_count(&short), Arc::strong_count(&long)), (1, 2));

        tombstones.hold(slot("sess_other"), at(300), now(206));
        assert_eq!(Arc::strong_count(&long), 1);
    }

    #[test]
    fn a_clock_that_jumps_three_days_ahead_and_back_releases_no_tombstone() {
        let tombstones = Tombstones::new(Duration::from_secs(5));
        let (day, revoked) = (24 * 60 * 60, slot("sess_1"));
        tombstones.hold(Arc::clone(&revoked), at(day), now(0));
        let jumped = Now { time: at(3 * day), ..now(10) };
        tombstones.hold(slot("sess_2"), at(4 * day), jumped);
        tombstones.hold(slot("sess_3"), at(day), now(20));
        assert!(is_held(&revoked));

        // Set back by two days, it is held until the time of day has come, too.
        let set_back = |seconds: u64| Now { time: at(seconds), ..now(seconds + 2 * day) };
        tombstones.hold(slot("sess_4"), at(day), set_back(day / 2));
        assert!(is_held(&revoked));
        tombstones.hold(slot("sess_5"), at(2 * day), set_back(day + 1));
        assert!(!is_held(&revoked));
    }
}
