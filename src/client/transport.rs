//! How a call gets to Clerk.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use http::{
    HeaderName, HeaderValue,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};

use reqwest::{Client, ClientBuilder, redirect};

use super::{answer::Answer, call::Call, error::Error, operation::Operation};
use crate::{SecretKey, config_error::ConfigError, dns::Resolver};

static CLERK_API_VERSION: HeaderName = HeaderName::from_static("clerk-api-version");

/// Which connection a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    /// One that is there, if there is one.
    Pooled,
    /// A new one, which no other call takes.
    New,
}

/// How the HTTP clients are to be.
pub(super) struct Settings {
    pub(super) user_agent: HeaderValue,
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) https: bool,
    pub(super) adjust: Vec<Box<Adjust>>,
}

pub(super) type Adjust = dyn Fn(ClientBuilder) -> ClientBuilder + Send + Sync;

/// Over a connection of HTTP/2 that is silent for so long, while calls are under way, a ping is sent.
const PING_AFTER: Duration = Duration::from_secs(2);

/// A connection that does not answer it in this time is left.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct Transport {
    pooled: Client,
    /// Of the same settings, but each call gets a connection of its own.
    unpooled: Client,
    pub(super) secret_key: SecretKey,
    #[cfg(feature = "testing")]
    companion: Option<BeginCompanion>,
}

/// Makes what is kept for as long as an exchange with Clerk lasts: the emulator's clients keep a paused clock
/// from jumping meanwhile.
#[cfg(feature = "testing")]
pub(super) type BeginCompanion = Box<dyn Fn() -> Box<dyn std::any::Any + Send> + Send + Sync>;

impl Transport {
    pub(super) fn new(settings: &Settings, secret_key: SecretKey) -> Result<Self, ConfigError> {
        let resolver = Resolver::system();
        let pooled = settings.client(&resolver).build();
        let unpooled = settings.client(&resolver).pool_max_idle_per_host(0).build();
        let failed = |error| ConfigError::HttpClient(Box::new(error));
        Ok(Self {
            pooled: pooled.map_err(failed)?,
            unpooled: unpooled.map_err(failed)?,
            secret_key,
            #[cfg(feature = "testing")]
            companion: None,
        })
    }

    #[cfg(feature = "testing")]
    pub(super) fn accompanied_by(self, companion: Option<BeginCompanion>) -> Self {
        Self { companion, ..self }
    }

    /// `accepted` is set as soon as Clerk has said yes to what is to change something.
    pub(super) async fn exchange(
        &self,
        call: &Call,
        connection: Connection,
        accepted: &AtomicBool,
    ) -> Result<Answer, Error> {
        #[cfg(feature = "testing")]
        let _companion = self.companion.as_ref().map(|begin| begin());
        let http = match connection {
            Connection::Pooled => &self.pooled,
            Connection::New => &self.unpooled,
        };
        let mut request = http
            .request(call.method.clone(), call.url.clone())
            .header(AUTHORIZATION, self.secret_key.authorization())
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(&CLERK_API_VERSION, HeaderValue::from_static(call.version.as_str()));
        if let Some(json) = &call.json {
            request = request
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(json.clone());
        }
        let response =
            request.send().await.map_err(|error| Error::transport(call.operation, error))?;
        if call.operation == Operation::Revoke && response.status().is_success() {
            accepted.store(true, Ordering::Relaxed);
        }
        Answer::read(call.operation, response).await
    }
}

/// That hangs neither with the resolver of hosts nor with a connection that is silent.
pub(super) fn robust(resolver: &Resolver) -> ClientBuilder {
    Client::builder()
        .dns_resolver(resolver.clone())
        .http2_keep_alive_interval(PING_AFTER)
        .http2_keep_alive_timeout(PING_TIMEOUT)
}

impl Settings {
    fn client(&self, resolver: &Resolver) -> ClientBuilder {
        let adjusted = self.adjust.iter().fold(robust(resolver), |http, adjust| adjust(http));
        let http = adjusted
            .user_agent(self.user_agent.clone())
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.connect_timeout)
            .read_timeout(self.timeout)
            .timeout(self.timeout);
        if self.https { http.https_only(true) } else { in_the_clear(http) }
    }
}

/// That calls nobody over TLS. A proxy would carry the secret key off this host, or network, in the clear.
pub(super) fn in_the_clear(http: ClientBuilder) -> ClientBuilder {
    let http = http.no_proxy();
    // The system's are not looked at: a container in which tests run may have none.
    #[cfg(feature = "rustls")]
    let http = http.tls_certs_only([]);
    http
}
