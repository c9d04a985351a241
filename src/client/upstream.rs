//! The way to Clerk and back: silence, quota, concurrency, retries, time-outs.

use std::{
    collections::hash_map::RandomState,
    fmt,
    hash::{BuildHasher, Hasher},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use reqwest::Url;
use serde::Serialize;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep_until, timeout_at},
};
use tower::retry::budget::{Budget, TpsBudget};

use super::{
    answer::Answer, api_version::ApiVersion, base_url::BaseUrl, error::Error, events::Events,
    operation::Operation, quiet::Quiet, quota::Allowance, secret_key::SecretKey, urgency::Urgency,
};

/// How often a call is repeated, at most.
const RETRIES: u32 = 2;

/// How many calls are under way at once, at most.
const CONCURRENT_CALLS: usize = 64;

/// The same for urgent calls, which are counted on their own.
const CONCURRENT_URGENT_CALLS: usize = 16;

static CLERK_API_VERSION: HeaderName = HeaderName::from_static("clerk-api-version");

/// One request, to be sent once or more often.
#[derive(Debug)]
pub(super) struct Call {
    operation: Operation,
    method: Method,
    url: Url,
    json: Option<Bytes>,
    version: ApiVersion,
}

impl Call {
    /// Replaces the version that the client is set to.
    pub(super) fn version(mut self, version: ApiVersion) -> Self {
        self.version = version;
        self
    }

    pub(super) fn query(mut self, pairs: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let mut pairs = pairs.into_iter().peekable();
        if pairs.peek().is_some() {
            self.url.query_pairs_mut().extend_pairs(pairs);
        }
        self
    }

    pub(super) fn json(mut self, body: &impl Serialize) -> Result<Self, Error> {
        let json = serde_json::to_vec(body).map_err(|_| {
            Error::invalid_input(self.operation, "the body cannot be written as JSON")
        })?;
        self.json = Some(json.into());
        Ok(self)
    }
}

pub(super) struct Upstream {
    http: reqwest::Client,
    base_url: BaseUrl,
    secret_key: SecretKey,
    version: ApiVersion,
    timeout: Duration,
    allowance: Option<Mutex<Allowance>>,
    quiet: Quiet,
    slots: Semaphore,
    urgent_slots: Semaphore,
    retries: TpsBudget,
    events: Events,
    #[cfg(feature = "testing")]
    companion: Option<BeginCompanion>,
}

/// Makes what is kept for as long as an exchange with Clerk lasts: the emulator's clients keep a paused clock
/// from jumping meanwhile.
#[cfg(feature = "testing")]
pub(super) type BeginCompanion = Box<dyn Fn() -> Box<dyn std::any::Any + Send> + Send + Sync>;

impl Upstream {
    pub(super) fn new(
        http: reqwest::Client,
        base_url: BaseUrl,
        secret_key: SecretKey,
        version: ApiVersion,
        timeout: Duration,
        allowance: Option<Allowance>,
    ) -> Self {
        Self {
            http,
            base_url,
            secret_key,
            version,
            timeout,
            allowance: allowance.map(Mutex::new),
            quiet: Quiet::default(),
            slots: Semaphore::new(CONCURRENT_CALLS),
            urgent_slots: Semaphore::new(CONCURRENT_URGENT_CALLS),
            // One retry for five calls, and two a second for clients that make few.
            retries: TpsBudget::new(Duration::from_secs(10), 2, 0.2),
            events: Events::default(),
            #[cfg(feature = "testing")]
            companion: None,
        }
    }

    #[cfg(feature = "testing")]
    pub(super) fn accompanied_by(self, companion: Option<BeginCompanion>) -> Self {
        Self { companion, ..self }
    }

    pub(super) fn version(&self) -> ApiVersion {
        self.version
    }

