//! What is asked of tokens and sessions.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{TokenError, TokenErrorKind};
use crate::{
    Claims, ConfigError, Instance,
    credential::PresentedToken,
    origin::{self, Origin},
};

/// What is asked of a session and its token, beyond that they are genuine and current: by a layer, or by a
/// [`TokenVerifier`](crate::TokenVerifier).
///
/// A policy that says nothing of [authorized parties](Policy::authorized_parties) asks for those of the
/// [instance](crate::Instance). Policies are applied to facts at every request, so layers with different ones may share a
/// [`SessionResolver`](crate::SessionResolver). A further call of a method replaces what an earlier one said. Cloning is one
/// atomic increment.
///
/// ```
/// use std::time::Duration;
/// use tower_clerk::Policy;
///
/// let policy = Policy::new()
///     .authorized_parties(["https://app.example.com"])?
///     .max_age(Duration::from_secs(5));
/// assert_eq!(policy.asked_max_age(), Some(Duration::from_secs(5)));
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Policy(Arc<Asked>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) parties: Parties,
    pub(super) accept_absent_party: bool,
    pub(super) audience: Vec<Box<str>>,
    pub(super) accept_pending: bool,
    pub(super) accept_templates: bool,
    max_age: Option<Duration>,
}

/// Whose tokens are admitted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Parties {
    /// Nobody said: as the instance has it.
    #[default]
    OfInstance,
    Any,
    These(Vec<Origin>),
}

impl Parties {
    /// Those that the instance names.
    pub(crate) fn of(instance: &Instance) -> Self {
        match &instance.parts().authorized_parties {
            Some(parties) => Self::These(parties.clone()),
            None => Self::Any,
        }
    }
}

impl Policy {
    /// Asks for nothing more than the instance does.
    pub fn new() -> Self {
        Self::default()
    }

    /// Admits only tokens whose `azp` is one of these origins, byte for byte, whatever the instance says.
    ///
    /// # Security
    ///
    /// Without it, and where the instance names none, a token that was made for another origin of the instance is
    /// accepted, which matters wherever cookies are.
    ///
    /// # Errors
    ///
    /// Fails where one is not an origin, as `https://app.example.com`, or where there is none.
    pub fn authorized_parties<I>(mut self, parties: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        self.asked().parties = Parties::These(origin::all(parties)?);
        Ok(self)
    }

    /// Admits tokens of any origin, and of none, whatever the instance says.
    ///
    /// # Security
    ///
    /// A token that was made for another origin of the instance is accepted.
    pub fn any_party(mut self) -> Self {
        self.asked().parties = Parties::Any;
        self
    }

    /// Admits tokens without an `azp`, too, unless they came in a cookie: those of native apps, which have no origin, on
    /// an API that browsers share with them. Where nobody names parties, it changes nothing: tokens without one are admitted anyway.
    ///
    /// # Security
    ///
    /// A browser sends a cookie on its own, whatever page caused it to, so that one needs an origin to be held against. A page can have the
    /// browser send no `Authorization` header that it does not know the token for.
    pub fn accept_absent_party(mut self) -> Self {
        self.asked().accept_absent_party = true;
        self
    }

    /// Refuses tokens that have an `aud`, none of which is one of these ([RFC 7519 §4.1.3]).
    ///
    /// # Errors
    ///
    /// Fails where there is none, or one is empty.
    ///
    /// [RFC 7519 §4.1.3]: https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3
    pub fn audience<I>(mut self, audience: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let audience: Vec<Box<str>> = audience.into_iter().map(|one| one.as_ref().into()).collect();
        if audience.is_empty() || audience.iter().any(|one| one.is_empty()) {
            return Err(ConfigError::malformed(
                "the audience",
                "at least one, such that none of them is empty: leave the setting out to accept any",
            ));
        }
        self.asked().audience = audience;
        Ok(self)
    }

