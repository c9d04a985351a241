//! What one user of a token expects of it, beside the facts.

use std::time::{Duration, SystemTime};

use super::{TokenError, TokenErrorKind, origin::Origin};
use crate::claims::{Category, Claims, NumericDate};

/// The rules that depend on who asks and when. They are judged anew on each use of a token, so
/// nothing here allocates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Expectations {
    pub(crate) authorized_parties: Vec<Origin>,
    pub(crate) audience: Vec<Box<str>>,
    pub(crate) accept_pending: bool,
    pub(crate) accept_templates: bool,
}

impl Expectations {
    pub(crate) fn judge(
        &self,
        claims: &Claims,
        now: SystemTime,
        skew: Duration,
    ) -> Result<(), TokenError> {
        self.judge_category(claims)?;
        self.judge_audience(claims)?;
        self.judge_authorized_party(claims)?;
        judge_times(claims, now, skew)?;
        if claims.is_pending() && !self.accept_pending {
            return Err(TokenErrorKind::Pending.into());
        }
        Ok(())
    }

    /// What a failed authentication amounts to here: that a token is a template's comes before
    /// the faults of its claims, unless templates are accepted.
    pub(crate) fn judge_error(&self, error: TokenError) -> TokenError {
        if error.is_found_in_template() && !self.accept_templates {
            return TokenErrorKind::Category.into();
        }
        error
    }

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

    fn judge_authorized_party(&self, claims: &Claims) -> Result<(), TokenError> {
        if self.authorized_parties.is_empty() {
            return Ok(());
        }
        let authorized = |party| self.authorized_parties.iter().any(|it| it.as_str() == party);
        match claims.authorized_party() {
            Some(party) if authorized(party) => Ok(()),
            Some(_) => Err(TokenErrorKind::AuthorizedParty.into()),
            None => Err(TokenErrorKind::NoAuthorizedParty.into()),
        }
    }
}

/// In durations, which saturate where times of day would overflow.
fn judge_times(claims: &Claims, now: SystemTime, skew: Duration) -> Result<(), TokenError> {
    let times = claims.times();
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let latest = now.saturating_add(skew);
    let is_later = |time: Option<NumericDate>| time.is_some_and(|time| time.ceil() > latest);
    if times.expires_at.floor().saturating_add(skew) <= now {
        Err(TokenErrorKind::Expired.into())
    } else if is_later(times.not_before) {
        Err(TokenErrorKind::NotActiveYet.into())
    } else if is_later(times.issued_at) {
        Err(TokenErrorKind::IssuedInTheFuture.into())
    } else {
        Ok(())
    }
}
