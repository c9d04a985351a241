//! Settings of a client.

use std::{fmt, sync::Arc, time::Duration};

use http::HeaderValue;

#[cfg(feature = "testing")]
use super::transport::BeginCompanion;
use super::{
    ApiVersion, Quota, SecretKey, SessionsClient,
    base_url::BaseUrl,
    transport::{Adjust, Settings, Transport},
    upstream::Upstream,
};
use crate::{
    config_error::ConfigError,
    environment::{Environment, Process},
};

/// Builds a [`SessionsClient`].
///
/// ```
/// use std::time::Duration;
/// use tower_clerk::SessionsClient;
///
/// let client = SessionsClient::builder("sk_test_c2VjcmV0".parse()?)
///     .timeout(Duration::from_secs(2))
///     .http(|http| http.pool_max_idle_per_host(8))
///     .build()?;
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct SessionsClientBuilder {
    secret_key: SecretKey,
    base_url: Result<BaseUrl, ConfigError>,
    api_version: ApiVersion,
    timeout: Duration,
    connect_timeout: Duration,
    user_agent: Option<String>,
    quota: Quota,
    allow_http: bool,
    http: Vec<Box<Adjust>>,
    #[cfg(feature = "testing")]
    companion: Option<BeginCompanion>,
}

const USER_AGENT: &str = concat!("tower-clerk/", env!("CARGO_PKG_VERSION"));

const ALLOW_HTTP: &str = "TOWER_CLERK_ALLOW_HTTP";

/// No time-out is longer: more is a mistake, and sums with it must not overflow.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

impl SessionsClientBuilder {
    pub(super) fn new(secret_key: SecretKey) -> Self {
        Self {
            secret_key,
            base_url: Ok(BaseUrl::clerk()),
            api_version: ApiVersion::default(),
            timeout: Duration::from_secs(3),
            connect_timeout: Duration::from_secs(1),
            user_agent: None,
            quota: Quota::default(),
            allow_http: false,
            http: Vec::new(),
            #[cfg(feature = "testing")]
            companion: None,
        }
    }

    /// Starts from what [`SessionsClient::from_env`] reads.
    ///
    /// # Errors
    ///
    /// When `CLERK_SECRET_KEY` is missing, or it or another of the variables is malformed.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_environment(&Process)
    }

    pub(super) fn from_environment(environment: &impl Environment) -> Result<Self, ConfigError> {
        let secret_key = environment.required("CLERK_SECRET_KEY")?;
        let mut builder = Self::new(SecretKey::parse(&secret_key, "`CLERK_SECRET_KEY`")?);
        if let Some(base_url) = environment.optional("CLERK_API_URL")? {
            builder.base_url = Ok(BaseUrl::parse(&base_url, "`CLERK_API_URL`")?);
        }
        builder.allow_http = match environment.optional(ALLOW_HTTP)?.as_deref() {
            None | Some("0" | "false") => false,
            Some("1" | "true") => true,
            Some(_) => return Err(ConfigError::malformed("`TOWER_CLERK_ALLOW_HTTP`", "1 or 0")),
        };
        Ok(builder)
    }

    /// The origin of the API, in place of `https://api.clerk.com`. `/` or `/v1` may follow it. It
    /// must be https, since the secret key travels there, unless the host is loopback or
    /// [that is allowed](Self::allow_http_with_test_key).
    pub fn base_url(mut self, origin: impl AsRef<str>) -> Self {
        self.base_url = BaseUrl::parse(origin.as_ref(), "the base URL");
        self
    }

    /// Lets a test key (`sk_test_…`) travel to the [base URL](Self::base_url) over http: to an
    /// emulator in another container, say. The environment says the same with
    /// `TOWER_CLERK_ALLOW_HTTP=1`. It does not hold for live keys.
    ///
    /// # Security
    ///
    /// Whoever can listen on the way to that host has the key, and with it the development instance.
    pub fn allow_http_with_test_key(mut self) -> Self {
        self.allow_http = true;
        self
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
    /// pings of HTTP/2. It is called for each of two clients: where a call hangs, the next one goes
    /// over a connection outside of the pool.
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
    /// When a setting cannot be what it is, or the HTTP client cannot be built.
    pub fn build(self) -> Result<SessionsClient, ConfigError> {
        let base_url = self.base_url?;
        base_url.check(&self.secret_key, self.allow_http)?;
        check_timeout(self.timeout, "the time-out")?;
        check_timeout(self.connect_timeout, "the time-out for connecting")?;
        let allowance = self.quota.allowance(self.secret_key.instance())?;
        let settings = Settings {
            user_agent: HeaderValue::try_from(self.user_agent.as_deref().unwrap_or(USER_AGENT))
                .map_err(|_| ConfigError::malformed("the user agent", "visible ASCII"))?,
            connect_timeout: self.connect_timeout,
            timeout: self.timeout,
            https: base_url.is_https(),
            adjust: self.http,
        };
        let transport = Transport::new(&settings, self.secret_key)?;
        #[cfg(feature = "testing")]
        let transport = transport.accompanied_by(self.companion);
        let upstream =
            Upstream::new(transport, base_url, self.api_version, self.timeout, allowance);
        Ok(SessionsClient(Arc::new(upstream)))
    }
}

