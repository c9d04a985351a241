//! Keeping to a share of the instance's rate limit.

use std::time::Duration;

use tokio::time::Instant;

use super::secret_key::Instance;
use crate::config_error::ConfigError;

/// The window that Clerk's limits are given for.
const WINDOW: Duration = Duration::from_secs(10);

/// How much of the instance's rate limit a client uses.
///
/// Clerk lets a production instance make 1000 calls in 10 s and a development instance 100, all
/// its services taken together. A client knows from its secret key which of the two holds and
/// spaces its calls accordingly: in no 10 s does it make more than its share, half of which may
/// come at once. [Revoking] does not wait behind the others: where the share is used up, it
/// draws on what the share leaves of the limit, and be that one percent of it. Fetching the JWK
/// Set is unlimited and not counted.
///
/// [Revoking]: crate::SessionsClient::revoke
///
/// ```
/// use tower_clerk::{SessionsClient, client::Quota};
///
/// // One of four replicas that share an instance.
/// let key = "sk_live_c2VjcmV0".parse()?;
/// let client = SessionsClient::builder(key).quota(Quota::Percent(20)).build()?;
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quota {
    /// This share of the limit, from 1 to 100 percent. The default is 80.
    Percent(u8),
    /// As many calls as are asked for; Clerk answers 429 to those beyond its limit.
    Unlimited,
}

impl Default for Quota {
    fn default() -> Self {
        Self::Percent(80)
    }
}

impl Quota {
    /// What such an instance allows, none when that is unlimited.
    pub(super) fn allowance(self, of: Instance) -> Result<Option<Allowance>, ConfigError> {
        let limit: u32 = match of {
            Instance::Production => 1000,
            Instance::Development => 100,
        };
        match self {
            Self::Unlimited => Ok(None),
            Self::Percent(percent @ 1..=100) => {
                let share = limit * u32::from(percent) / 100;
                let reserve = (limit - share).max(limit / 100);
                Ok(Some(Allowance { share: Pace::of(share), reserve: Pace::of(reserve) }))
            }
            Self::Percent(_) => {
                Err(ConfigError::malformed("the quota", "a share between 1 and 100 percent"))
            }
        }
    }
}

/// The calls that a client may make.
#[derive(Debug)]
pub(super) struct Allowance {
    share: Pace,
    reserve: Pace,
}

impl Allowance {
    /// Takes the next free time, which is `now` or later. An urgent call may take it from the
    /// reserve.
    ///
    /// # Errors
    ///
    /// Where that is later than `latest`, nothing is taken, and the error is how far off it is.
    pub(super) fn take(
        &mut self,
        urgent: bool,
        now: Instant,
        latest: Instant,
    ) -> Result<Instant, Duration> {
        let from_reserve = urgent && self.reserve.earliest(now) < self.share.earliest(now);
        let pace = if from_reserve { &mut self.reserve } else { &mut self.share };
        pace.take(now, latest)
    }
}

/// The generic cell rate algorithm: a burst of half the calls, the other half spaced over the
/// window, which together never exceed them in any window.
#[derive(Debug)]
struct Pace {
    spacing: Duration,
    /// How far ahead of its regular time a call may be.
    tolerance: Duration,
    /// The regular time of the next call; in the past when the client has been idle.
    next: Option<Instant>,
}

impl Pace {
    fn of(calls: u32) -> Self {
        let spaced = (calls / 2).max(1);
        let burst = (calls - calls / 2).max(1);
        let spacing = WINDOW / spaced;
        Self { spacing, tolerance: spacing * (burst - 1), next: None }
    }

    /// When the next call may be made: `now` or later.
    fn earliest(&self, now: Instant) -> Instant {
        let at = self.next.and_then(|next| next.checked_sub(self.tolerance));
        at.map_or(now, |at| at.max(now))
    }

    fn take(&mut self, now: Instant, latest: Instant) -> Result<Instant, Duration> {
        let at = self.earliest(now);
        if at > latest {
            return Err(at.saturating_duration_since(now));
        }
        let next = self.next.map_or(now, |next| next.max(now));
        self.next = Some(next + self.spacing);
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn no_window_sees_more_calls_than_the_share() {
        for (share, instance, calls) in [
            (1, Instance::Development, 1),
            (3, Instance::Development, 3),
            (80, Instance::Development, 80),
            (80, Instance::Production, 800),
            (100, Instance::Production, 1000),
        ] {
            let mut pace = Quota::Percent(share).allowance(instance).unwrap().unwrap().share;
            let start = Instant::now();
            let mut sent = Vec::new();
            // Bursts, pauses and steady demand, for two minutes.
            for tick in 0..12_000_u64 {
                let now = start + millis(10 * tick);
                let demand = [3, 0, 40, 1, 0, 0][usize::try_from(tick / 700 % 6).unwrap()];
                for _ in 0..demand {
                    sent.extend(pace.take(now, now + millis(3000)).ok());
                }
            }
            assert!(sent.is_sorted());
            for (i, &first) in sent.iter().enumerate() {
                let window = sent[i..].iter().take_while(|&&at| at < first + WINDOW).count();
                assert!(window <= calls, "{window} of {calls}");
            }
            assert!(sent.len() > 3 * calls, "{} of {calls}", sent.len());
        }
    }

    #[test]
    fn half_the_share_may_come_at_once_and_the_rest_is_spaced() {
        let mut pace = development(Quota::default()).share;
        let now = Instant::now();
        for _ in 0..40 {
            assert_eq!(pace.take(now, now), Ok(now));
        }
        assert_eq!(pace.take(now, now), Err(millis(250)));
        assert_eq!(pace.take(now, now + millis(600)), Ok(now + millis(250)));
        assert_eq!(pace.take(now, now + millis(600)), Ok(now + millis(500)));
        assert_eq!(pace.take(now, now + millis(600)), Err(millis(750)));
        let idle = now + 2 * WINDOW;
        for _ in 0..40 {
            assert_eq!(pace.take(idle, idle), Ok(idle));
        }
        assert!(pace.take(idle, idle).is_err());
    }

    #[test]
    fn a_share_of_nothing_or_of_more_than_all_is_refused() {
        for percent in [0, 101, 255] {
            assert!(Quota::Percent(percent).allowance(Instance::Production).is_err());
        }
        assert!(Quota::Unlimited.allowance(Instance::Production).unwrap().is_none());
    }

    #[test]
    fn what_is_urgent_waits_behind_nobody_and_stays_within_the_limit() {
        let mut allowance = development(Quota::default());
        let now = Instant::now();
        while allowance.take(false, now, now).is_ok() {}
        // A tenth of the limit at once, and the other tenth within the window.
        for _ in 0..10 {
            assert_eq!(allowance.take(true, now, now), Ok(now));
        }
        assert!(allowance.take(true, now, now).is_err());
        assert!(allowance.take(false, now, now).is_err());

        // The share serves first, so that idle times leave the reserve whole.
        let idle = now + 2 * WINDOW;
        for _ in 0..50 {
            assert_eq!(allowance.take(true, idle, idle), Ok(idle));
        }
        assert!(allowance.take(true, idle, idle).is_err());

        let mut whole = development(Quota::Percent(100));
        while whole.take(false, now, now).is_ok() {}
        assert_eq!(whole.take(true, now, now), Ok(now));
    }

    fn development(quota: Quota) -> Allowance {
        quota.allowance(Instance::Development).unwrap().unwrap()
    }
}
