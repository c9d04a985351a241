use std::time::Duration;

use crate::{
    Claims, Policy, Rejection, Resolved, Session, SessionId, SessionStatus,
    resolve::{
        RejectionKind,
        decide::{Known, Rules},
    },
    sessions::{CacheEntry, Fact, SessionCheck},
    token::{TokenError, TokenErrorKind},
    unix_time::UnixTime,
};

/// What vouches for somebody who was let in.
#[derive(Debug)]
pub(super) enum Voucher {
    /// The session, as Clerk describes it; what the latest token says, where there is one.
    Session(Option<Claims>),
    /// The token alone.
    Token(Claims),
    Nothing(Rejection),
}

/// How things stand with somebody who was let in.
#[derive(Debug)]
pub(super) enum Standing {
    Over(Rejection),
    /// Only Clerk can tell; where it cannot, this is so.
    Unknown {
        otherwise: Option<Rejection>,
        /// It goes on no longer, whatever Clerk may say.
        until: UnixTime,
    },
    /// All is well until then, unless something happens.
    Good {
        until: UnixTime,
    },
}

impl Voucher {
    pub(super) fn of(resolved: &Resolved, check: SessionCheck) -> Self {
        let claims = resolved.claims.clone();
        match (&resolved.session, claims) {
            (Some(session), Some(claims)) if !is_of(&claims, session) => {
                Self::Nothing(Rejection::misconfigured("watch-of-two-sessions"))
            }
            (Some(_), claims) if check != SessionCheck::Networkless => Self::Session(claims),
            (_, Some(claims)) => Self::Token(claims),
            (Some(_), None) => Self::Nothing(Rejection::misconfigured("session-id-needs-get")),
            (None, None) => Self::Nothing(Rejection::misconfigured("nothing-resolved")),
        }
    }

    pub(super) fn claims(&self) -> Option<&Claims> {
        match self {
            Self::Session(claims) => claims.as_ref(),
            Self::Token(claims) => Some(claims),
            Self::Nothing(_) => None,
        }
    }

    /// Takes what another token was resolved to, where it is one of the same session, user and organization.
    pub(super) fn renew(
        &mut self,
        resolved: &Resolved,
        session: Option<&SessionId>,
        check: SessionCheck,
    ) -> Result<Claims, Rejection> {
        let Some(new) = resolved.claims.clone() else {
            return Err(Rejection::misconfigured("nothing-resolved"));
        };
        let refused = |reason| Err(Rejection::new(RejectionKind::InvalidCredential, reason));
        // One that an identifier began has no claims, and is of a session all the same.
        if new.session_id() != session {
            return refused("token-of-another-session");
        }
        if let Some(old) = self.claims() {
            if new.user_id() != old.user_id() {
                return refused("token-of-another-user");
            }
            if organization(&new) != organization(old) {
                return refused("token-of-another-organization");
            }
            let speaks_as_of = |claims: &Claims| (claims.assembled_at(), claims.expires_at());
            if speaks_as_of(&new) < speaks_as_of(old) {
                return Ok(new);
            }
        }
        *self = match (&*self, Self::of(resolved, check)) {
            // A token had to do for want of an answer: that takes nothing from what the session vouches for.
            (Self::Session(_), Self::Token(claims)) => Self::Session(Some(claims)),
            (_, renewed) => renewed,
        };
        Ok(new)
    }
}

impl Rules {
    /// How things stand. It asks nobody and changes nothing.
    pub(super) fn standing(
        &self,
        voucher: &Voucher,
        known: &Known<'_>,
        policy: &Policy,
        now: UnixTime,
    ) -> Standing {
        let (claims, expiry) = match voucher {
            Voucher::Session(claims) => (claims.as_ref(), None),
            Voucher::Token(claims) => (
                Some(claims),
                Some(UnixTime::from(claims.expires_at()) + self.lifetimes.clock_skew),
            ),
            Voucher::Nothing(rejection) => return Standing::Over(rejection.clone()),
        };
        if let Some(rejection) = known.entry.and_then(ending) {
            return Standing::Over(rejection);
        }
        if claims.is_some_and(|claims| known.denies(claims)) {
            return Standing::Over(Rejection::superseded());
        }
        if expiry.is_some_and(|expiry| now >= expiry) {
            return Standing::Over(TokenError::from(TokenErrorKind::Expired).into());
        }
        let unknown = |otherwise| {
            let until = expiry.unwrap_or(UnixTime::END);
            Standing::Unknown { otherwise, until }
        };
        let Some(entry) = known.entry.filter(|_| self.check != SessionCheck::Networkless) else {
            return expiry.map_or_else(|| unknown(None), |until| Standing::Good { until });
        };
        let session = match &entry.fact {
            Fact::Session(session) if !known.outdates(entry) => session,
            _ => return unknown(None),
        };
        if claims.is_some_and(|claims| claims.user_id() != session.user_id()) {
            return Standing::Over(Rejection::unavailable());
        }
        let is_accepted = match session.status() {
            SessionStatus::Active => true,
            SessionStatus::Pending => policy.accepts_pending(),
            _ => false,
        };
        if !is_accepted {
            return unknown(None);
        }
        let expire_at = UnixTime::from(session.expire_at());
        let abandon_at = UnixTime::from(session.abandon_at());
        if now >= expire_at {
            return Standing::Over(Rejection::session_in(&SessionStatus::Expired));
        }
        if now >= abandon_at {
            // Activity moves that.
            return unknown(Some(Rejection::session_in(&SessionStatus::Abandoned)));
        }
        let end = expire_at.min(abandon_at);
        Standing::Good { until: expiry.map_or(end, |expiry| expiry.min(end)) }
    }
}

impl Known<'_> {
    /// How long ago something proved the session active.
    pub(super) fn age(&self, now: UnixTime) -> Option<Duration> {
        let answered = self.entry.filter(|entry| entry.is_current(now)).map(|entry| entry.sent_at);
        self.assembled_at.max(answered).map(|at| now.since(at))
    }
}

/// Why it is over, for good.
fn ending(entry: &CacheEntry) -> Option<Rejection> {
    match &entry.fact {
        Fact::Ended(ending) => Some(Rejection::session_in(&ending.status)),
        Fact::Session(session) if session.status().is_final() => {
            Some(Rejection::session_in(session.status()))
        }
        _ => None,
    }
}

fn is_of(claims: &Claims, session: &Session) -> bool {
    claims.session_id() == Some(session.id()) && claims.user_id() == session.user_id()
}

fn organization(claims: &Claims) -> Option<crate::OrganizationId> {
    claims.organization().map(|organization| organization.id)
}
