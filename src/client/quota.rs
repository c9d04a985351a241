//! Keeping to a share of the instance's rate limit.

use tokio::time::Instant;

use super::pace::Pace;
use crate::{config_error::ConfigError, secret_key::InstanceKind};

/// How much of the instance's rate limit a client uses.
///
/// Clerk lets a production instance make 1000 calls in 10 s and a development instance 100, all
/// its services taken together. A client knows from its secret key which of the two holds and
/// spaces its calls accordingly: in no 10 s does it make more than its share, half of which may
/// come at once; demand above it is served at its rate. [Revoking] does not wait behind the others:
/// where the share is used up, it draws on what the share leaves of the limit, and be that one
/// percent of it. Fetching the JWK Set is unlimited and not counted.
///
/// Where Clerk answers 429 all the same, since others use the instance too, the client makes fewer
/// calls and slowly more again: processes that share a limit need not be told how many they are.
///
/// [Revoking]: crate::SessionsClient::revoke
///
/// ```
/// use tower_clerk::{Instance, SessionsClient, client::Quota};
///
/// // One of four replicas that share an instance.
/// let instance = Instance::builder().secret_key("sk_live_c2VjcmV0".parse()?).build()?;
/// let client = SessionsClient::builder(&instance).quota(Quota::Percent(20)).build()?;
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
    pub(super) fn allowance(self, of: InstanceKind) -> Result<Option<Allowance>, ConfigError> {
        let limit: usize = match of {
            InstanceKind::Production => 1000,
            InstanceKind::Development => 100,
        };
        match self {
            Self::Unlimited => Ok(None),
            Self::Percent(percent @ 1..=100) => {
                let share = limit * usize::from(percent) / 100;
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
    pub(super) share: Pace,
    reserve: Pace,
}

impl Allowance {
    /// When an urgent call may be made behind so many others.
    pub(super) fn urgent(&self, behind: usize, now: Instant, level: f64) -> Instant {
        self.share.estimate(behind, now, level).min(self.reserve.estimate(behind, now, 1.0))
    }

    /// A call is made. An urgent one is taken from the reserve where the share would have it wait.
    pub(super) fn take(&mut self, urgent: bool, now: Instant, level: f64) {
        if urgent && self.share.estimate(0, now, level) > now {
            self.reserve.make(now, 1.0);
        } else {
            self.share.make(now, level);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// How many calls are made at once.
    fn at_once(allowance: &mut Allowance, urgent: bool, now: Instant) -> usize {
        let mut calls = 0;
        loop {
            let at = match urgent {
                true => allowance.urgent(0, now, 1.0),
                false => allowance.share.estimate(0, now, 1.0),
            };
            if at > now {
                return calls;
            }
            allowance.take(urgent, now, 1.0);
            calls += 1;
        }
    }

    #[test]
    fn a_share_of_nothing_or_of_more_than_all_is_refused() {
        for percent in [0, 101, 255] {
            assert!(Quota::Percent(percent).allowance(InstanceKind::Production).is_err());
        }
        assert!(Quota::Unlimited.allowance(InstanceKind::Production).unwrap().is_none());
    }

    #[test]
    fn what_is_urgent_waits_behind_nobody_and_stays_within_the_limit() {
        let mut allowance = development(Quota::default());
        let now = Instant::now();
        assert_eq!(at_once(&mut allowance, false, now), 40);
        // A tenth of the limit at once, and the other tenth within the window.
        assert_eq!(at_once(&mut allowance, true, now), 10);
        assert_eq!(at_once(&mut allowance, false, now), 0);

        // The share serves first, so that idle times leave the reserve whole.
        let idle = now + Duration::from_secs(20);
        assert_eq!(at_once(&mut allowance, true, idle), 50);

        let mut whole = development(Quota::Percent(100));
        assert_eq!(at_once(&mut whole, false, now), 50);
        assert_eq!(at_once(&mut whole, true, now), 1);
    }

    fn development(quota: Quota) -> Allowance {
        quota.allowance(InstanceKind::Development).unwrap().unwrap()
    }
}
