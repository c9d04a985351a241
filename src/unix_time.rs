//! A time of day that costs an instruction to compare or to add to.

use std::{
    fmt,
    ops::Add,
    time::{Duration, SystemTime},
};

/// Nanoseconds since 1970, until the year 2554: what is earlier or later counts as the first or the last of them.
///
/// A decision compares a dozen times of day on every request. [`SystemTime`] is two numbers, of which each comparison
/// makes a difference that may be negative, and each addition a check.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UnixTime(u64);

impl UnixTime {
    pub(crate) const END: Self = Self(u64::MAX);

    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    pub(crate) const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time that has gone by since: none, if it was later.
    pub(crate) const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The time between the two, whichever came first.
    pub(crate) const fn apart(self, other: Self) -> Duration {
        Duration::from_nanos(self.0.abs_diff(other.0))
    }

    pub(crate) fn to_system_time(self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.0)
    }
}

impl From<SystemTime> for UnixTime {
    fn from(time: SystemTime) -> Self {
        Self(nanos(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()))
    }
}

impl Add<Duration> for UnixTime {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(nanos(time)))
    }
}

#[cfg(test)]
impl std::ops::Sub<Duration> for UnixTime {
    type Output = Self;

    fn sub(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(time)))
    }
}

impl fmt::Debug for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_system_time().fmt(f)
    }
}

fn nanos(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1_000_000_000).saturating_add(time.subsec_nanos().into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const YEAR: u64 = 366 * 24 * 60 * 60;

    #[test]
    fn what_is_out_of_range_is_at_its_end() {
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(600 * YEAR);
        assert_eq!(UnixTime::from(far), UnixTime::END);
        assert_eq!(UnixTime::from(far) + Duration::MAX, UnixTime::END);
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(UnixTime::from(before), UnixTime::from_nanos(0));
    }

    proptest! {
        #[test]
        fn it_orders_and_adds_as_system_time_does(
            one in 0..500 * YEAR,
            other in 0..500 * YEAR,
            nanos in 0_u32..1_000_000_000,
            more in 0..50 * YEAR,
        ) {
            let at = |seconds| SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
            let (one, other) = (at(one), at(other));
            let (unix, other_unix) = (UnixTime::from(one), UnixTime::from(other));
            prop_assert_eq!(unix.cmp(&other_unix), one.cmp(&other));
            prop_assert_eq!(unix.to_system_time(), one);
            let more = Duration::from_secs(more);
            prop_assert_eq!((unix + more).to_system_time(), one + more);
            prop_assert_eq!(unix.since(other_unix), one.duration_since(other).unwrap_or_default());
        }
    }
}
