use std::sync::Arc;

use super::{Instance, KeySource, Parts};
use crate::{
    ConfigError, JwkSet, PublishableKey, SecretKey,
    base_url::BaseUrl,
    environment::{LookUp, optional},
    frontend_api::FrontendApi,
    issuer::Issuer,
    origin::{self, Origin},
};

/// Describes an [`Instance`]. A further call of a method replaces what an earlier one said.
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct InstanceBuilder {
    secret_key: Option<SecretKey>,
    publishable_key: Option<PublishableKey>,
    keys: Option<KeySource>,
    keys_from_frontend_api: bool,
    api_url: Option<BaseUrl>,
    allow_http: bool,
    frontend_api: Option<Issuer>,
    /// `CLERK_PROXY_URL`.
    proxy: Option<Issuer>,
    further_issuers: Vec<Issuer>,
    authorized_parties: Option<Vec<Origin>>,
}

const PARTIES: &str = "each of `CLERK_AUTHORIZED_PARTIES`";

impl InstanceBuilder {
    pub(super) fn from_variables(look_up: LookUp<'_>) -> Result<Self, ConfigError> {
        let mut builder = Self::default();
        let mut variable = |name| optional(look_up, name);
        if let Some(key) = variable("CLERK_SECRET_KEY")? {
            builder.secret_key = Some(SecretKey::parse(&key, "`CLERK_SECRET_KEY`")?);
        }
        if let Some(key) = variable("CLERK_PUBLISHABLE_KEY")? {
            let parsed = key.parse::<PublishableKey>();
            let named = parsed.map_err(|error| error.about("`CLERK_PUBLISHABLE_KEY`"))?;
            builder.publishable_key = Some(named);
        }
        if let Some(url) = variable("CLERK_FRONTEND_API_URL")? {
            builder.frontend_api = Some(issuer(&url, "`CLERK_FRONTEND_API_URL`")?);
        }
        if let Some(url) = variable("CLERK_PROXY_URL")? {
            builder.proxy = Some(issuer(&url, "`CLERK_PROXY_URL`")?);
        }
        if let Some(pem) = variable("CLERK_JWT_KEY")? {
            builder.keys = Some(KeySource::Pem { pem, what: "`CLERK_JWT_KEY`" });
        }
        if let Some(url) = variable("CLERK_API_URL")? {
            builder.api_url = Some(BaseUrl::parse(&url, "`CLERK_API_URL`")?);
        }
        builder.allow_http = match variable("TOWER_CLERK_ALLOW_HTTP")?.as_deref() {
            None | Some("0" | "false") => false,
            Some("1" | "true") => true,
            Some(_) => return Err(ConfigError::malformed("`TOWER_CLERK_ALLOW_HTTP`", "1 or 0")),
        };
        if let Some(text) = variable("CLERK_AUTHORIZED_PARTIES")? {
            let parties = text.split(',').map(str::trim).filter(|party| !party.is_empty());
            // None at all is refused: taken for unset, it would leave open what somebody meant to close.
            let parties = origin::all(parties).map_err(|error| error.about(PARTIES))?;
            builder.authorized_parties = Some(parties);
        }
        Ok(builder)
    }

    /// The key that opens the API.
    pub fn secret_key(self, key: SecretKey) -> Self {
        Self { secret_key: Some(key), ..self }
    }

    /// The key that names the issuer of the instance's tokens and its own cookie.
    pub fn publishable_key(self, key: PublishableKey) -> Self {
        Self { publishable_key: Some(key), ..self }
    }

    /// Verifies tokens with this public key (PEM, as Clerk's dashboard shows it), whatever key they
    /// name, instead of those that Clerk publishes.
    pub fn jwt_key(self, pem: impl Into<String>) -> Self {
        Self { keys: Some(KeySource::Pem { pem: pem.into(), what: "the PEM key" }), ..self }
    }

    /// Verifies tokens with these keys, instead of those that Clerk publishes.
    pub fn jwk_set(self, set: JwkSet) -> Self {
        Self { keys: Some(KeySource::JwkSet(set)), ..self }
    }

    /// Verifies tokens with the keys that the Frontend API publishes to anybody, at
    /// `https://<frontend API>/.well-known/jwks.json`, so that no secret key is needed. It takes a
    /// [publishable key](InstanceBuilder::publishable_key) or a [Frontend API](InstanceBuilder::frontend_api).
    ///
    /// # Security
    ///
    /// Whoever can change the publishable key or the URL that this service reads can sign in as anybody: they choose whose keys
    /// are believed. Treat that value as you would a secret key, though nobody need be kept from reading it. The keys are fetched over https,
    /// without following redirects; over http only from a literal loopback address, for a `pk_test_` key.
    pub fn keys_from_frontend_api(self) -> Self {
        Self { keys_from_frontend_api: true, ..self }
    }

