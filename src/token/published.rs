//! The keys that Clerk publishes.

use std::{pin::Pin, time::Duration};

use super::{FetchError, FetchKeys, Keys};
use crate::{
    Clock, ConfigError, Instance, JwkSet, SessionsClient,
    client::{self, PublicKeys},
    instance::KeySource,
};

impl Keys {
    /// What proves the instance's tokens. Those that the API publishes are fetched through the client.
    pub(crate) fn of(
        instance: &Instance,
        client: Option<&SessionsClient>,
        clock: Clock,
    ) -> Result<Self, ConfigError> {
        match &instance.parts().keys {
            KeySource::JwkSet(set) => Self::from_jwk_set(set),
            KeySource::Pem { pem, what } => Self::from_pem(pem).map_err(|error| error.about(what)),
            KeySource::FrontendApi(frontend_api) => {
                let keys = PublicKeys::new(frontend_api.clone())?;
                Ok(Self::fetched_with(Box::new(keys), clock))
            }
            KeySource::Api => {
                let client = client.cloned().ok_or(ConfigError::contradiction(
                    "nothing says what verifies tokens: set `CLERK_SECRET_KEY` or `CLERK_JWT_KEY`, \
                     or give the instance a secret key, a PEM or a JWK Set, or let it take \
                     `keys_from_frontend_api`",
                ))?;
                Ok(Self::fetched_with(Box::new(client), clock))
            }
        }
    }
}

type Fetching = Pin<Box<dyn Future<Output = Result<JwkSet, FetchError>> + Send>>;

impl FetchKeys for SessionsClient {
    fn timeout(&self) -> Duration {
        self.timeout()
    }

    fn fetch(&self) -> Fetching {
        let client = self.clone();
        Box::pin(async move { client.jwks().await.map_err(FetchError::from) })
    }
}

impl FetchKeys for PublicKeys {
    fn timeout(&self) -> Duration {
        self.timeout()
    }

    fn fetch(&self) -> Fetching {
        let keys = self.clone();
        Box::pin(async move {
            // Whatever is said to us, it is not said of a secret key.
            keys.fetch().await.map_err(|error| FetchError::from(error).unauthorized(false))
        })
    }
}

impl From<client::Error> for FetchError {
    fn from(error: client::Error) -> Self {
        let (retry_after, unauthorized) = (error.retry_after(), error.is_unauthorized());
        Self::new(error).retry_after(retry_after).unauthorized(unauthorized)
    }
}