impl fmt::Debug for SessionsClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionsClientBuilder")
            .field("secret_key", &self.secret_key)
            .field("base_url", &self.base_url)
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
    use std::{collections::HashMap, env::VarError, ffi::OsString};

    use super::*;

    struct Fixed(HashMap<&'static str, Option<&'static str>>);

    impl Environment for Fixed {
        fn look_up(&self, name: &'static str) -> Result<String, VarError> {
            match self.0.get(name) {
                Some(Some(text)) => Ok((*text).to_owned()),
                Some(None) => Err(VarError::NotUnicode(OsString::new())),
                None => Err(VarError::NotPresent),
            }
        }
    }

    fn from_env<const N: usize>(
        variables: [(&'static str, Option<&'static str>); N],
    ) -> Result<SessionsClient, ConfigError> {
        SessionsClientBuilder::from_environment(&Fixed(HashMap::from(variables)))?.build()
    }

    fn builder() -> SessionsClientBuilder {
        SessionsClient::builder("sk_test_hush".parse().unwrap())
    }

    #[test]
    fn the_environment_gives_key_and_origin() {
        let key = ("CLERK_SECRET_KEY", Some("sk_test_hush"));
        let client = from_env([key]).unwrap();
        assert!(format!("{client:?}").contains("api.clerk.com"));
        let client = from_env([key, ("CLERK_API_URL", Some("http://127.0.0.1:4000/v1"))]).unwrap();
        assert!(format!("{client:?}").contains("4000"));
        assert!(from_env([key, ("CLERK_API_URL", Some(""))]).is_ok());
    }

    #[test]
    fn a_wrong_environment_is_named_and_no_secret_repeated() {
        let key = ("CLERK_SECRET_KEY", Some("sk_test_hush"));
        for (error, named) in [
            (from_env([]), "CLERK_SECRET_KEY"),
            (from_env([("CLERK_SECRET_KEY", Some(""))]), "CLERK_SECRET_KEY"),
            (from_env([("CLERK_SECRET_KEY", None)]), "CLERK_SECRET_KEY"),
            (from_env([("CLERK_SECRET_KEY", Some("hush"))]), "CLERK_SECRET_KEY"),
            (from_env([key, ("CLERK_API_URL", None)]), "CLERK_API_URL"),
            (from_env([key, ("CLERK_API_URL", Some("http://hush.example"))]), "CLERK_API_URL"),
        ] {
            let told = error.unwrap_err().to_string();
            assert!(told.contains(named) && !told.contains("hush"), "{told}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused_when_building() {
        assert!(builder().build().is_ok());
        for bad in [
            builder().timeout(Duration::ZERO),
            builder().timeout(Duration::MAX),
            builder().connect_timeout(Duration::ZERO),
            builder().user_agent("a\nb"),
            builder().base_url("http://api.clerk.com"),
            builder().quota(Quota::Percent(0)),
        ] {
            assert!(bad.build().is_err());
        }
    }

    #[test]
    fn a_test_key_may_travel_in_the_clear_where_somebody_says_so_and_a_live_key_never() {
        let (test, live) = (
            ("CLERK_SECRET_KEY", Some("sk_test_hush")),
            ("CLERK_SECRET_KEY", Some("sk_live_hush")),
        );
        let url = ("CLERK_API_URL", Some("http://clerk:4000"));
        let allowed = |value| ("TOWER_CLERK_ALLOW_HTTP", Some(value));

        let told = from_env([test, url]).unwrap_err().to_string();
        assert!(told.contains("`CLERK_API_URL`") && told.contains("TOWER_CLERK_ALLOW_HTTP=1"));
        assert!(from_env([test, url, allowed("0")]).is_err());
        let client = from_env([test, url, allowed("1")]).unwrap();
        assert!(format!("{client:?}").contains("http://clerk:4000/v1"));
        let told = from_env([test, allowed("yes")]).unwrap_err().to_string();
        assert!(told.contains("`TOWER_CLERK_ALLOW_HTTP`"), "{told}");

        let told = from_env([live, url, allowed("1")]).unwrap_err().to_string();
        assert!(told.contains("live") && !told.contains("ALLOW_HTTP"), "{told}");
        assert!(from_env([live, ("CLERK_API_URL", Some("http://127.0.0.1:4000"))]).is_ok());

        let in_the_clear = |key: &str| {
            let builder = SessionsClient::builder(key.parse().unwrap());
            builder.base_url("http://clerk:4000").allow_http_with_test_key().build()
        };
        assert!(in_the_clear("sk_test_hush").is_ok());
        assert!(in_the_clear("sk_live_hush").is_err());
        assert!(
            builder().base_url("http://user@clerk").allow_http_with_test_key().build().is_err()
        );
    }

    #[test]
    fn debug_never_shows_the_secret_key() {
        let shown = format!("{:?} {:?}", builder(), builder().build().unwrap());
        assert!(!shown.contains("hush"), "{shown}");
    }
}
