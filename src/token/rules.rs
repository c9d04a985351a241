//! The rules of a policy. They are applied anew on each use of a token, so nothing here allocates.

use std::time::Duration;

use super::{
    Policy, TokenError, TokenErrorKind,
    policy::{Asked, Parties},
};
use crate::{
    claims::{Category, Claims, NumericDate},
    credential::PresentedToken,
    unix_time::UnixTime,
};

impl Policy {
    /// Whether a verified token meets this policy: with the parties of its instance where the policy says nothing of
    /// any, and as it was presented where that is known.
    pub(crate) fn judge(
        &self,
        claims: &Claims,
        presented: Option<&PresentedToken<'_>>,
        of_instance: &Parties,
        now: UnixTime,
        skew: Duration,
    ) -> Result<(), TokenError> {
        let asked = self.rules();
        let in_cookie = presented.is_some_and(|presented| presented.cookie().is_some());
        asked.judge_category(claims)?;
        asked.judge_audience(claims)?;
        asked.judge_authorized_party(claims, of_instance, in_cookie)?;
        judge_times(claims, now, skew)?;
        if claims.is_pending() && !asked.accept_pending {
            return Err(TokenErrorKind::Pending.into());
        }
        match presented.and_then(PresentedToken::not_issued_before) {
            Some(time) if claims.issued_at().is_none_or(|issued_at| issued_at < time) => {
                Err(TokenErrorKind::IssuedBeforeSignIn.into())
            }
            _ => Ok(()),
        }
    }
}

impl Asked {
    fn judge_category(&self, claims: &Claims) -> Result<(), TokenError> {
        if self.accept_templates {
            Ok(())
        } else if claims.category() == Category::Template {
            Err(TokenErrorKind::Category.into())
        } else if claims.session_id().is_none() {
            Err(TokenError::of_claim("sid"))
        } else {
            Ok(())
        }
    }

    fn judge_audience(&self, claims: &Claims) -> Result<(), TokenError> {
        if self.audience.is_empty() || !claims.has_audience() {
            return Ok(());
        }
        let expected = |one: &str| self.audience.iter().any(|expected| **expected == *one);
        if claims.audience().any(expected) { Ok(()) } else { Err(TokenError::of_claim("aud")) }
    }

    fn judge_authorized_party(
        &self,
        claims: &Claims,
        of_instance: &Parties,
        in_cookie: bool,
    ) -> Result<(), TokenError> {
        let parties = match &self.parties {
            Parties::OfInstance => of_instance,
            said => said,
        };
        let Parties::These(parties) = parties else { return Ok(()) };
        match claims.authorized_party() {
            Some(party) if parties.iter().any(|it| it.as_str() == party) => Ok(()),
            Some(_) => Err(TokenErrorKind::AuthorizedParty.into()),
            None if self.accept_absent_party && !in_cookie => Ok(()),
            None => Err(TokenErrorKind::NoAuthorizedParty.into()),
        }
    }
}

fn judge_times(claims: &Claims, now: UnixTime, skew: Duration) -> Result<(), TokenError> {
    let (times, latest) = (claims.times(), now + skew);
    let is_later = |time: Option<NumericDate>| time.is_some_and(|time| time.is_after(latest));
    if times.expires_at.to_unix_time() + skew <= now {
        Err(TokenErrorKind::Expired.into())
    } else if is_later(times.not_before) {
        Err(TokenErrorKind::NotActiveYet.into())
    } else if is_later(times.issued_at) {
        Err(TokenErrorKind::IssuedInTheFuture.into())
    } else {
        Ok(())
    }
}
