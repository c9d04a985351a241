//! The keys that Clerk publishes, fetched with the client.

use std::{pin::Pin, time::Duration};

use super::{FetchError, FetchKeys, Keys, TokenVerifierBuilder};
use crate::{Clock, JwkSet, SessionsClient};

impl Keys {
    /// Those of the client's instance.
    pub(crate) fn published(client: SessionsClient, clock: Clock) -> Self {
        Self::fetched_with(Box::new(Published(client)), clock)
    }
}

impl TokenVerifierBuilder {
    /// Verifies with the keys that Clerk publishes for the client's instance. They are fetched when
    /// first needed, and kept fresh.
    pub fn keys_from(self, client: &SessionsClient) -> Self {
        self.keys_fetched_with(Published(client.clone()))
    }
}

struct Published(SessionsClient);

impl FetchKeys for Published {
    fn timeout(&self) -> Duration {
        self.0.timeout()
    }

    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<JwkSet, FetchError>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            client.jwks().await.map_err(|error| {
                let (retry_after, unauthorized) = (error.retry_after(), error.is_unauthorized());
                FetchError::new(error).retry_after(retry_after).unauthorized(unauthorized)
            })
        })
    }
}