    /// The origin of the API, in place of `https://api.clerk.com`. `/` or `/v1` may follow it. It
    /// must be https, since the secret key travels there, unless the host is loopback or
    /// [that is allowed](InstanceBuilder::allow_http_with_test_key).
    ///
    /// # Errors
    ///
    /// Fails where it is none.
    pub fn api_url(self, url: impl AsRef<str>) -> Result<Self, ConfigError> {
        let api_url = BaseUrl::parse(url.as_ref(), "the URL of the API")?;
        Ok(Self { api_url: Some(api_url), ..self })
    }

    /// Lets a test key (`sk_test_…`) travel to the [API](InstanceBuilder::api_url) over http: to an
    /// emulator in another container, say. The environment says the same with
    /// `TOWER_CLERK_ALLOW_HTTP=1`. It does not hold for live keys.
    ///
    /// # Security
    ///
    /// Whoever can listen on the way to that host has the key, and with it the development instance.
    pub fn allow_http_with_test_key(self) -> Self {
        Self { allow_http: true, ..self }
    }

    /// The Frontend API, `https://clerk.example.com`, or a proxy before it, `https://app.example.com/__clerk`: the
    /// issuer of the instance's tokens, and what the keys are fetched from that anybody may have.
    ///
    /// # Errors
    ///
    /// Fails where it is no URL as Clerk writes it.
    pub fn frontend_api(self, url: impl AsRef<str>) -> Result<Self, ConfigError> {
        Ok(Self { frontend_api: Some(issuer(url.as_ref(), "the Frontend API")?), ..self })
    }

    /// Accepts tokens of these issuers (`iss`, byte for byte), beside those of the publishable key, the Frontend API and
    /// `CLERK_PROXY_URL`: of satellite domains and further proxies.
    ///
    /// # Errors
    ///
    /// Fails where one is no URL as Clerk writes it.
    pub fn further_issuers<I>(self, issuers: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let issuers = issuers.into_iter().map(|issuer| issuer.as_ref().parse());
        let further_issuers = issuers.collect::<Result<_, _>>()?;
        Ok(Self { further_issuers, ..self })
    }

    /// Accepts only tokens whose `azp` is one of these origins, byte for byte, wherever a [`Policy`](crate::Policy) does
    /// not say otherwise.
    ///
    /// # Security
    ///
    /// Without it, a token that was made for another origin of the instance is accepted, which
    /// matters wherever cookies are.
    ///
    /// # Errors
    ///
    /// Fails where one is not an origin, as `https://app.example.com`, or where there is none.
    pub fn authorized_parties<I>(self, parties: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let parties = origin::all(parties)?;
        Ok(Self { authorized_parties: Some(parties), ..self })
    }

    /// The instance.
    ///
    /// # Errors
    ///
    /// Fails where two of its parts contradict each other.
    pub fn build(self) -> Result<Instance, ConfigError> {
        let Self { secret_key, publishable_key, .. } = &self;
        if let (Some(secret), Some(publishable)) = (secret_key, publishable_key)
            && secret.is_live() != publishable.is_live()
        {
            return Err(ConfigError::contradiction(
                "`CLERK_PUBLISHABLE_KEY` and `CLERK_SECRET_KEY`, or the keys of the builder, are of \
                 different instances; use both from one, `…_live_…` or `…_test_…`",
            ));
        }
        let api_url = self.api_url.clone().unwrap_or_else(BaseUrl::clerk);
        if let Some(key) = secret_key {
            api_url.check(key, self.allow_http)?;
        }
        let keys = self.key_source()?;
        let own = self.publishable_key.as_ref().map(|key| key.own_issuer().clone());
        let mut issuers = Vec::new();
        let named = own.into_iter().chain(self.frontend_api).chain(self.proxy);
        for issuer in named.chain(self.further_issuers) {
            if !issuers.contains(&issuer) {
                issuers.push(issuer);
            }
        }
        Ok(Instance(Arc::new(Parts {
            secret_key: self.secret_key,
            publishable_key: self.publishable_key,
            keys,
            api_url,
            issuers,
            authorized_parties: self.authorized_parties,
        })))
    }

    fn key_source(&self) -> Result<KeySource, ConfigError> {
        if !self.keys_from_frontend_api {
            return Ok(self.keys.clone().unwrap_or(KeySource::Api));
        }
        if self.keys.is_some() || self.secret_key.is_some() {
            return Err(ConfigError::contradiction(
                "keys come from one source: with a secret key, from the API; drop \
                 `keys_from_frontend_api`, or the secret key, the PEM and the JWK Set",
            ));
        }
        let own = self.publishable_key.as_ref().map(PublishableKey::own_issuer);
        let Some(url) = self.frontend_api.as_ref().or(own) else {
            return Err(ConfigError::contradiction(
                "`keys_from_frontend_api` needs a publishable key or a Frontend API to fetch them from",
            ));
        };
        let is_test = self.publishable_key.as_ref().is_some_and(|key| !key.is_live());
        Ok(KeySource::FrontendApi(FrontendApi::new(url, is_test)?))
    }
}

fn issuer(url: &str, what: &'static str) -> Result<Issuer, ConfigError> {
    url.parse().map_err(|error: ConfigError| error.about(what))
}
