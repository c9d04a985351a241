//! A time of day that many may read and set at once.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A time in whole milliseconds, or none.
#[derive(Debug, Default)]
pub(super) struct AtomicTime(AtomicU64);

impl AtomicTime {
    pub(super) fn load(&self) -> Option<SystemTime> {
        let millis = self.0.load(Ordering::Acquire);
        (millis > 0).then(|| UNIX_EPOCH + Duration::from_millis(millis))
    }

    pub(super) fn store(&self, time: Option<SystemTime>) {
        self.0.store(time.map_or(0, millis), Ordering::Release);
    }

    /// Sets it to `time`, unless it is that late already.
    pub(super) fn raise(&self, time: SystemTime) {
        let millis = millis(time);
        // Nearly always it is, and then nobody else's cache line is touched.
        if self.0.load(Ordering::Relaxed) < millis {
            self.0.fetch_max(millis, Ordering::AcqRel);
        }
    }

    /// Sets it to `now`, where it is longer ago than `interval`. Of many who try, one succeeds.
    pub(super) fn claim(&self, now: SystemTime, interval: Duration) -> bool {
        let last = self.0.load(Ordering::Relaxed);
        let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        let is_due = millis(now).abs_diff(last) >= interval;
        is_due
            && self
                .0
                .compare_exchange(last, millis(now), Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(millis)
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