    /// Asks Clerk anew where what proves the session active is this old; no stale answer is taken.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.asked().max_age = Some(max_age);
        self
    }

    /// Admits sessions that have sign-in tasks left. By default they count as signed out.
    pub fn accept_pending(mut self) -> Self {
        self.asked().accept_pending = true;
        self
    }

    /// Admits tokens made from a JWT template, which name no session.
    ///
    /// # Security
    ///
    /// Such tokens outlive the revocation of the session they were made from. Only a
    /// [networkless](crate::SessionCheck::Networkless) resolver takes them.
    pub fn accept_templates(mut self) -> Self {
        self.asked().accept_templates = true;
        self
    }

    /// Whether a verified token meets this policy at that time: its kind, audience, authorized party,
    /// times and sign-in tasks. `clock_skew` is by how much the clocks may differ.
    ///
    /// It is for a [`ResolveSession`](crate::ResolveSession) of your own, for a token that came by itself; of a request's credential ask
    /// [`evaluate_presented`](Policy::evaluate_presented). The signature and the issuer
    /// were judged before there were claims; the session's own state and
    /// [`asked_max_age`](Policy::asked_max_age) are left to the resolver.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use tower_clerk::{Claims, Policy, Rejection};
    ///
    /// fn admit(policy: &Policy, claims: &Claims) -> Result<(), Rejection> {
    ///     Ok(policy.evaluate(claims, SystemTime::now(), Duration::from_secs(5))?)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails with the first rule that the token breaks.
    pub fn evaluate(
        &self,
        claims: &Claims,
        now: SystemTime,
        clock_skew: Duration,
    ) -> Result<(), TokenError> {
        self.judge(claims, None, &Parties::Any, now.into(), clock_skew)
    }

    /// The same of a token as it was presented: one in a cookie must name its party, and one that was issued before
    /// the last sign-in or sign-out is refused.
    ///
    /// # Errors
    ///
    /// Fails with the first rule that the token breaks.
    pub fn evaluate_presented(
        &self,
        claims: &Claims,
        presented: &PresentedToken<'_>,
        now: SystemTime,
        clock_skew: Duration,
    ) -> Result<(), TokenError> {
        self.judge(claims, Some(presented), &Parties::Any, now.into(), clock_skew)
    }

    /// The [`max_age`](Policy::max_age) that is asked for, where one is.
    #[must_use]
    pub fn asked_max_age(&self) -> Option<Duration> {
        self.0.max_age
    }

    /// Whether sessions with sign-in tasks left are admitted.
    #[must_use]
    pub fn accepts_pending(&self) -> bool {
        self.0.accept_pending
    }

    /// Whether tokens made from a JWT template are admitted.
    #[must_use]
    pub fn accepts_templates(&self) -> bool {
        self.0.accept_templates
    }

    /// This policy, which says itself what it left to the instance.
    pub(crate) fn within(mut self, instance: Option<&Instance>) -> Self {
        if let (Parties::OfInstance, Some(instance)) = (&self.0.parties, instance)
            && instance.parts().authorized_parties.is_some()
        {
            self.asked().parties = Parties::of(instance);
        }
        self
    }

    /// Whether it says anything of tokens that a policy does not say by default.
    pub(crate) fn is_set_for_tokens(&self) -> bool {
        *self.0 != Asked { max_age: self.0.max_age, ..Asked::default() }
    }

    /// What a failed authentication amounts to here: that a token is a template's comes before
    /// the faults of its claims, unless templates are accepted.
    pub(crate) fn judge_error(&self, error: TokenError) -> TokenError {
        if error.is_found_in_template() && !self.0.accept_templates {
            return TokenErrorKind::Category.into();
        }
        error
    }

    pub(super) fn rules(&self) -> &Asked {
        &self.0
    }

    fn asked(&mut self) -> &mut Asked {
        Arc::make_mut(&mut self.0)
    }
}
