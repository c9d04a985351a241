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
mod builder;
mod call;
mod create;
mod error;
mod events;
mod jwks;
mod list;
mod operation;
mod pace;
mod public_keys;
mod quota;
mod refresh;
mod retry_after;
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
pub use self::{
    api_version::ApiVersion,
    builder::SessionsClientBuilder,
    create::CreateSession,
    error::{ApiError, Error},
    list::{ListSessions, Pages, SessionPage},
    quota::Quota,
    refresh::{RefreshFormat, RefreshSession, Refreshed},
    tokens::SessionToken,
};
pub(crate) use self::{public_keys::PublicKeys, urgency::Urgency};
use crate::{Instance, config_error::ConfigError};

/// A client of Clerk's Sessions API.
///
/// A handle: clones share their connections, their quota and what Clerk asked for with
/// `Retry-After`, so make one and clone it.
#[derive(Clone)]
pub struct SessionsClient {
    upstream: Arc<Upstream>,
    instance: Instance,
}

impl SessionsClient {
    /// A client with the default settings.
    ///
    /// # Errors
    ///
    /// When the instance has no secret key, or the HTTP client cannot be built.
    pub fn new(instance: &Instance) -> Result<Self, ConfigError> {
        Self::builder(instance).build()
    }

    /// A client with other settings.
    pub fn builder(instance: &Instance) -> SessionsClientBuilder {
        SessionsClientBuilder::new(instance.clone())
    }

    /// A client for the instance that [the environment describes](Instance::from_env).
    ///
    /// # Errors
    ///
    /// When `CLERK_SECRET_KEY` is missing, or a variable is malformed.
    pub fn from_env() -> Result<Self, ConfigError> {
        // What is not checked of tokens is no matter of a client's.
        Self::new(&Instance::builder_from_env()?.build()?)
    }

    /// The instance whose API it calls.
    #[must_use]
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// How long a call can take, in all.
    pub(crate) fn timeout(&self) -> std::time::Duration {
        self.upstream.timeout()
    }
}

impl fmt::Debug for SessionsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionsClient").field(&self.upstream).finish()
    }
}
