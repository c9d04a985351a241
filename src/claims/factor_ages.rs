use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// How long ago the user proved who they are, factor by factor, in whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactorAges {
    pub(crate) first: Option<Duration>,
    pub(crate) second: Option<Duration>,
}

impl FactorAges {
    /// Since the first factor was verified; `None` if it was not.
    #[must_use]
    pub fn first(&self) -> Option<Duration> {
        self.first
    }

    /// Since the second factor was verified; `None` if it was not.
    #[must_use]
    pub fn second(&self) -> Option<Duration> {
        self.second
    }
}

/// Clerk's number for a factor that was not verified.
const NEVER: i64 = -1;

impl<'de> Deserialize<'de> for FactorAges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let [first, second] = *Vec::<i64>::deserialize(deserializer)? else {
            return Err(de::Error::custom("there are two factors"));
        };
        Ok(Self { first: age(first)?, second: age(second)? })
    }
}

fn age<E: de::Error>(minutes: i64) -> Result<Option<Duration>, E> {
    if minutes == NEVER {
        return Ok(None);
    }
    let seconds = u64::try_from(minutes).ok().and_then(|minutes| minutes.checked_mul(60));
    let seconds = seconds.ok_or_else(|| E::custom("an age is in minutes, or -1"))?;
    Ok(Some(Duration::from_secs(seconds)))
}
