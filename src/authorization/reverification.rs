use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde::{Serialize, Serializer};

use super::Level;
use crate::{Claims, ConfigError, claims::FactorAges, unix_time::UnixTime};

/// How lately a user must have proved who they are, for what is worth asking again: Clerk's
/// [reverification](https://clerk.com/docs/guides/secure/reverification).
///
/// A refusal for want of nothing else tells the caller so in the form that Clerk's `useReverification`
/// understands: the front end lets the user prove it and asks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reverification {
    /// Both factors within 10 minutes.
    StrictMfa,
    /// The second factor within 10 minutes.
    Strict,
    /// The second factor within an hour.
    Moderate,
    /// The second factor within a day.
    Lax,
    /// As [`Reverification::after`] was told.
    Custom(CustomReverification),
}

/// A [`Reverification`] of one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CustomReverification {
    level: Level,
    minutes: u64,
}

impl Reverification {
    /// These factors, again whenever so much time has gone by: whole minutes, at least 2.
    ///
    /// # Errors
    ///
    /// Fails on anything else. One minute would never pass: an age is in whole minutes, rounded up, and
    /// one second after the proof it is 1.
    pub fn after(level: Level, time: Duration) -> Result<Self, ConfigError> {
        let minutes = time.as_secs() / 60;
        if minutes < 2 || time != Duration::from_secs(minutes * 60) {
            return Err(ConfigError::malformed(
                "the time after which a user must prove again who they are",
                "in whole minutes and at least 2, since the age is 1 minute one second after the proof",
            ));
        }
        Ok(Self::Custom(CustomReverification { level, minutes }))
    }

    /// Which factors.
    #[must_use]
    pub fn level(self) -> Level {
        match self {
            Self::StrictMfa => Level::MultiFactor,
            Self::Strict | Self::Moderate | Self::Lax => Level::SecondFactor,
            Self::Custom(custom) => custom.level,
        }
    }

    /// The age at which a proof is too old.
    #[must_use]
    pub fn max_age(self) -> Duration {
        Duration::from_secs(self.minutes() * 60)
    }

    fn minutes(self) -> u64 {
        match self {
            Self::StrictMfa | Self::Strict => 10,
            Self::Moderate => 60,
            Self::Lax => 24 * 60,
            Self::Custom(custom) => custom.minutes,
        }
    }

    /// Clerk's name for it.
    fn preset(self) -> Option<&'static str> {
        match self {
            Self::StrictMfa => Some("strict_mfa"),
            Self::Strict => Some("strict"),
            Self::Moderate => Some("moderate"),
            Self::Lax => Some("lax"),
            Self::Custom(_) => None,
        }
    }

    pub(super) fn is_met(self, claims: &Claims, now: SystemTime) -> bool {
        let spoken_at = claims.times().spoken_at();
        let (Some(ages), Some(spoken_at)) = (claims.factor_ages(), spoken_at) else { return false };
        self.is_met_by(ages, UnixTime::from(now).since(spoken_at.to_unix_time()))
    }

    /// By factors of these ages so long ago. One that is not enrolled never ages into one that is.
    fn is_met_by(self, FactorAges { first, second, .. }: FactorAges, since: Duration) -> bool {
        let grown =
            since.as_secs().saturating_add(u64::from(since.subsec_nanos() > 0)).div_ceil(60);
        let is_fresh = |age: Duration| (age.as_secs() / 60).saturating_add(grown) < self.minutes();
        match (self.level(), first, second) {
            (Level::FirstFactor, first, _) => first.is_some_and(is_fresh),
            (Level::SecondFactor, first, second) => second.or(first).is_some_and(is_fresh),
            (Level::MultiFactor, Some(first), second) => {
                is_fresh(first) && second.is_none_or(is_fresh)
            }
            (Level::MultiFactor, None, _) => false,
        }
    }

    /// The stricter, the higher.
    pub(super) fn rank(self) -> impl Ord {
        (self.level(), std::cmp::Reverse(self.minutes()))
    }
}

impl fmt::Display for Reverification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let factors = match self.level() {
            Level::FirstFactor => "the first factor",
            Level::SecondFactor => "the second factor",
            Level::MultiFactor => "all factors",
        };
        write!(f, "a proof of {factors} less than {} minutes ago", self.minutes())
    }
}

/// As Clerk writes it: the name of a preset, or the level and the minutes.
impl Serialize for Reverification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Config {
            level: Level,
            after_minutes: u64,
        }

        match self.preset() {
            Some(name) => serializer.serialize_str(name),
            None => {
                Config { level: self.level(), after_minutes: self.minutes() }.serialize(serializer)
            }
        }
    }
}
