//! The decision: what is known of a token and its session, held against what one layer asks of them.

use std::time::{Duration, SystemTime};

use super::{Freshness, Policy, Rejection, Resolved, verified_token::VerifiedToken};
use crate::{
    Claims, Session, SessionStatus,
    credential::PresentedToken,
    sessions::{CacheEntry, Fact, Lifetimes, SessionCheck},
};

/// What holds for every request of a resolver.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) check: SessionCheck,
    pub(super) clock_skew: Duration,
    pub(super) lifetimes: Lifetimes,
}

/// What a request presents, and what is known of it.
#[derive(Clone, Copy)]
pub(super) enum Presented<'a> {
    /// A token, and what came of verifying it.
    Token(&'a PresentedToken<'a>, Option<&'a VerifiedToken>),
    /// An identifier that a trusted header vouches for.
    SessionId,
}

/// The circumstances of a question.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) presented: Presented<'a>,
    pub(super) policy: &'a Policy,
    /// When the request arrived.
    pub(super) asked_at: SystemTime,
    pub(super) now: SystemTime,
    /// Whether Clerk was asked for this request, or just before it, in vain.
    pub(super) in_vain: bool,
}

/// What can be said without asking anybody.
pub(super) enum Decision {
    Verdict(Result<Resolved, Rejection>),
    /// The token has not been verified yet.
    NeedKeys,
    /// Clerk must be asked first.
    NeedSession,
}

impl Rules {
    /// Decides. It asks nobody and changes nothing, so that whoever may wait and whoever may not say the same.
    pub(super) fn decide(&self, question: &Question<'_>, known: Option<&CacheEntry>) -> Decision {
        match self.try_decide(question, known) {
            Ok(decision) => decision,
            Err(rejection) => Decision::Verdict(Err(rejection)),
        }
    }

    fn try_decide(
        &self,
        question: &Question<'_>,
        known: Option<&CacheEntry>,
    ) -> Result<Decision, Rejection> {
        let claims = match question.presented {
            Presented::SessionId if self.check != SessionCheck::Get => {
                return Err(Rejection::misconfigured("session-id-needs-get"));
            }
            Presented::SessionId => None,
            Presented::Token(_, None) => return Ok(Decision::NeedKeys),
            Presented::Token(presented, Some(token)) => {
                self.check_token(token.claims(), presented, question)?;
                if self.check == SessionCheck::Networkless {
                    let resolved = networkless(token.claims(), known, question.policy)?;
                    return Ok(Decision::Verdict(Ok(resolved)));
                }
                if token.slot.is_none() {
                    return Err(Rejection::misconfigured("template-needs-networkless"));
                }
                Some(token.claims())
            }
        };
        let Some(known) = known else { return Ok(Decision::NeedSession) };
        let freshness = if self.is_current(known, question) {
            Freshness::fresh(known.sent_at)
        } else if question.in_vain && self.may_be_served_stale(known, question) {
            Freshness::stale(known.sent_at)
        } else {
            return Ok(Decision::NeedSession);
        };
        let session = admit(known, claims, question.policy, question.now)?.clone();
        let (session, claims) = (Some(session), claims.cloned());
        Ok(Decision::Verdict(Ok(Resolved {
            session,
            claims,
            freshness: Some(freshness),
            ..Resolved::default()
        })))
    }

    fn check_token(
        &self,
        claims: &Claims,
        presented: &PresentedToken<'_>,
        question: &Question<'_>,
    ) -> Result<(), Rejection> {
        question.policy.evaluate(claims, question.now, self.clock_skew)?;
        match presented.not_issued_before() {
            Some(time) if claims.issued_at().is_none_or(|issued_at| issued_at < time) => {
                Err(Rejection::issued_before_sign_in())
            }
            _ => Ok(()),
        }
    }

    fn is_current(&self, known: &CacheEntry, question: &Question<'_>) -> bool {
        let max_age = question.policy.greatest_age();
        known.is_current(&self.lifetimes, max_age, question.asked_at, question.now)
    }

    /// Whether it may be served although it is no longer current, since Clerk is unavailable.
    fn may_be_served_stale(&self, known: &CacheEntry, question: &Question<'_>) -> bool {
        question.policy.greatest_age().is_none()
            && known.may_be_served_stale(&self.lifetimes, question.now)
    }
}

fn networkless(
    claims: &Claims,
    known: Option<&CacheEntry>,
    policy: &Policy,
) -> Result<Resolved, Rejection> {
    if policy.greatest_age().is_some() {
        return Err(Rejection::misconfigured("max-age-needs-get"));
    }
    if known.is_some_and(|known| matches!(known.fact, Fact::RevokedHere(_))) {
        return Err(Rejection::session_in(&SessionStatus::Revoked));
    }
    Ok(Resolved { claims: Some(claims.clone()), ..Resolved::default() })
}

/// The session, where it is this user's and this policy admits it.
fn admit<'k>(
    known: &'k CacheEntry,
    claims: Option<&Claims>,
    policy: &Policy,
    now: SystemTime,
) -> Result<&'k Session, Rejection> {
    let session = match &known.fact {
        Fact::Session(session) => session,
        Fact::Missing(_) => return Err(Rejection::session_not_found()),
        Fact::RevokedHere(_) => return Err(Rejection::session_in(&SessionStatus::Revoked)),
    };
    if claims.is_some_and(|claims| claims.user_id() != session.user_id()) {
        return Err(Rejection::unavailable());
    }
    match session.status() {
        SessionStatus::Active => {}
        SessionStatus::Pending if policy.accepts_pending() => {}
        status => return Err(Rejection::session_in(status)),
    }
    if now >= session.expire_at() {
        return Err(Rejection::session_in(&SessionStatus::Expired));
    }
    if now >= session.abandon_at() {
        return Err(Rejection::session_in(&SessionStatus::Abandoned));
    }
    Ok(session)
}
