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
/// was seen for its session is good. However often a session is said to be over, it is held a few times at most. How many
/// sessions there can be is bounded by how often Clerk lets anyone revoke, and by who can write to the log.
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

impl Now {
    fn is_no_earlier_than(self, other: Self) -> bool {
        self.time >= other.time && self.instant >= other.instant
    }
}

/// What is held is held for longer by this part, so that what is said again a little later is held already.
const MARGIN: u32 = 16;
/// So many are looked at with each that is added, so that nobody pays for all.
const LOOKED_AT: usize = 4;

impl Tombstones {
    pub(super) fn new(clock_skew: Duration) -> Self {
        Self { clock_skew, held: Mutex::default() }
    }

    /// Holds the slot until the given time at least, and lets go of some whose time is over.
    pub(super) fn hold(&self, slot: Arc<Slot>, until: SystemTime, now: Now) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = due(&slot, until, now) {
            held.insert(slot, until, now);
        }
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

/// Until when to hold the slot, unless it is held for that long already.
fn due(slot: &Slot, until: SystemTime, now: Now) -> Option<SystemTime> {
    let held_until = &mut slot.ledger().held_until;
    let left = until.duration_since(now.time).unwrap_or_default();
    let asked = Now { time: until, instant: now.instant + left };
    if held_until.is_some_and(|held_until| held_until.is_no_earlier_than(asked)) {
        return None;
    }
    let margin = left / MARGIN;
    let granted = Now { time: until + margin, instant: asked.instant + margin };
    *held_until = Some(granted);
    Some(granted.time)
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
        tombstones.hold(slot("sess_other"), at(300), now(204));
        assert_eq!(Arc::strong_count(&long), 2, "it has expired by a clock that may be ahead");

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
        tombstones.hold(slot("sess_5"), at(2 * day), set_back(day + day / 16 + 1));
        assert!(!is_held(&revoked));
    }

    #[test]
    fn a_session_that_is_said_to_be_over_again_and_again_is_held_a_few_times_and_long_enough() {
        let tombstones = Tombstones::new(Duration::from_secs(5));
        let (day, revoked) = (24 * 60 * 60, slot("sess_1"));
        for second in 0..day {
            tombstones.hold(Arc::clone(&revoked), at(day + second), now(second));
        }
        assert!(Arc::strong_count(&revoked) < 20, "{}", Arc::strong_count(&revoked));
        tombstones.hold(slot("sess_2"), at(3 * day), now(2 * day - 2));
        assert!(is_held(&revoked));
    }

    #[test]
    fn what_is_held_by_one_clock_is_held_by_the_other_too() {
        let tombstones = Tombstones::new(Duration::from_secs(5));
        let revoked = slot("sess_1");
        // The clock was a day ahead when it was said to be over for the first time.
        let day = 24 * 60 * 60;
        let ahead = Now { time: at(day), ..now(0) };
        tombstones.hold(Arc::clone(&revoked), at(day + 800), ahead);
        tombstones.hold(Arc::clone(&revoked), at(600 + 800), now(600));
        // And is once more.
        let ahead = |seconds: u64| Now { time: at(2 * day), ..now(seconds) };
        tombstones.hold(slot("sess_2"), at(3 * day), ahead(1399));
        assert!(is_held(&revoked));
        tombstones.hold(slot("sess_3"), at(3 * day), ahead(1400 + 51));
        assert!(!is_held(&revoked));
    }
}
