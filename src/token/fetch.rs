//! The seam between keys and the network.

use std::{error::Error, fmt, pin::Pin, sync::Arc, time::Duration};

use crate::JwkSet;

/// Fetches the current JWK Set. Each call is one request, which must end by itself in time.
///
/// Any `Fn() -> impl Future` does.
pub(crate) trait FetchKeys: Send + Sync + 'static {
    /// How long a request can take, in all.
    fn timeout(&self) -> Duration {
        Duration::from_secs(3)
    }

    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<JwkSet, FetchError>> + Send>>;
}

impl<F, Fut> FetchKeys for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<JwkSet, FetchError>> + Send + 'static,
{
    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<JwkSet, FetchError>> + Send>> {
        Box::pin(self())
    }
}

/// Why keys could not be fetched.
#[derive(Debug, Clone)]
pub(crate) struct FetchError {
    pub(super) source: Arc<dyn Error + Send + Sync>,
    pub(super) retry_after: Option<Duration>,
    pub(super) unauthorized: bool,
}

impl FetchError {
    pub(crate) fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Arc::from(source.into()), retry_after: None, unauthorized: false }
    }

    /// With how long Clerk asked us to wait.
    pub(crate) fn retry_after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    /// With whether it is our secret key that was refused.
    pub(crate) fn unauthorized(self, unauthorized: bool) -> Self {
        Self { unauthorized, ..self }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}
