//! How long to wait before the next try.

use std::time::Duration;

use crate::random::random;

const SHORTEST: Duration = Duration::from_millis(100);

/// Twice as long each time, less up to a half by chance, so that processes which were cut off together do not come back
/// together.
#[derive(Debug)]
pub(super) struct BackOff {
    longest: Duration,
    failures: u32,
}

impl BackOff {
    /// For connections: however long the log was away, it is found again within two seconds of its return.
    pub(super) fn from_the_log() -> Self {
        Self { longest: Duration::from_secs(1), failures: 0 }
    }

    /// For tasks that panic, which is ours to mend.
    pub(super) fn from_panics() -> Self {
        Self { longest: Duration::from_secs(5), failures: 0 }
    }

    pub(super) fn next(&mut self) -> Duration {
        let longest = (SHORTEST * 2_u32.pow(self.failures.min(16))).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        longest.mul_f64(0.5 + 0.5 * fraction()).max(SHORTEST)
    }

    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// By chance, from zero to one.
fn fraction() -> f64 {
    f64::from(random() as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_between_a_tenth_of_a_second_and_its_longest() {
        for mut back_off in [BackOff::from_the_log(), BackOff::from_panics()] {
            let longest = back_off.longest;
            let waits: Vec<_> = (0..40).map(|_| back_off.next()).collect();
            assert!(waits.iter().all(|wait| (SHORTEST..=longest).contains(wait)), "{waits:?}");
            assert!(waits[39] >= longest / 2);
            back_off.reset();
            assert_eq!(back_off.next(), SHORTEST);
        }
    }

    #[test]
    fn processes_do_not_come_back_together() {
        let wait = || BackOff { failures: 9, ..BackOff::from_panics() }.next();
        let first = wait();
        assert!((0..100).any(|_| wait() != first));
    }
}
