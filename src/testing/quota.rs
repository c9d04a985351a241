//! Clerk's limit on calls.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};

const WINDOW: Duration = Duration::from_secs(10);

/// At most so many calls within any ten seconds.
#[derive(Debug)]
pub(super) struct Quota {
    calls: usize,
    admitted: VecDeque<SystemTime>,
}

impl Quota {
    pub(super) fn per_ten_seconds(calls: usize) -> Self {
        Self { calls, admitted: VecDeque::new() }
    }

    /// Admits a call, or says how long to wait for the next free place.
    pub(super) fn admit(&mut self, now: SystemTime) -> Result<(), Duration> {
        while self.admitted.front().is_some_and(|&first| left(first, now).is_zero()) {
            self.admitted.pop_front();
        }
        if self.admitted.len() < self.calls {
            self.admitted.push_back(now);
            return Ok(());
        }
        Err(self.admitted.front().map_or(WINDOW, |&first| left(first, now)))
    }
}

/// How long a call still counts.
fn left(call: SystemTime, now: SystemTime) -> Duration {
    WINDOW.saturating_sub(now.duration_since(call).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_ten_seconds_hold_more_calls_than_allowed() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let mut quota = Quota::per_ten_seconds(2);
        assert_eq!(quota.admit(at(0)), Ok(()));
        assert_eq!(quota.admit(at(4)), Ok(()));
        assert_eq!(quota.admit(at(9)), Err(Duration::from_secs(1)));
        assert_eq!(quota.admit(at(10)), Ok(()));
        assert_eq!(quota.admit(at(10)), Err(Duration::from_secs(4)));
    }
}
