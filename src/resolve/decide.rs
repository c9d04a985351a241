//! The decision: what is known of a token and its session, held against what one layer asks of them.

use std::time::Duration;

use super::{Freshness, Rejection, Resolved, verified_token::VerifiedToken};
use crate::{
    Claims, Policy, Session, SessionStatus,
    credential::PresentedToken,
    sessions::{Before, CacheEntry, Fact, Lifetimes, SessionCheck},
    token::Parties,
    unix_time::UnixTime,
};

/// What holds for every request of a resolver.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) check: SessionCheck,
    pub(super) lifetimes: Lifetimes,
    /// Whose tokens are admitted where a policy does not say.
    pub(super) parties: Parties,
    /// Whether tokens prove that their session was active when they were assembled.
    pub(super) tokens_are_evidence: bool,
    /// Whether a token that does so is enough while Clerk cannot be asked.
    pub(super) networkless_if_error: bool,
}

/// What a request presents, and what is known of it.
#[derive(Clone, Copy)]
pub(super) enum Presented<'a> {
    /// A token, and what came of verifying it.
    Token(&'a PresentedToken<'a>, Option<&'a VerifiedToken>),
    /// An identifier that a trusted header vouches for.
    SessionId,
    /// Nothing any longer, by somebody who was let in with these claims or with an identifier: the session vouches.
    Watched(Option<&'a Claims>),
}

impl<'a> Presented<'a> {
    pub(super) fn claims(self) -> Option<&'a Claims> {
        match self {
            Self::Token(_, Some(verified)) => Some(verified.claims()),
            Self::Watched(claims) => claims,
            Self::Token(_, None) | Self::SessionId => None,
        }
    }
}

/// A request, and the circumstances in which it is decided.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) presented: Presented<'a>,
    pub(super) policy: &'a Policy,
    /// When the request arrived.
    pub(super) asked_at: UnixTime,
    pub(super) now: UnixTime,
    /// Whether Clerk cannot be asked in time.
    pub(super) in_vain: bool,
}

/// What is known of a session at some moment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known<'a> {
    pub(super) entry: Option<&'a CacheEntry>,
    /// As of when a token proved it active.
    pub(super) assembled_at: Option<UnixTime>,
    /// Before when what was assembled or asked for the user counts for nothing.
    pub(super) denied_before: Option<Before>,
}

impl Known<'_> {
    /// Whether a token with these claims is refused, since they may no longer be true.
    pub(super) fn denies(&self, claims: &Claims) -> bool {
        self.denied_before.is_some_and(|before| claims.may_be_from_before(before.assembled))
    }

    /// Whether an answer was asked for before what it would be an answer to.
    pub(super) fn outdates(&self, entry: &CacheEntry) -> bool {
        self.denied_before.is_some_and(|before| entry.sent_at < before.asked)
    }

    /// Whether what a token proves as of this time is not denied.
    fn counts(&self, assembled_at: UnixTime, clock_skew: Duration) -> bool {
        self.denied_before.is_none_or(|before| assembled_at > before.assembled + clock_skew)
    }
}

/// What can be said without asking anybody.
pub(super) enum Decision {
    Verdict(Result<Resolved, Rejection>),
    /// The token has not been verified yet.
    NeedKeys,
    /// Clerk must be asked about the session.
    NeedSession(Need),
}

/// Who needs an answer of Clerk's.
pub(super) enum Need {
    /// The request, which waits for it.
    Wait,
    /// Later ones: this is the verdict, and Clerk is better asked before it no longer is.
    Ahead(Resolved),
}

impl Rules {
    /// Decides. It asks nobody and changes nothing, so that whoever may wait and whoever may not say the same.
    pub(super) fn decide(&self, question: &Question<'_>, known: &Known<'_>) -> Decision {
        self.try_decide(question, known)
            .unwrap_or_else(|rejection| Decision::Verdict(Err(rejection)))
    }

