use std::{sync::Arc, time::Duration};

use super::{SessionResolver, decide::Rules, inner::Inner};
use crate::{
    Clock, ConfigError, JwkSet, PublishableKey, SessionsClient, environment,
    sessions::{Lifetimes, SessionCheck, Sessions, Upstream},
    token::{self, Authenticator, DEFAULT_CLOCK_SKEW, Keys},
    token_cache::TokenCache,
};

/// Sets up a [`SessionResolver`].
///
/// ```
/// use std::time::Duration;
/// use tower_clerk::{SecretKey, SessionResolver, SessionsClient};
///
/// let secret_key: SecretKey = "sk_test_TheKeyFromClerksDashboard".parse()?;
/// let resolver = SessionResolver::builder(SessionsClient::new(secret_key)?)
///     .ttl(Duration::from_secs(10))
///     .stale_if_error(Duration::from_secs(60))
///     .build()?;
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct SessionResolverBuilder {
    client: SessionsClient,
    check: SessionCheck,
    keys: KeySource,
    issuer: Option<String>,
    clock_skew: Duration,
    lifetimes: Lifetimes,
    capacity: u64,
    clock: Clock,
}

#[derive(Debug)]
enum KeySource {
    Client,
    JwkSet(JwkSet),
    Pem { key: String, what: &'static str },
}

impl SessionResolverBuilder {
    pub(super) fn new(client: SessionsClient) -> Self {
        Self {
            client,
            check: SessionCheck::default(),
            keys: KeySource::Client,
            issuer: None,
            clock_skew: DEFAULT_CLOCK_SKEW,
            lifetimes: Lifetimes {
                active: Duration::from_secs(30),
                negative: Duration::from_secs(5),
                stale_if_error: Duration::ZERO,
            },
            capacity: 100_000,
            clock: Clock::system(),
        }
    }

    /// A builder that is set up by the environment, as [`SessionResolver::from_env`] describes.
    ///
    /// # Errors
    ///
    /// Fails where a variable is missing or malformed, or two contradict each other.
    pub fn from_env() -> Result<Self, ConfigError> {
        let client = SessionsClient::from_env()?;
        let is_live = client.is_live();
        let mut builder = Self::new(client);
        match environment::publishable_key()? {
            Some(key) if key.is_live() != is_live => {
                return Err(ConfigError::contradiction(
                    "`CLERK_PUBLISHABLE_KEY` and `CLERK_SECRET_KEY` are of different instances; \
                     use both from one, `…_live_…` or `…_test_…`",
                ));
            }
            Some(key) => builder = builder.publishable_key(&key),
            None => tracing::warn!(
                "CLERK_PUBLISHABLE_KEY is not set: the issuer of session tokens is not checked"
            ),
        }
        if let Some(key) = environment::jwt_key()? {
            builder.keys = KeySource::Pem { key, what: "`CLERK_JWT_KEY`" };
        }
        Ok(builder)
    }

    /// How credentials are checked: [`SessionCheck::Get`] by default.
    pub fn check(self, check: SessionCheck) -> Self {
        Self { check, ..self }
    }

    /// Verifies tokens with these keys, instead of those that Clerk publishes.
    pub fn jwk_set(self, keys: JwkSet) -> Self {
        Self { keys: KeySource::JwkSet(keys), ..self }
    }

    /// Verifies tokens with this public key (PEM, as Clerk's dashboard shows it), whatever key they
    /// name, instead of those that Clerk publishes.
    pub fn pem(self, key: &str) -> Self {
        Self { keys: KeySource::Pem { key: key.to_owned(), what: "the PEM key" }, ..self }
    }

    /// Accepts only tokens of this issuer (`iss`, byte for byte).
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        Self { issuer: Some(issuer.into()), ..self }
    }

    /// Accepts only tokens of the instance with this key.
    pub fn publishable_key(self, key: &PublishableKey) -> Self {
        self.issuer(key.issuer())
    }

    /// By how much Clerk's clock and ours may differ: 5 s by default, 5 minutes at most.
    pub fn clock_skew(self, clock_skew: Duration) -> Self {
        Self { clock_skew, ..self }
    }

    /// For how long an active session is used without asking Clerk again: 30 s by default. It bounds
    /// how late a revocation made elsewhere is noticed.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.lifetimes.active = ttl;
        self
    }

    /// The same for sessions that are pending, of an unknown status, or not there: 5 s by default.
    pub fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.lifetimes.negative = ttl;
        self
    }

    /// For how much longer an active session is used while Clerk is unavailable
    /// (`stale-if-error`, [RFC 5861 §4]): not at all by default.
    ///
    /// # Security
    ///
    /// It adds to how late a revocation made elsewhere is noticed while Clerk is unavailable.
    ///
    /// [RFC 5861 §4]: https://www.rfc-editor.org/rfc/rfc5861#section-4
    pub fn stale_if_error(mut self, time: Duration) -> Self {
        self.lifetimes.stale_if_error = time;
        self
    }

    /// How many sessions are kept in mind: 100,000 by default. Of the latest tokens at least as many are, and at
    /// most twice as many, for a minute or two.
    ///
    /// A session takes some 600 bytes beside its own, and 2.6 KB with one token of 1 KB.
    pub fn capacity(self, sessions: u64) -> Self {
        Self { capacity: sessions, ..self }
    }

    /// The clock that everything goes by.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The resolver.
    ///
    /// # Errors
    ///
    /// Fails where a value is malformed or two contradict each other.
    pub fn build(self) -> Result<SessionResolver, ConfigError> {
        let upstream = Box::new(self.client.clone());
        self.build_upon(upstream)
    }

    pub(super) fn build_upon(
        self,
        upstream: Box<dyn Upstream>,
    ) -> Result<SessionResolver, ConfigError> {
        self.refuse_contradictions()?;
        let upstream_timeout = self.client.timeout();
        let keys = match self.keys {
            KeySource::Client => Keys::published(self.client, self.clock.clone()),
            KeySource::JwkSet(set) => Keys::from_jwk_set(&set)?,
            KeySource::Pem { key, what } => {
                Keys::from_pem(&key).map_err(|error| error.about(what))?
            }
        };
        let authenticator = Authenticator::new(keys, self.issuer.map(token::issuer).transpose()?);
        let sessions = Sessions::new(
            upstream,
            upstream_timeout,
            self.check,
            self.clock.clone(),
            self.lifetimes,
            self.capacity,
            self.clock_skew,
        );
        let tokens = TokenCache::new(self.capacity.saturating_mul(2));
        Ok(SessionResolver::new_with(Inner {
            rules: Rules {
                check: self.check,
                clock_skew: self.clock_skew,
                lifetimes: self.lifetimes,
            },
            clock: self.clock,
            authenticator,
            tokens,
            sessions: Arc::new(sessions),
        }))
    }

    fn refuse_contradictions(&self) -> Result<(), ConfigError> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let Lifetimes { active, negative, stale_if_error } = self.lifetimes;
        if self.capacity == 0 {
            return Err(ConfigError::malformed("`capacity`", "at least 1"));
        }
        token::clock_skew(self.clock_skew)?;
        if [active, negative, stale_if_error].iter().any(|&lifetime| lifetime > DAY) {
            return Err(ConfigError::malformed(
                "`ttl`, `negative_ttl` and `stale_if_error`",
                "at most one day each",
            ));
        }
        if self.check == SessionCheck::Networkless && !stale_if_error.is_zero() {
            return Err(ConfigError::contradiction(
                "`stale_if_error` needs a check that asks Clerk; use `SessionCheck::Get`, or drop it",
            ));
        }
        Ok(())
    }
}
