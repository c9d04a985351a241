use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    Claims, ConfigError,
    token::{Expectations, TokenError, not_empty},
};

/// What one layer asks of a session and its token, beyond that they are genuine and current.
///
/// Policies are applied to facts at every request, so layers with different ones may share a
/// [`SessionResolver`](crate::SessionResolver). Cloning is one atomic increment.
///
/// ```
/// use std::time::Duration;
/// use tower_clerk::Policy;
///
/// let policy = Policy::new()
///     .authorized_parties(["https://app.example.com"])?
///     .max_age(Duration::from_secs(5));
/// assert_eq!(policy.greatest_age(), Some(Duration::from_secs(5)));
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Policy(Arc<Inner>);

#[derive(Debug, Clone, Default)]
struct Inner {
    expectations: Expectations,
    max_age: Option<Duration>,
}

impl Policy {
    /// Asks for nothing more.
    pub fn new() -> Self {
        Self::default()
    }

    /// Admits only tokens whose `azp` is one of these origins, byte for byte.
    ///
    /// # Security
    ///
    /// Without it, a token that was made for another origin of the instance is accepted, which
    /// matters wherever cookies are.
    ///
    /// # Errors
    ///
    /// Fails where one is not an origin, as `https://app.example.com`.
    pub fn authorized_parties<I>(mut self, parties: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let parties = parties.into_iter().map(|party| party.as_ref().parse());
        let parties = parties.collect::<Result<Vec<_>, _>>()?;
        self.inner().expectations.authorized_parties =
            not_empty("the authorized parties", parties)?;
        Ok(self)
    }

    /// Refuses tokens that have an `aud`, none of which is one of these ([RFC 7519 §4.1.3]).
    ///
    /// # Errors
    ///
    /// Fails where there is none.
    ///
    /// [RFC 7519 §4.1.3]: https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3
    pub fn audience<I>(mut self, audience: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let audience = audience.into_iter().map(|one| one.as_ref().into()).collect();
        self.inner().expectations.audience = not_empty("the audience", audience)?;
        Ok(self)
    }

    /// Asks Clerk anew where what is known of the session is this old; no stale answer is taken.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.inner().max_age = Some(max_age);
        self
    }

    /// Admits sessions that have sign-in tasks left. By default they count as signed out.
    pub fn accept_pending(mut self) -> Self {
        self.inner().expectations.accept_pending = true;
        self
    }

    /// Admits tokens made from a JWT template, which name no session.
    ///
    /// # Security
    ///
    /// Such tokens outlive the revocation of the session they were made from. Only a
    /// [networkless](crate::SessionCheck::Networkless) resolver takes them.
    pub fn accept_templates(mut self) -> Self {
        self.inner().expectations.accept_templates = true;
        self
    }

    /// Whether a verified token meets this policy at that time: its kind, audience, authorized party,
    /// times and sign-in tasks. `clock_skew` is by how much the clocks may differ.
    ///
    /// It is for a [`ResolveSession`](crate::ResolveSession) of your own. The signature and the issuer
    /// were judged before there were claims; the session's own state and
    /// [`greatest_age`](Policy::greatest_age) are left to the resolver.
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
        self.0.expectations.judge(claims, now, clock_skew)
    }

    /// How old what is known of a session may be, where there is a bound.
    #[must_use]
    pub fn greatest_age(&self) -> Option<Duration> {
        self.0.max_age
    }

    /// Whether sessions with sign-in tasks left are admitted.
    #[must_use]
    pub fn accepts_pending(&self) -> bool {
        self.0.expectations.accept_pending
    }

    /// Whether tokens made from a JWT template are admitted.
    #[must_use]
    pub fn accepts_templates(&self) -> bool {
        self.0.expectations.accept_templates
    }

    /// Whether it says anything of tokens that a policy does not say by default.
    pub(super) fn is_set_for_tokens(&self) -> bool {
        self.0.expectations != Expectations::default()
    }

    pub(super) fn expectations(&self) -> &Expectations {
        &self.0.expectations
    }

    fn inner(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }
}
