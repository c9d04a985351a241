//! A client of Clerk's [Sessions API](https://clerk.com/docs/reference/backend-api/tag/Sessions).
//!
//! ```no_run
//! use tower_clerk::{SessionsClient, SessionStatus};
//!
//! # async fn sign_out() -> Result<(), Box<dyn std::error::Error>> {
//! let client = SessionsClient::from_env()?;
//! let session = client.revoke(&"sess_2b7Fz1".parse()?).await?;
//! assert_eq!(session.status(), &SessionStatus::Revoked);
//! # Ok(())
//! # }
//! ```
//!
//! The client looks after Clerk as well as after its caller: calls have a [time-out] that covers
//! reading the answer, answers have a bounded length, redirects are not followed, what only asks
//! is repeated when the connection or Clerk fails (a revocation when the connection does),
//! `Retry-After` is obeyed, and the rate limit of the instance is [kept to](Quota) and used.
//!
//! [time-out]: SessionsClientBuilder::timeout

mod answer;
mod api_error;
mod api_version;
mod back_off;
mod base_url;
mod builder;
mod call;
mod create;
mod dns;
mod error;
mod events;
mod jwks;
mod list;
mod operation;
mod pace;
mod quota;
mod refresh;
mod retry_after;
mod secret_key;
mod sessions;
mod tokens;
mod transport;
mod turns;
mod upstream;
mod urgency;

#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use self::upstream::Upstream;
pub(crate) use self::urgency::Urgency;
pub use self::{
    api_version::ApiVersion,
    builder::SessionsClientBuilder,
    create::CreateSession,
    error::{ApiError, Error},
    list::{ListSessions, Pages, SessionPage},
    quota::Quota,
    refresh::{RefreshFormat, RefreshSession, Refreshed},
    secret_key::SecretKey,
    tokens::SessionToken,
};
use crate::config_error::ConfigError;

/// A client of Clerk's Sessions API.
///
/// A handle: clones share their connections, their quota and what Clerk asked for with
/// `Retry-After`, so make one and clone it.
#[derive(Clone)]
pub struct SessionsClient(Arc<Upstream>);

impl SessionsClient {
    /// A client with the default settings.
    ///
    /// # Errors
    ///
    /// When the HTTP client cannot be built.
    pub fn new(secret_key: SecretKey) -> Result<Self, ConfigError> {
        Self::builder(secret_key).build()
    }

    /// A client with other settings.
    pub fn builder(secret_key: SecretKey) -> SessionsClientBuilder {
        SessionsClientBuilder::new(secret_key)
    }

    /// A client for the instance that the environment names: its secret key in `CLERK_SECRET_KEY`
    /// and, optionally, the origin of the API in `CLERK_API_URL`. With `TOWER_CLERK_ALLOW_HTTP=1`, a
    /// [test key may travel there over http](SessionsClientBuilder::allow_http_with_test_key).
    ///
    /// # Errors
    ///
    /// When the key is missing or one of the three is malformed.
    pub fn from_env() -> Result<Self, ConfigError> {
        SessionsClientBuilder::from_env()?.build()
    }

    pub(crate) fn is_live(&self) -> bool {
        self.0.is_live()
    }

    /// How long a call can take, in all.
    pub(crate) fn timeout(&self) -> std::time::Duration {
        self.0.timeout()
    }
}

impl fmt::Debug for SessionsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionsClient").field(&self.0).finish()
    }
}
