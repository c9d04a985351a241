//! Settings of a client.

use std::{fmt, sync::Arc, time::Duration};

use http::HeaderValue;

#[cfg(feature = "testing")]
use super::transport::BeginCompanion;
use super::{
    ApiVersion, Quota, SessionsClient,
    transport::{Adjust, Settings, Transport},
    upstream::Upstream,
};
use crate::{Instance, config_error::ConfigError};

/// Builds a [`SessionsClient`].
///
/// ```
/// use std::time::Duration;
/// use tower_clerk::{Instance, SessionsClient};
///
/// let instance = Instance::builder().secret_key("sk_test_c2VjcmV0".parse()?).build()?;
/// let client = SessionsClient::builder(&instance)
///     .timeout(Duration::from_secs(2))
///     .http(|http| http.pool_max_idle_per_host(8))
///     .build()?;
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct SessionsClientBuilder {
    instance: Instance,
    api_version: ApiVersion,
    timeout: Duration,
    connect_timeout: Duration,
    user_agent: Option<String>,
    quota: Quota,
    http: Vec<Box<Adjust>>,
    #[cfg(feature = "testing")]
    companion: Option<BeginCompanion>,
}

pub(super) const USER_AGENT: &str = concat!("tower-clerk/", env!("CARGO_PKG_VERSION"));

/// No time-out is longer: more is a mistake, and sums with it must not overflow.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

impl SessionsClientBuilder {
    pub(super) fn new(instance: Instance) -> Self {
        Self {
            instance,
            api_version: ApiVersion::default(),
            timeout: Duration::from_secs(3),
            connect_timeout: Duration::from_secs(1),
            user_agent: None,
            quota: Quota::default(),
            http: Vec::new(),
            #[cfg(feature = "testing")]
            companion: None,
        }
    }

    /// The version of the API, in place of the one this crate was built against.
    pub fn api_version(mut self, version: ApiVersion) -> Self {
        self.api_version = version;
        self
    }

    /// How long a call may take in all: waiting for the quota, connecting, retries and reading the
    /// answer included. 3 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long connecting may take. 1 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// What the client calls itself, in place of this crate's name and version.
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = Some(name.into());
        self
    }

    /// How much of the instance's rate limit to use: [80 percent](Quota) by default.
    pub fn quota(mut self, quota: Quota) -> Self {
        self.quota = quota;
        self
    }

    /// Adjusts the HTTP client: proxies, root certificates, the connection pool, the resolver, the
    /// pings of HTTP/2. Each of several calls adjusts what the earlier ones made. It is called for each of two clients: where a call hangs, the next one goes
    /// over a connection outside of the pool.
    ///
    /// `reqwest` has not reached 1.0: what this hook names changes with the version of it that this crate depends on, which is then a
    /// breaking change of this method and of no other.
    ///
    /// Redirects, time-outs and the user agent are set afterwards. The same goes for https, which
    /// is insisted on, and for proxies, which are not used where the API is not https.
    pub fn http(
        mut self,
        adjust: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        self.http.push(Box::new(adjust));
        self
    }

    /// Keeps what `begin` makes for as long as an exchange with Clerk lasts.
    #[cfg(feature = "testing")]
    pub(crate) fn companion(
        mut self,
        begin: impl Fn() -> Box<dyn std::any::Any + Send> + Send + Sync + 'static,
    ) -> Self {
        self.companion = Some(Box::new(begin));
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// When the instance has no secret key, a setting cannot be what it is, or the HTTP client cannot be built.
    pub fn build(self) -> Result<SessionsClient, ConfigError> {
        let secret_key = self.instance.secret_key()?.clone();
        let base_url = self.instance.parts().api_url.clone();
        check_timeout(self.timeout, "the time-out")?;
        check_timeout(self.connect_timeout, "the time-out for connecting")?;
        let allowance = self.quota.allowance(secret_key.kind())?;
        let settings = Settings {
            user_agent: HeaderValue::try_from(self.user_agent.as_deref().unwrap_or(USER_AGENT))
                .map_err(|_| ConfigError::malformed("the user agent", "visible ASCII"))?,
            connect_timeout: self.connect_timeout,
            timeout: self.timeout,
            https: base_url.is_https(),
            adjust: self.http,
        };
        let transport = Transport::new(&settings, secret_key)?;
        #[cfg(feature = "testing")]
        let transport = transport.accompanied_by(self.companion);
        let upstream =
            Upstream::new(transport, base_url, self.api_version, self.timeout, allowance);
        Ok(SessionsClient { upstream: Arc::new(upstream), instance: self.instance })
    }
}

impl fmt::Debug for SessionsClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionsClientBuilder")
            .field("instance", &self.instance)
            .field("api_version", &self.api_version)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("quota", &self.quota)
            .finish_non_exhaustive()
    }
}

fn check_timeout(timeout: Duration, what: &'static str) -> Result<(), ConfigError> {
    if timeout.is_zero() || timeout > LONGEST_TIMEOUT {
        return Err(ConfigError::malformed(what, "more than nothing and at most an hour"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder() -> SessionsClientBuilder {
        let secret_key = "sk_test_hush".parse().unwrap();
        SessionsClient::builder(&Instance::builder().secret_key(secret_key).build().unwrap())
    }

    #[test]
    fn what_cannot_work_is_refused_when_building() {
        assert!(builder().build().is_ok());
        for bad in [
            builder().timeout(Duration::ZERO),
            builder().timeout(Duration::MAX),
            builder().connect_timeout(Duration::ZERO),
            builder().user_agent("a\nb"),
            builder().quota(Quota::Percent(0)),
        ] {
            assert!(bad.build().is_err());
        }
    }

    #[test]
    fn without_a_secret_key_there_is_no_client() {
        let instance = Instance::builder().build().unwrap();
        let told = SessionsClient::new(&instance).unwrap_err().to_string();
        assert!(told.contains("CLERK_SECRET_KEY"), "{told}");
    }

    #[test]
    fn debug_never_shows_the_secret_key() {
        let shown = format!("{:?} {:?}", builder(), builder().build().unwrap());
        assert!(!shown.contains("hush"), "{shown}");
    }
}
