use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{Authenticator, Keys, Parties, Policy, TokenError};
use crate::{Claims, Clock, ConfigError, Instance, SessionsClient};

/// How far clocks may differ, unless it is set.
pub(crate) const DEFAULT_CLOCK_SKEW: Duration = Duration::from_secs(5);

/// Verifies session tokens of an [`Instance`] without asking Clerk about the session.
///
/// A session that was revoked elsewhere is noticed [`clock_skew`](TokenVerifierBuilder::clock_skew) after its last token expires,
/// which Clerk issues for a minute. Cloning is one atomic increment.
#[derive(Clone)]
pub struct TokenVerifier(Arc<Inner>);

struct Inner {
    authenticator: Authenticator,
    policy: Policy,
    parties: Parties,
    clock_skew: Duration,
    clock: Clock,
}

impl TokenVerifier {
    /// A verifier with the default settings.
    ///
    /// # Errors
    ///
    /// Fails where nothing says what verifies the instance's tokens.
    pub fn new(instance: &Instance) -> Result<Self, ConfigError> {
        Self::builder(instance).build()
    }

    /// A verifier for the instance that [the environment describes](Instance::from_env).
    ///
    /// # Errors
    ///
    /// Fails where a variable is malformed, or nothing says what verifies tokens.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::new(&Instance::from_env()?)
    }

    /// A verifier with other settings.
    pub fn builder(instance: &Instance) -> TokenVerifierBuilder {
        TokenVerifierBuilder {
            instance: instance.clone(),
            policy: Policy::new(),
            clock_skew: DEFAULT_CLOCK_SKEW,
            clock: Clock::default(),
        }
    }

    /// Verifies a token as of now.
    ///
    /// # Errors
    ///
    /// Fails if the token is not good, or if it cannot be judged for want of keys; the error
    /// tells which.
    pub async fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        self.verify_at(token, self.0.clock.now()).await
    }

    /// Verifies a token as of the time given.
    ///
    /// # Errors
    ///
    /// Fails as [`verify`](TokenVerifier::verify) does.
    pub async fn verify_at(&self, token: &str, now: SystemTime) -> Result<Claims, TokenError> {
        let Inner { authenticator, policy, parties, clock_skew, .. } = &*self.0;
        let authenticated = authenticator.authenticate(token.as_bytes()).await;
        let claims = authenticated.map_err(|error| policy.judge_error(error))?.claims;
        policy.judge(&claims, None, parties, now.into(), *clock_skew)?;
        Ok(claims)
    }
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier")
            .field("policy", &self.0.policy)
            .field("clock_skew", &self.0.clock_skew)
            .field("clock", &self.0.clock)
            .finish_non_exhaustive()
    }
}

/// Configures a [`TokenVerifier`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct TokenVerifierBuilder {
    instance: Instance,
    policy: Policy,
    clock_skew: Duration,
    clock: Clock,
}

impl TokenVerifierBuilder {
    /// Asks this of tokens, beyond that they are genuine and current. Of a policy's settings only
    /// [`max_age`](Policy::max_age) means nothing here, and is refused.
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Sets how far the clocks may differ: 5 seconds unless set.
    pub fn clock_skew(self, clock_skew: Duration) -> Self {
        Self { clock_skew, ..self }
    }

    /// Reads the time from this clock: the system's unless set.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The verifier.
    ///
    /// # Errors
    ///
    /// Fails where nothing says what verifies the instance's tokens, or a setting means nothing here.
    pub fn build(self) -> Result<TokenVerifier, ConfigError> {
        if self.policy.asked_max_age().is_some() {
            return Err(ConfigError::contradiction(
                "`max_age` needs somebody who asks Clerk; use a `SessionResolver`, or drop it",
            ));
        }
        let client = match &self.instance.parts().secret_key {
            Some(_) => Some(SessionsClient::new(&self.instance)?),
            None => None,
        };
        let keys = Keys::of(&self.instance, client.as_ref(), self.clock.clone())?;
        Ok(TokenVerifier(Arc::new(Inner {
            authenticator: Authenticator::new(keys, self.instance.parts().issuers.clone()),
            policy: self.policy,
            parties: Parties::of(&self.instance),
            clock_skew: clock_skew(self.clock_skew)?,
            clock: self.clock,
        })))
    }
}

/// Longer would keep tokens of a minute alive for several.
pub(crate) fn clock_skew(skew: Duration) -> Result<Duration, ConfigError> {
    if skew > Duration::from_secs(5 * 60) {
        return Err(ConfigError::malformed("the clock skew", "at most 5 minutes"));
    }
    Ok(skew)
}

#[cfg(test)]
mod tests;
