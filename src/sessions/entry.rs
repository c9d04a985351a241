//! What Clerk said of a session.

use std::time::{Duration, SystemTime};

use super::lifetimes::CLOCK_SLACK;
use crate::{Session, SessionStatus, client, unix_time::UnixTime};

/// Something authoritative that was learned of a session.
#[derive(Debug, Clone)]
pub(crate) struct CacheEntry {
    pub(crate) fact: Fact,
    /// When the request was sent that it was learned by: ages count from here.
    pub(crate) sent_at: UnixTime,
    /// When the time of the session that it describes is over.
    ends_at: UnixTime,
    /// As of when the latest token speaks on whose account Clerk was asked.
    pub(super) answered_for: Option<SystemTime>,
    /// The part of its life after which it is better renewed, out of [`WHOLE`].
    renew_after: u32,
}

#[derive(Debug, Clone)]
pub(crate) enum Fact {
    /// Clerk describes it so.
    Session(Session),
    /// Clerk says that there is no such session.
    Missing(client::Error),
    /// It is over, and nothing that Clerk may say will change that.
    Ended(Ending),
    /// What was known was forgotten: what tokens prove up to then counts for nothing until Clerk has been asked again.
    Forgotten,
}

/// How this process came to know that a session is over.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    pub(crate) status: SessionStatus,
    /// What Clerk answered to this process's own revocation, once that is known.
    pub(crate) answer: Option<Result<Session, client::Error>>,
}

const WHOLE: u32 = 1 << 16;

impl CacheEntry {
    /// An entry that is renewed ahead of its end by chance, so that sessions that were learned of together part: the
    /// first one after 50 to 100 percent of its life, later ones after 80 to 100 percent, lest demand rise.
    pub(crate) fn new(fact: Fact, sent_at: UnixTime, is_first: bool, chance: u64) -> Self {
        let earliest = if is_first { WHOLE / 2 } else { WHOLE / 5 * 4 };
        #[expect(clippy::cast_possible_truncation, reason = "it is less than WHOLE")]
        let drawn = (chance % u64::from(WHOLE - earliest)) as u32;
        Self { renew_after: earliest + drawn, ..Self::noted(fact, sent_at) }
    }

    /// Notes as of when the latest token speaks on whose account Clerk was asked.
    pub(crate) fn asked_for(self, answered_for: Option<SystemTime>) -> Self {
        Self { answered_for, ..self }
    }

    /// What this process knows of itself.
    pub(super) fn noted(fact: Fact, at: UnixTime) -> Self {
        let ends_at = match &fact {
            Fact::Session(session) => session.expire_at().min(session.abandon_at()).into(),
            Fact::Missing(_) | Fact::Ended(_) | Fact::Forgotten => UnixTime::END,
        };
        Self { fact, sent_at: at, ends_at, answered_for: None, renew_after: WHOLE }
    }

    /// Whether nothing that Clerk may say could change it.
    pub(crate) fn is_final(&self) -> bool {
        match &self.fact {
            Fact::Ended(_) => true,
            Fact::Missing(_) | Fact::Forgotten => false,
            Fact::Session(session) => session.status().is_final(),
        }
    }

    /// Whether it keeps somebody out for now only.
    pub(super) fn is_negative(&self) -> bool {
        match &self.fact {
            Fact::Missing(_) => true,
            Fact::Session(session) => {
                *session.status() != SessionStatus::Active && !self.is_final()
            }
            Fact::Ended(_) | Fact::Forgotten => false,
        }
    }

    pub(crate) fn is_forgotten(&self) -> bool {
        matches!(self.fact, Fact::Forgotten)
    }

    /// Whether Clerk was asked on account of a token that speaks as of this time, or of a later one.
    pub(crate) fn answers(&self, assembled_at: SystemTime) -> bool {
        self.answered_for >= Some(assembled_at)
    }

    /// Whether it is of use at all. Something from the future is not: the clock was set back.
    pub(crate) fn is_current(&self, now: UnixTime) -> bool {
        self.sent_at <= now + CLOCK_SLACK
    }

    /// The session, where it is an active one whose time is not over.
    pub(crate) fn active(&self, now: UnixTime) -> Option<&Session> {
        match &self.fact {
            Fact::Session(session)
                if *session.status() == SessionStatus::Active && now < self.ends_at =>
            {
                Some(session)
            }
            _ => None,
        }
    }

    /// Whether its session's time is over, and was not yet when Clerk was asked. It may have been prolonged.
    pub(crate) fn was_overtaken(&self, now: UnixTime) -> bool {
        !self.is_final() && now >= self.ends_at && self.sent_at < self.ends_at
    }

    /// How long its description serves, of `life` at most: activity moves the end of a session, and that is to be
    /// known before it is reached.
    pub(crate) fn life(&self, life: Duration) -> Duration {
        // Nearly always it is far off, and then there is nothing to divide.
        if self.ends_at >= self.sent_at + life + life {
            life
        } else {
            life.min(self.ends_at.since(self.sent_at) / 5 * 4)
        }
    }

    /// The part of a life after which it is time to renew what lives so long.
    pub(crate) fn renewal(&self, life: Duration) -> Duration {
        let nanos = u64::try_from(life.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(nanos / u64::from(WHOLE) * u64::from(self.renew_after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_that_were_learned_of_together_are_not_renewed_together() {
        let (minute, now) = (Duration::from_secs(60), UnixTime::from_nanos(0));
        let renewals = |is_first| {
            let missing = || Fact::Missing(client::Error::no_such_session());
            let entry = |chance: u64| {
                CacheEntry::new(
                    missing(),
                    now,
                    is_first,
                    chance.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16,
                )
            };
            let mut renewals: Vec<_> = (0..1000).map(|n| entry(n).renewal(minute)).collect();
            renewals.sort_unstable();
            renewals
        };
        for (is_first, earliest) in [(true, 30), (false, 48)] {
            let renewals = renewals(is_first);
            let span = minute - Duration::from_secs(earliest);
            assert!(renewals[0] >= Duration::from_secs(earliest) - Duration::from_millis(2));
            assert!(renewals[999] <= minute);
            let tenth = |n: usize| renewals[n * 100] - Duration::from_secs(earliest);
            assert!(
                (1..10)
                    .all(|n| tenth(n).abs_diff(span * u32::try_from(n).unwrap() / 10) < span / 10)
            );
        }
    }
}
