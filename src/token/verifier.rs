use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{Authenticator, Expectations, FetchKeys, Keys, TokenError};
use crate::{Claims, Clock, ConfigError, JwkSet, PublishableKey, issuer::Issuer};

/// How far clocks may differ, unless it is set.
pub(crate) const DEFAULT_CLOCK_SKEW: Duration = Duration::from_secs(5);

/// Verifies session tokens without asking Clerk about the session.
///
/// A session that was revoked elsewhere is noticed when its tokens expire, a minute after they
/// were issued. Cloning is one atomic increment.
#[derive(Clone)]
pub struct TokenVerifier(Arc<Inner>);

struct Inner {
    authenticator: Authenticator,
    expectations: Expectations,
    clock_skew: Duration,
    clock: Clock,
}

impl TokenVerifier {
    /// Begins to configure a verifier. It needs one source of keys; authorized parties are
    /// advised.
    pub fn builder() -> TokenVerifierBuilder {
        TokenVerifierBuilder::default()
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
        let Inner { authenticator, expectations, clock_skew, .. } = &*self.0;
        let authenticated = authenticator.authenticate(token.as_bytes()).await;
        let claims = authenticated.map_err(|error| expectations.judge_error(error))?.claims;
        expectations.judge(&claims, now, *clock_skew)?;
        Ok(claims)
    }
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier")
            .field("expectations", &self.0.expectations)
            .field("clock_skew", &self.0.clock_skew)
            .field("clock", &self.0.clock)
            .finish_non_exhaustive()
    }
}

/// Configures a [`TokenVerifier`].
#[must_use = "a builder does nothing until it is built"]
pub struct TokenVerifierBuilder {
    keys: Vec<Source>,
    authorized_parties: Option<Vec<String>>,
    audience: Option<Vec<Box<str>>>,
    issuer: Option<String>,
    clock_skew: Duration,
    clock: Clock,
    accept_pending: bool,
    accept_templates: bool,
}

enum Source {
    JwkSet(JwkSet),
    Pem(String),
    Fetched(Box<dyn FetchKeys>),
}

impl TokenVerifierBuilder {
    /// Verifies with the keys of a JWK Set.
    pub fn jwk_set(self, set: JwkSet) -> Self {
        self.keys(Source::JwkSet(set))
    }

    /// Verifies with one key in PEM, whatever key ID a token names: the "JWKS public key" of
    /// Clerk's dashboard, which its SDKs read from `CLERK_JWT_KEY`.
    ///
    /// The body alone, without the lines around it, line breaks written as `\n`, quotes around it and
    /// base64 of the whole do as well.
    pub fn pem(self, pem: &str) -> Self {
        self.keys(Source::Pem(pem.to_owned()))
    }

    /// Verifies with keys that are fetched and kept fresh.
    pub(crate) fn keys_fetched_with(self, fetch: impl FetchKeys) -> Self {
        self.keys(Source::Fetched(Box::new(fetch)))
    }

    /// Accepts only tokens issued to one of these origins, such as `https://app.example.com`.
    ///
    /// # Security
    ///
    /// Without this, a token issued to any origin of the instance is accepted, a subdomain that
    /// somebody else controls included.
    pub fn authorized_parties<I>(mut self, parties: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.authorized_parties.get_or_insert_default().extend(parties.into_iter().map(Into::into));
        self
    }

    /// Accepts tokens with an audience only if it is one of these. Session tokens have none
    /// unless they are customized.
    pub fn audience<I>(mut self, audience: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let audience = audience.into_iter().map(|one| one.into().into_boxed_str());
        self.audience.get_or_insert_default().extend(audience);
        self
    }

    /// Accepts only tokens of this issuer: the Frontend API, such as
    /// `https://clerk.example.com`.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Accepts only tokens of the instance with this key.
    pub fn publishable_key(self, key: &PublishableKey) -> Self {
        self.issuer(key.issuer())
    }