    pub(super) fn is_live(&self) -> bool {
        self.secret_key.is_live()
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A call for the resource with this path. The segments cannot leave it.
    pub(super) fn call<'a>(
        &self,
        operation: Operation,
        method: Method,
        path: impl IntoIterator<Item = &'a str>,
    ) -> Call {
        let url = self.base_url.resource(path);
        Call { operation, method, url, json: None, version: self.version }
    }

    /// Sends the call, again if that may help, and answers within the time-out.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, Error> {
        self.ask(call, Urgency::Waiting, || ()).await
    }

    /// As [`send`](Self::send). `sent` is called when the call has had its turn.
    pub(super) async fn ask(
        &self,
        call: &Call,
        urgency: Urgency,
        sent: impl FnOnce() + Send,
    ) -> Result<Answer, Error> {
        let deadline = Instant::now() + self.timeout;
        let mut sent = Some(sent);
        let mut attempt = 0;
        loop {
            let error = match self.attempt(call, deadline, &mut sent).await {
                Ok(answer) => {
                    self.retries.deposit();
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let now = Instant::now();
            let again = now + backoff();
            let may_help = call.operation.is_retried()
                && urgency == Urgency::Waiting
                && error.is_transient()
                && attempt < RETRIES
                && again < deadline
                && self.quiet.left(now).is_none();
            if !may_help || !self.retries.withdraw() {
                return Err(error);
            }
            attempt += 1;
            sleep_until(again).await;
        }
    }

    async fn attempt(
        &self,
        call: &Call,
        deadline: Instant,
        sent: &mut Option<impl FnOnce()>,
    ) -> Result<Answer, Error> {
        let operation = call.operation;
        let _slot = self.turn(operation, deadline).await?;
        if let Some(sent) = sent.take() {
            sent();
        }
        let started = Instant::now();
        let result = timeout_at(deadline, self.exchange(call))
            .await
            .unwrap_or_else(|_| Err(Error::timeout(operation)));
        let ended = Instant::now();
        self.events.called(operation, &result, started, ended);
        if operation.is_limited()
            && let Some(wait) = result.as_ref().err().and_then(Error::asks_for_silence)
        {
            self.quiet.keep(ended, wait);
        }
        result
    }

    /// Waits for a slot, then for the allowance, unless Clerk wants silence.
    async fn turn(
        &self,
        operation: Operation,
        deadline: Instant,
    ) -> Result<Option<SemaphorePermit<'_>>, Error> {
        if !operation.is_limited() {
            return Ok(None);
        }
        self.heed_silence(operation)?;
        let slots = if operation.is_urgent() { &self.urgent_slots } else { &self.slots };
        let slot = timeout_at(deadline, slots.acquire()).await;
        let slot = slot.ok().and_then(Result::ok).ok_or_else(|| Error::timeout(operation))?;
        if let Some(allowance) = &self.allowance {
            let now = Instant::now();
            let turn = allowance.lock().unwrap_or_else(PoisonError::into_inner).take(
                operation.is_urgent(),
                now,
                deadline,
            );
            let at = turn.map_err(|wait| Error::quota(operation, wait))?;
            if at > now {
                sleep_until(at).await;
            }
        }
        // Clerk may have spoken meanwhile.
        self.heed_silence(operation)?;
        Ok(Some(slot))
    }

    fn heed_silence(&self, operation: Operation) -> Result<(), Error> {
        match self.quiet.left(Instant::now()) {
            Some(left) if operation.keeps_quiet() => Err(Error::quiet(operation, left)),
            _ => Ok(()),
        }
    }

    async fn exchange(&self, call: &Call) -> Result<Answer, Error> {
        #[cfg(feature = "testing")]
        let _companion = self.companion.as_ref().map(|begin| begin());
        let mut request = self
            .http
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
        Answer::read(call.operation, response).await
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("base_url", &self.base_url)
            .field("secret_key", &self.secret_key)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Between 50 and 200 ms, so that clients that failed together do not come back together.
fn backoff() -> Duration {
    // The standard library's only source of randomness.
    let random = RandomState::new().build_hasher().finish();
    Duration::from_millis(50 + random % 151)
}
