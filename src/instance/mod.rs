//! One Clerk instance: what belongs to it is said once, and travels with everything made from it.

mod builder;

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

pub use self::builder::InstanceBuilder;
use crate::{
    ConfigError, JwkSet, PublishableKey, SecretKey, base_url::BaseUrl, environment,
    frontend_api::FrontendApi, issuer::Issuer, origin::Origin,
};

/// One Clerk instance: who it is, how its API is reached, what proves its tokens, and whose origins are ours.
///
/// The client, the resolver and the verifier are made from it; a layer takes what concerns it from the instance of its
/// resolver. So nobody needs to say anything twice, and no two layers can disagree about who may pass.
///
/// Every part is optional, and what needs a part that is missing is refused at start-up: the way to check is never chosen by
/// what happens to be set. Cloning is one atomic increment.
///
/// ```
/// use tower_clerk::{Instance, SessionResolver};
///
/// let instance = Instance::builder()
///     .secret_key("sk_live_c2VjcmV0".parse()?)
///     .publishable_key("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k".parse()?)
///     .authorized_parties(["https://app.example.com"])?
///     .build()?;
/// let resolver = SessionResolver::new(&instance)?;
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Instance(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) secret_key: Option<SecretKey>,
    pub(crate) publishable_key: Option<PublishableKey>,
    pub(crate) keys: KeySource,
    pub(crate) api_url: BaseUrl,
    /// Those whose tokens are accepted; none where they are not known.
    pub(crate) issuers: Vec<Issuer>,
    /// None where nobody said.
    pub(crate) authorized_parties: Option<Vec<Origin>>,
}

/// What proves an instance's tokens.
#[derive(Clone)]
pub(crate) enum KeySource {
    /// Whatever the API publishes, which takes the secret key.
    Api,
    /// Whatever the Frontend API publishes to anybody.
    FrontendApi(FrontendApi),
    JwkSet(JwkSet),
    Pem {
        pem: String,
        what: &'static str,
    },
}

impl Instance {
    /// The instance that the environment describes, under Clerk's own names.
    ///
    /// | Variable | |
    /// | --- | --- |
    /// | `CLERK_SECRET_KEY` | opens the API: needed by the client, and by every check but [`Networkless`](crate::SessionCheck::Networkless) |
    /// | `CLERK_PUBLISHABLE_KEY` | names the issuer of tokens and the instance's own cookie; unset: the issuer is not checked, unless one of the next two says it |
    /// | `CLERK_FRONTEND_API_URL` | the Frontend API, `https://clerk.example.com`: another issuer whose tokens are accepted |
    /// | `CLERK_PROXY_URL` | a proxy before the Frontend API, `https://app.example.com/__clerk`: the same |
    /// | `CLERK_JWT_KEY` | the public key that tokens are verified with, as PEM; unset: those that Clerk publishes |
    /// | `CLERK_API_URL` | the origin of the API; unset: Clerk's |
    /// | `TOWER_CLERK_ALLOW_HTTP` | `1`: a test key may travel to it over http |
    /// | `CLERK_AUTHORIZED_PARTIES` | origins, separated by commas, whose tokens are accepted; unset: those of any, and a warning |
    ///
    /// # Errors
    ///
    /// Fails where a variable is malformed, or two contradict each other. None is required yet.
    pub fn from_env() -> Result<Self, ConfigError> {
        let instance = Self::builder_from_env()?.build()?;
        instance.warn_of_what_is_not_checked();
        Ok(instance)
    }

    /// The same from any look-up of names: a second instance's under a prefix, a store of secrets. What it does not know is
    /// unset; nothing comes from elsewhere.
    ///
    /// ```
    /// use tower_clerk::Instance;
    ///
    /// // BILLING_CLERK_SECRET_KEY and so on.
    /// let billing = Instance::from_lookup(|name| std::env::var(format!("BILLING_{name}")).ok())?;
    /// # Ok::<(), tower_clerk::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as [`from_env`](Instance::from_env) does.
    pub fn from_lookup(
        mut look_up: impl FnMut(&'static str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let instance = InstanceBuilder::from_variables(&mut |name| Ok(look_up(name)))?.build()?;
        instance.warn_of_what_is_not_checked();
        Ok(instance)
    }

    /// An instance yet to be described.
    pub fn builder() -> InstanceBuilder {
        InstanceBuilder::default()
    }

    /// An instance that the environment describes, to be described further.
    ///
    /// # Errors
    ///
    /// Fails where a variable is malformed.
    pub fn builder_from_env() -> Result<InstanceBuilder, ConfigError> {
        InstanceBuilder::from_variables(&mut environment::process)
    }

    /// The publishable key, where it is known.
    #[must_use]
    pub fn publishable_key(&self) -> Option<&PublishableKey> {
        self.0.publishable_key.as_ref()
    }

    /// The issuers whose tokens are accepted; none where any issuer's are.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        self.0.issuers.iter().map(Issuer::as_str)
    }

    /// The origins whose tokens are accepted, unless a policy says otherwise; `None` where those of any are.
    #[must_use]
    pub fn authorized_parties(&self) -> Option<impl Iterator<Item = &str>> {
        self.0.authorized_parties.as_ref().map(|parties| parties.iter().map(Origin::as_str))
    }

    /// Whether it is a production instance, as far as one of its keys says.
    #[must_use]
    pub fn is_live(&self) -> Option<bool> {
        let by_secret = self.0.secret_key.as_ref().map(SecretKey::is_live);
        by_secret.or_else(|| self.0.publishable_key.as_ref().map(PublishableKey::is_live))
    }

    /// The key that opens the API, for those who cannot do without.
    pub(crate) fn secret_key(&self) -> Result<&SecretKey, ConfigError> {
        self.0.secret_key.as_ref().ok_or(ConfigError::contradiction(
            "Clerk's API is called with a secret key: set `CLERK_SECRET_KEY`, or give the instance one, or \
             use `SessionCheck::Networkless`, which calls nobody",
        ))
    }

    /// Whether a client of the one calls for the other as well: with the same key, at the same place.
    pub(crate) fn shares_api_with(&self, other: &Self) -> bool {
        let (Some(ours), Some(theirs)) = (&self.0.secret_key, &other.0.secret_key) else {
            return Arc::ptr_eq(&self.0, &other.0);
        };
        ours.is(theirs) && self.0.api_url == other.0.api_url
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    fn warn_of_what_is_not_checked(&self) {
        if self.0.issuers.is_empty() {
            tracing::warn!(
                "CLERK_PUBLISHABLE_KEY is not set: the issuer of tokens is not checked, and the \
                 instance's own cookie is not read"
            );
        }
        if self.0.authorized_parties.is_none() {
            tracing::warn!(
                "CLERK_AUTHORIZED_PARTIES is not set: cookies are accepted whatever origin their \
                 token was made for"
            );
        }
    }
}

impl fmt::Debug for KeySource {
    /// Not what was given for a PEM, which may be a secret in the wrong place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Api => "Api",
            Self::FrontendApi(_) => "FrontendApi",
            Self::JwkSet(_) => "JwkSet",
            Self::Pem { .. } => "Pem",
        })
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("secret_key", &self.0.secret_key)
            .field("publishable_key", &self.0.publishable_key)
            .field("api_url", &self.0.api_url)
            .field("keys", &self.0.keys)
            .field("issuers", &self.0.issuers)
            .field("authorized_parties", &self.0.authorized_parties)
            .finish_non_exhaustive()
    }
}