    /// Sets how far the clocks may differ: 5 seconds unless set.
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.clock_skew = skew;
        self
    }

    /// Accepts tokens of sessions that have sign-in tasks left.
    pub fn accept_pending(mut self) -> Self {
        self.accept_pending = true;
        self
    }

    /// Accepts tokens made from JWT templates.
    ///
    /// # Security
    ///
    /// They outlive their session: revoking it does not end them.
    pub fn accept_templates(mut self) -> Self {
        self.accept_templates = true;
        self
    }

    /// Reads the time from this clock: the system's unless set.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Finishes.
    ///
    /// # Errors
    ///
    /// Fails unless there is exactly one source of keys, and every value is of its form.
    pub fn build(self) -> Result<TokenVerifier, ConfigError> {
        let expectations = Expectations {
            authorized_parties: self
                .authorized_parties
                .map(|parties| not_empty("the authorized parties", parties))
                .transpose()?
                .unwrap_or_default()
                .iter()
                .map(|party| party.parse())
                .collect::<Result<_, _>>()?,
            audience: self
                .audience
                .map(|audience| not_empty("the audience", audience))
                .transpose()?
                .unwrap_or_default(),
            accept_pending: self.accept_pending,
            accept_templates: self.accept_templates,
        };
        let issuer = self.issuer.map(issuer).transpose()?;
        let clock_skew = clock_skew(self.clock_skew)?;
        let mut sources = self.keys.into_iter();
        let keys = match (sources.next(), sources.next()) {
            (Some(Source::JwkSet(set)), None) => Keys::from_jwk_set(&set)?,
            (Some(Source::Pem(pem)), None) => Keys::from_pem(&pem)?,
            (Some(Source::Fetched(fetch)), None) => Keys::fetched_with(fetch, self.clock.clone()),
            (None, _) => {
                return Err(ConfigError::contradiction(
                    "a token verifier needs keys: give it a client, a JWK Set or a PEM",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(ConfigError::contradiction(
                    "a token verifier takes its keys from one source: give it a client, a JWK Set or a PEM",
                ));
            }
        };
        Ok(TokenVerifier(Arc::new(Inner {
            authenticator: Authenticator::new(keys, issuer),
            expectations,
            clock_skew,
            clock: self.clock,
        })))
    }

    fn keys(mut self, source: Source) -> Self {
        self.keys.push(source);
        self
    }
}

/// An empty list would switch the check off, which nobody asks for by giving one.
pub(crate) fn not_empty<T>(what: &'static str, list: Vec<T>) -> Result<Vec<T>, ConfigError>
where
    T: AsRef<str>,
{
    if list.iter().any(|one| one.as_ref().is_empty()) {
        return Err(ConfigError::malformed(what, "such that none of them is empty"));
    }
    if list.is_empty() {
        return Err(ConfigError::malformed(
            what,
            "at least one: leave the setting out to accept any",
        ));
    }
    Ok(list)
}

/// Longer would keep tokens of a minute alive for several.
pub(crate) fn clock_skew(skew: Duration) -> Result<Duration, ConfigError> {
    if skew > Duration::from_secs(5 * 60) {
        return Err(ConfigError::malformed("the clock skew", "at most 5 minutes"));
    }
    Ok(skew)
}

#[expect(clippy::needless_pass_by_value, reason = "it maps an optional setting")]
pub(crate) fn issuer(issuer: String) -> Result<Issuer, ConfigError> {
    issuer.parse()
}

impl Default for TokenVerifierBuilder {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            authorized_parties: None,
            audience: None,
            issuer: None,
            clock_skew: DEFAULT_CLOCK_SKEW,
            clock: Clock::default(),
            accept_pending: false,
            accept_templates: false,
        }
    }
}

impl fmt::Debug for TokenVerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifierBuilder")
            .field("authorized_parties", &self.authorized_parties)
            .field("audience", &self.audience)
            .field("issuer", &self.issuer)
            .field("clock_skew", &self.clock_skew)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