    fn try_decide(
        &self,
        question: &Question<'_>,
        known: &Known<'_>,
    ) -> Result<Decision, Rejection> {
        let claims = match question.presented {
            Presented::SessionId if self.check != SessionCheck::Get => {
                return Err(Rejection::misconfigured("session-id-needs-get"));
            }
            Presented::SessionId => None,
            Presented::Watched(claims) => claims,
            Presented::Token(_, None) => return Ok(Decision::NeedKeys),
            Presented::Token(presented, Some(token)) => {
                let (claims, now, skew) = (token.claims(), question.now, self.lifetimes.clock_skew);
                question.policy.judge(claims, Some(presented), &self.parties, now, skew)?;
                if known.denies(claims) {
                    return Err(Rejection::superseded());
                }
                if self.check == SessionCheck::Networkless {
                    return Ok(Decision::Verdict(networkless(
                        token.claims(),
                        known,
                        question.policy,
                    )));
                }
                if token.slot.is_none() {
                    return Err(Rejection::misconfigured("template-needs-networkless"));
                }
                Some(token.claims())
            }
        };
        let counts = |entry: &&CacheEntry| {
            !entry.is_forgotten() && (entry.is_final() || !known.outdates(entry))
        };
        let Some(entry) = known.entry.filter(counts) else {
            return Ok(self.undescribed(claims, question, known));
        };
        if let (Fact::Session(session), Some(claims)) = (&entry.fact, claims)
            && claims.user_id() != session.user_id()
        {
            return Err(Rejection::unavailable());
        }
        match entry.active(question.now) {
            Some(session) => Ok(self.active(session, entry, claims, question, known)),
            None => self.not_active(entry, claims, question, known),
        }
    }

    /// Clerk described the session as active. That serves for as long as something proves that it still is, and while
    /// the description is not too old.
    fn active(
        &self,
        session: &Session,
        entry: &CacheEntry,
        claims: Option<&Claims>,
        question: &Question<'_>,
        known: &Known<'_>,
    ) -> Decision {
        let Question { policy, asked_at, now, in_vain, .. } = *question;
        let (lifetimes, max_age) = (&self.lifetimes, policy.asked_max_age());
        let by_token = claims.filter(|_| self.tokens_are_evidence).and_then(|claims| {
            let noted = known.assembled_at.filter(|&at| known.counts(at, lifetimes.clock_skew));
            noted.max(self.vouched_at(claims, known, now))
        });
        let is_proven = lifetimes.answer_is_fresh(entry, max_age, asked_at, now)
            || by_token.is_some_and(|at| lifetimes.token_is_fresh(at, max_age, asked_at));

        let is_current = entry.is_current(now);
        let Some(proven_at) = by_token.max(is_current.then_some(entry.sent_at)) else {
            return Decision::NeedSession(Need::Wait);
        };
        let longest = lifetimes.of_description();
        let life = entry.life(longest);
        let is_described = is_current && now < entry.sent_at + life + longest;
        let resolved = |is_stale| Resolved {
            session: Some(session.clone()),
            claims: claims.cloned(),
            freshness: Some(Freshness::of(proven_at, entry.sent_at, is_stale)),
            resolver: None,
        };
        if is_proven && is_described {
            let is_aging = now >= entry.sent_at + entry.renewal(life);
            return if is_aging || self.proof_runs_out(proven_at, entry, claims, now) {
                Decision::NeedSession(Need::Ahead(resolved(false)))
            } else {
                Decision::Verdict(Ok(resolved(false)))
            };
        }
        let may_be_stale =
            max_age.is_none() && now < proven_at + lifetimes.ttl + lifetimes.stale_if_error;
        if in_vain && (is_proven || may_be_stale) {
            return Decision::Verdict(Ok(resolved(true)));
        }
        Decision::NeedSession(Need::Wait)
    }

    /// Whether the token will be in use when nothing proves any longer that its session is active.
    fn proof_runs_out(
        &self,
        proven_at: UnixTime,
        entry: &CacheEntry,
        claims: Option<&Claims>,
        now: UnixTime,
    ) -> bool {
        let Lifetimes { ttl, clock_skew, .. } = self.lifetimes;
        let is_used_beyond =
            |claims: &Claims| claims.times().expires_at.is_after(proven_at + ttl + clock_skew);
        !ttl.is_zero() && now >= proven_at + entry.renewal(ttl) && claims.is_none_or(is_used_beyond)
    }

