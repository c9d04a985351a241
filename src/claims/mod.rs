//! The claims of a verified session token.

mod actor;
mod entitlement;
mod excerpt;
mod factor_ages;
mod grants;
mod member;
mod named;
mod numeric_date;
mod organization;
mod payload;

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use serde::{Serialize, Serializer, de::DeserializeOwned, ser::Error as _};
use serde_json::value::RawValue;

use crate::{Actor, SessionId, UserId, admitted_by::AdmittedBy, unix_time::UnixTime};

pub use self::{entitlement::Entitlement, factor_ages::FactorAges, organization::Organization};
use self::{excerpt::Excerpt, payload::Payload};
pub(crate) use self::{
    grants::{Entitlements, Grants},
    member::{NAMED_TWICE, Text, refuse_duplicates},
    named::member,
    numeric_date::NumericDate,
    organization::bare,
};

/// What a verified token says about a session and its user.
///
/// Claims exist only once a [`TokenVerifier`](crate::TokenVerifier) has checked the signature.
/// Cloning is cheap. Serialized, they are the token's payload exactly as it came.
///
/// Both versions of Clerk's [session token claims] read alike.
///
/// [session token claims]: https://clerk.com/docs/guides/sessions/session-tokens
#[derive(Clone)]
pub struct Claims(Arc<Inner>, AdmittedBy);

struct Inner {
    category: Category,
    payload: String,
    user_id: UserId,
    session_id: Option<SessionId>,
    issuer: Excerpt,
    authorized_party: Option<Excerpt>,
    audience: Option<Box<[Box<str>]>>,
    token_id: Option<Excerpt>,
    times: Times,
    factor_ages: Option<FactorAges>,
    pending: bool,
    /// Decoded when it is first asked for.
    grants: OnceLock<Box<Grants>>,
}

/// When a token is valid, and as of when it speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) expires_at: NumericDate,
    pub(crate) not_before: Option<NumericDate>,
    pub(crate) issued_at: Option<NumericDate>,
    /// Only where it is not later than the issue.
    assembled_at: Option<NumericDate>,
}

impl Times {
    /// As of when the claims speak: when they were assembled, as far as the token says so.
    pub(crate) fn spoken_at(self) -> Option<NumericDate> {
        self.assembled_at.or(self.issued_at)
    }
}

/// What the token's header says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Category {
    Session,
    Template,
    Unstated,
}

/// Why a payload, though signed, yields no claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidClaims {
    /// It is not a JSON object, or names a member twice.
    Malformed,
    /// Its subject is a machine.
    Machine,
    /// This claim is missing or not of the form that it must have.
    Claim(&'static str),
}

impl Claims {
    /// Reads the payload of a token whose signature has been verified. Its header says the category,
    /// and perhaps when Clerk assembled the claims (`oiat`).
    pub(crate) fn from_verified(
        payload: Vec<u8>,
        category: Category,
        assembled_at: Option<NumericDate>,
    ) -> Result<Self, InvalidClaims> {
        let text = String::from_utf8(payload).map_err(|_| InvalidClaims::Malformed)?;
        let mut read = Payload::read(&text, category)?;
        let excerpt = |claim: &Text<'_>| Excerpt::of(claim, &text);
        let issued_at = read.issued_at();
        let user_id = read.user_id()?;
        let session_id = read.session_id(category)?;
        if category == Category::Session && session_id.is_none() {
            return Err(InvalidClaims::Claim("sid"));
        }
        let inner = Inner {
            category,
            user_id,
            session_id,
            issuer: excerpt(read.issuer()?),
            authorized_party: read.authorized_party().map(excerpt),
            audience: read.audience(),
            token_id: read.token_id().map(excerpt),
            times: Times {
                expires_at: read.expires_at()?,
                not_before: read.not_before(),
                issued_at,
                assembled_at: assembled_at.filter(|&assembled| Some(assembled) <= issued_at),
            },
            factor_ages: read.factor_ages(),
            pending: read.is_pending(),
            grants: OnceLock::new(),
            payload: text,
        };
        Ok(Self(Arc::new(inner), AdmittedBy::default()))
    }

    /// The claims as one request carries them.
    pub(crate) fn of_request_admitted_by(self, admitted_by: AdmittedBy) -> Self {
        Self(self.0, admitted_by)
    }

    /// By whom the request was admitted that carries these claims.
    pub(crate) fn admitted_by(&self) -> &AdmittedBy {
        &self.1
    }

    /// The session (`sid`). `None` only for a token made from a JWT template, where those are
    /// accepted.
    #[must_use]
    pub fn session_id(&self) -> Option<&SessionId> {
        self.0.session_id.as_ref()
    }

    /// The user (`sub`).
    #[must_use]
    pub fn user_id(&self) -> &UserId {
        &self.0.user_id
    }

