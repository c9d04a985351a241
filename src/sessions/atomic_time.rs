//! A time of day that many may read and set at once.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::unix_time::UnixTime;

/// A time of day, or none.
#[derive(Debug, Default)]
pub(super) struct AtomicTime(AtomicU64);

impl AtomicTime {
    pub(super) fn load(&self) -> Option<UnixTime> {
        let nanos = self.0.load(Ordering::Acquire);
        (nanos > 0).then_some(UnixTime::from_nanos(nanos))
    }

    pub(super) fn store(&self, time: Option<UnixTime>) {
        self.0.store(time.map_or(0, UnixTime::as_nanos), Ordering::Release);
    }

    /// Sets it to `time`, unless it is that late already.
    pub(super) fn raise(&self, time: UnixTime) {
        // Nearly always it is, and then nobody else's cache line is touched.
        if self.0.load(Ordering::Relaxed) < time.as_nanos() {
            self.0.fetch_max(time.as_nanos(), Ordering::AcqRel);
        }
    }

    /// Sets it to `now`, where it is longer ago than `interval`. Of many who try, one succeeds.
    pub(super) fn claim(&self, now: UnixTime, interval: Duration) -> bool {
        let (last, now) = (self.0.load(Ordering::Relaxed), now.as_nanos());
        let is_due = Duration::from_nanos(now.abs_diff(last)) >= interval;
        is_due && self.0.compare_exchange(last, now, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> UnixTime {
        UnixTime::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_time_is_raised_and_never_lowered() {
        let time = AtomicTime::default();
        assert_eq!(time.load(), None);
        for (raised_to, expected) in [(5, 5), (3, 5), (7, 7)] {
            time.raise(at(raised_to));
            assert_eq!(time.load(), Some(at(expected)));
        }
    }

    #[test]
    fn one_claim_is_granted_per_interval_whichever_way_the_clock_goes() {
        let (time, second) = (AtomicTime::default(), Duration::from_secs(1));
        let granted =
            [1_000_000, 1_000_999, 1_001_000, 500, 600].map(|now| time.claim(at(now), second));
        assert_eq!(granted, [true, false, true, true, false]);
    }
}