    /// Clerk said that there is no such session, or that it is not active, or its time is over.
    fn not_active(
        &self,
        entry: &CacheEntry,
        claims: Option<&Claims>,
        question: &Question<'_>,
        known: &Known<'_>,
    ) -> Result<Decision, Rejection> {
        let Question { policy, asked_at, now, .. } = *question;
        let lifetimes = Lifetimes { ttl: self.lifetimes.negative_ttl, ..self.lifetimes };
        let stands = entry.is_final()
            || lifetimes.answer_is_fresh(entry, policy.asked_max_age(), asked_at, now)
                && !entry.was_overtaken(now)
                && !claims.is_some_and(|claims| self.knows_better(claims, entry));
        if !stands {
            // An authoritative no is overridden by another answer, or, where Clerk cannot be asked, by what is later.
            return Ok(match &entry.fact {
                Fact::Session(session) if now >= session.expire_at().into() => {
                    Decision::NeedSession(Need::Wait)
                }
                _ => self.undescribed(claims, question, known),
            });
        }
        let session = match &entry.fact {
            Fact::Session(session) => session,
            Fact::Missing(_) => return Err(Rejection::session_not_found()),
            Fact::Ended(ending) => return Err(Rejection::session_in(&ending.status)),
            Fact::Forgotten => return Ok(Decision::NeedSession(Need::Wait)),
        };
        let status = match session.status() {
            SessionStatus::Active | SessionStatus::Pending if now >= session.expire_at().into() => {
                &SessionStatus::Expired
            }
            SessionStatus::Active | SessionStatus::Pending
                if now >= session.abandon_at().into() =>
            {
                &SessionStatus::Abandoned
            }
            SessionStatus::Pending if policy.accepts_pending() => {
                return Ok(Decision::Verdict(Ok(Resolved {
                    session: Some(session.clone()),
                    claims: claims.cloned(),
                    freshness: Some(Freshness::of(entry.sent_at, entry.sent_at, false)),
                    ..Resolved::default()
                })));
            }
            status => status,
        };
        Err(Rejection::session_in(status))
    }

    /// Whether a token was assembled after Clerk was asked, and Clerk has not been asked on its account: of what is not
    /// final, the later word may be another.
    fn knows_better(&self, claims: &Claims, entry: &CacheEntry) -> bool {
        // Tokens tell whole seconds.
        let latest = self.lifetimes.clock_skew + Duration::from_secs(1);
        claims.assembled_at().is_some_and(|assembled_at| {
            UnixTime::from(assembled_at) + latest > entry.sent_at && !entry.answers(assembled_at)
        })
    }

    /// Nothing that Clerk said serves. While it cannot be asked, a token may have to do, unless something is known that
    /// is later than what it proves.
    fn undescribed(
        &self,
        claims: Option<&Claims>,
        question: &Question<'_>,
        known: &Known<'_>,
    ) -> Decision {
        let Question { policy, asked_at, now, in_vain, .. } = *question;
        if let Some(claims) = claims
            && in_vain
            && self.networkless_if_error
            && policy.asked_max_age().is_none()
            && let Some(vouched_at) = self.vouched_at(claims, known, now)
            && self.lifetimes.token_is_fresh(vouched_at, None, asked_at)
            && known
                .entry
                .is_none_or(|entry| vouched_at > entry.sent_at + self.lifetimes.clock_skew)
        {
            return Decision::Verdict(Ok(Resolved {
                session: None,
                claims: Some(claims.clone()),
                freshness: Some(Freshness::unconfirmed(vouched_at)),
                ..Resolved::default()
            }));
        }
        Decision::NeedSession(Need::Wait)
    }

    /// As of when the token proves its session active, by our clock at the latest.
    fn vouched_at(&self, claims: &Claims, known: &Known<'_>, now: UnixTime) -> Option<UnixTime> {
        let vouched_at = claims.vouched_at().filter(|_| self.tokens_are_evidence)?;
        known.counts(vouched_at, self.lifetimes.clock_skew).then(|| vouched_at.min(now))
    }
}

fn networkless(claims: &Claims, known: &Known<'_>, policy: &Policy) -> Result<Resolved, Rejection> {
    if policy.asked_max_age().is_some() {
        return Err(Rejection::misconfigured("max-age-needs-get"));
    }
    match known.entry.map(|entry| &entry.fact) {
        Some(Fact::Ended(ending)) => return Err(Rejection::session_in(&ending.status)),
        Some(Fact::Session(session)) if session.status().is_final() => {
            return Err(Rejection::session_in(session.status()));
        }
        _ => {}
    }
    Ok(Resolved { claims: Some(claims.clone()), ..Resolved::default() })
}

#[cfg(test)]
mod tests;
