//! The keys that Clerk publishes, fetched with the client.

use super::{FetchError, FetchKeys, Keys, TokenVerifierBuilder};
use crate::{Clock, SessionsClient};

impl Keys {
    /// Those of the client's instance.
    pub(crate) fn published(client: SessionsClient, clock: Clock) -> Self {
        Self::fetched_with(Box::new(fetch_with(client)), clock)
    }
}

impl TokenVerifierBuilder {
    /// Verifies with the keys that Clerk publishes for the client's instance. They are fetched when
    /// first needed, and kept fresh.
    pub fn keys_from(self, client: &SessionsClient) -> Self {
        self.keys_fetched_with(fetch_with(client.clone()))
    }
}

fn fetch_with(client: SessionsClient) -> impl FetchKeys {
    move || {
        let client = client.clone();
        async move {
            client.jwks().await.map_err(|error| {
                let (retry_after, unauthorized) = (error.retry_after(), error.is_unauthorized());
                FetchError::new(error).retry_after(retry_after).unauthorized(unauthorized)
            })
        }
    }
}