    /// The Frontend API that issued the token (`iss`).
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.0.issuer.read(&self.0.payload)
    }

    /// The origin that the token was issued to (`azp`).
    #[must_use]
    pub fn authorized_party(&self) -> Option<&str> {
        self.0.authorized_party.as_ref().map(|party| party.read(&self.0.payload))
    }

    /// Whom the token is meant for (`aud`); empty where it does not say.
    pub fn audience(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.audience.as_deref().unwrap_or_default().iter().map(AsRef::as_ref)
    }

    /// Whether the token says whom it is meant for; it may be nobody.
    pub(crate) fn has_audience(&self) -> bool {
        self.0.audience.is_some()
    }

    /// When the token was issued (`iat`).
    #[must_use]
    pub fn issued_at(&self) -> Option<SystemTime> {
        self.0.times.issued_at.map(NumericDate::to_system_time)
    }

    /// When Clerk last assembled these claims from its database (`oiat` in the token's header), or
    /// else when the token was issued.
    ///
    /// What the claims say of roles, permissions, organization and status is as old as that: Clerk's
    /// edge may renew a token without looking, so that [`issued_at`](Claims::issued_at) is later.
    /// `None` for a token that says neither.
    #[must_use]
    pub fn assembled_at(&self) -> Option<SystemTime> {
        self.0.times.spoken_at().map(NumericDate::to_system_time)
    }

    /// When the token begins to be valid (`nbf`).
    #[must_use]
    pub fn not_before(&self) -> Option<SystemTime> {
        self.0.times.not_before.map(NumericDate::to_system_time)
    }

    /// When the token ceases to be valid (`exp`).
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.0.times.expires_at.to_system_time()
    }

    /// Whether sign-in tasks are left (`sts` is `pending`), which counts as signed out unless
    /// pending sessions are accepted.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.0.pending
    }

    /// The token's own identifier (`jti`).
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.0.token_id.as_ref().map(|id| id.read(&self.0.payload))
    }

    /// How long ago the user proved each factor (`fva`), as of [`assembled_at`](Claims::assembled_at). None in
    /// a token from a template.
    #[must_use]
    pub fn factor_ages(&self) -> Option<FactorAges> {
        self.0.factor_ages.filter(|_| self.is_of_session())
    }

    /// The active organization (`o`, or `org_id` and its companions), decoded on each call. To ask for a
    /// role or a permission, [`Claims::has`] is quicker.
    ///
    /// None in a token from a template, whose author may have named anything so.
    #[must_use]
    pub fn organization(&self) -> Option<Organization> {
        self.clerks_own()?.organization()
    }

    /// The features that the user or the organization has (`fea`), decoded on each call. None in a token
    /// from a template.
    #[must_use]
    pub fn features(&self) -> Vec<Entitlement> {
        self.clerks_own().map(|payload| payload.features()).unwrap_or_default()
    }

    /// The plans that the user or the organization is on (`pla`), decoded on each call. None in a token
    /// from a template.
    #[must_use]
    pub fn plans(&self) -> Vec<Entitlement> {
        self.clerks_own().map(|payload| payload.plans()).unwrap_or_default()
    }

    /// Who acts as the user (`act`), when somebody impersonates them; decoded on each call.
    #[must_use]
    pub fn actor(&self) -> Option<Actor> {
        self.reread()?.actor()
    }

    /// Any claim by its name, such as one that the session token was customized with. `null`, which
    /// Clerk writes where a value is missing, reads as absent.
    ///
    /// # Errors
    ///
    /// Fails if the claim is there, but not of the type asked for.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, serde_json::Error> {
        named::member(&self.0.payload, name)
    }

    /// What the token grants; none for one from a template, whose claims are its author's own.
    pub(crate) fn grants(&self) -> Option<&Grants> {
        let decode = || {
            let organization = self.organization();
            Box::new(Grants::new(organization.as_ref(), &self.features(), &self.plans()))
        };
        self.is_of_session().then(|| &**self.0.grants.get_or_init(decode))
    }

    /// Whether its claims are Clerk's own: not those of a template.
    pub(crate) fn is_of_session(&self) -> bool {
        match self.0.category {
            Category::Session => true,
            Category::Template => false,
            Category::Unstated => self.0.session_id.is_some(),
        }
    }

    pub(crate) fn category(&self) -> Category {
        self.0.category
    }

    /// When Clerk knew the session to be active, as far as the token proves it: when the claims were
    /// assembled, which Clerk does only while the session is signed in. The issue proves nothing,
    /// nor does a token that does not call itself a session's: a template's author can write a `sid`.
    pub(crate) fn vouched_at(&self) -> Option<UnixTime> {
        let vouches = self.0.category == Category::Session && !self.0.pending;
        self.0.times.assembled_at.filter(|_| vouches).map(NumericDate::to_unix_time)
    }

    /// Whether they are from before that time, or do not tell.
    pub(crate) fn may_be_from_before(&self, time: UnixTime) -> bool {
        self.0.times.spoken_at().is_none_or(|at| at.to_unix_time() < time)
    }

    pub(crate) fn times(&self) -> Times {
        self.0.times
    }

    /// What Clerk alone writes. In a token from a template the author may have written anything under
    /// the same names, even what users write themselves (`{{user.unsafe_metadata.role}}`).
    fn clerks_own(&self) -> Option<Payload<'_>> {
        self.is_of_session().then(|| self.reread())?
    }

    /// Reads the payload once more, for what is seldom asked for. It cannot fail: it was read so when the claims were made.
    fn reread(&self) -> Option<Payload<'_>> {
        Payload::read(&self.0.payload, self.0.category).ok()
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("session_id", &self.session_id())
            .field("user_id", self.user_id())
            .finish_non_exhaustive()
    }
}

impl Serialize for Claims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let payload: &RawValue = serde_json::from_str(&self.0.payload).map_err(S::Error::custom)?;
        payload.serialize(serializer)
    }
}

#[cfg(test)]
pub(crate) mod test_names;
#[cfg(test)]
mod tests;
