use std::time::Duration;

use crate::{
    Claims, Policy, Rejection, Resolved, Session, SessionStatus,
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
        check: SessionCheck,
    ) -> Result<Claims, Rejection> {
        let Some(new) = resolved.claims.clone() else {
            return Err(Rejection::misconfigured("nothing-resolved"));
        };
        let renewed = Self::of(resolved, check);
        if let Some(old) = self.claims() {
            let of_another = if new.session_id() != old.session_id() {
                Some("token-of-another-session")
            } else if new.user_id() != old.user_id() {
                Some("token-of-another-user")
            } else if organization(&new) != organization(old) {
                Some("token-of-another-organization")
            } else {
                None
            };
            if let Some(reason) = of_another {
                return Err(Rejection::new(RejectionKind::InvalidCredential, reason));
            }
            let speaks_as_of = |claims: &Claims| (claims.assembled_at(), claims.expires_at());
            if speaks_as_of(&new) < speaks_as_of(old) {
                return Ok(new);
            }
        }
        *self = renewed;
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
        let Some(entry) = known.entry.filter(|_| self.check != SessionCheck::Networkless) else {
            return expiry
                .map_or(Standing::Unknown { otherwise: None }, |until| Standing::Good { until });
        };
        let session = match &entry.fact {
            Fact::Session(session) if !known.outdates(entry) => session,
            _ => return Standing::Unknown { otherwise: None },
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
            return Standing::Unknown { otherwise: None };
        }
        let expire_at = UnixTime::from(session.expire_at());
        let abandon_at = UnixTime::from(session.abandon_at());
        if now >= expire_at {
            return Standing::Over(Rejection::session_in(&SessionStatus::Expired));
        }
        if now >= abandon_at {
            // Activity moves that.
            let otherwise = Some(Rejection::session_in(&SessionStatus::Abandoned));
            return Standing::Unknown { otherwise };
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
