//! A log of revocations on Redis or Valkey (feature `redis`).
//!
//! ```no_run
//! use tower_clerk::{Instance, SessionResolver, for_redis::RedisLog};
//!
//! # fn main() -> Result<(), tower_clerk::ConfigError> {
//! // Or `RedisLog::from_env()`, which reads `TOWER_CLERK_REDIS_URL`.
//! let log = RedisLog::new("redis://log:secret@redis.internal:6379")?;
//! let resolver = SessionResolver::builder(&Instance::from_env()?).revocation_log(log).build()?;
//! assert!(resolver.readiness().revocation_log().is_some());
//! # Ok(())
//! # }
//! ```
//!
//! # What it needs
//!
//! Redis 6.2 or later, or any Valkey, as one server or as a primary with replicas that is reached under one name.
//! Nothing is lost by its persistence being off: processes append again what they find missing. Cluster and Sentinel are
//! not spoken to; [`RevocationLog`] can be implemented for them.
//!
//! Each process holds two connections. The log is a stream under the key, trimmed by the server's clock; beside it is one of
//! signs of life under `<key>:beats`, of which some thousand are kept. A sign-out takes some 100 bytes for an hour.
//!
//! # Security
//!
//! * Whoever can write to the stream can sign users out. Give it a user of its own, that may do nothing else:
//!
//!   ```text
//!   ACL SETUSER log on >secret ~tower-clerk:* +xadd +xread +xinfo +xtrim +expire +time
//!   ```
//!
//!   (and `+select`, where the URL names a database other than 0).
//! * Use `rediss://` wherever the connection leaves the host. It goes by the certificates that the system trusts.
//! * One key per Clerk instance: staging must not sign out production.

mod address;
mod connection;
mod place;
mod stream;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use self::{
    address::Address,
    connection::{Reader, Writer},
};
use crate::{
    ConfigError,
    dns::Resolver,
    environment,
    fleet::{LogCursor, LogEntry, LogError, LogPage, RevocationLog},
};

/// A [`RevocationLog`] on a stream of Redis or Valkey.
///
/// It connects when the resolver begins to follow it: a server that cannot be reached stops no service from starting.
#[must_use]
pub struct RedisLog {
    server: Arc<Server>,
    connections: Arc<Connections>,
}

/// Where the log is.
#[derive(Debug, Clone)]
struct Server {
    address: Address,
    resolver: Resolver,
    key: Box<str>,
    keep: Duration,
}

/// A call takes its connection out, and puts it back only when it has gone well.
#[derive(Default)]
struct Connections {
    reader: Mutex<Option<Reader>>,
    writer: Mutex<Option<Writer>>,
}

impl RedisLog {
    /// A log on this server: `redis://user:password@host:port/database`, the same with `rediss://` for TLS, or
    /// `unix:///path/of/the/socket`. Special characters in the password are percent-encoded.
    ///
    /// # Errors
    ///
    /// Fails where the URL is malformed, and where `rediss://` is asked for without feature `rustls`, or without a rustls
    /// provider for the whole process: this crate installs none.
    pub fn new(url: &str) -> Result<Self, ConfigError> {
        Self::at(url, "the URL of Redis")
    }

    /// A log on the server that `TOWER_CLERK_REDIS_URL` names.
    ///
    /// # Errors
    ///
    /// Fails where the variable is not set, and as [`new`](Self::new) does.
    pub fn from_env() -> Result<Self, ConfigError> {
        let url = environment::required(&mut environment::process, "TOWER_CLERK_REDIS_URL")?;
        Self::at(url.trim(), "`TOWER_CLERK_REDIS_URL`")
    }

    fn at(url: &str, what: &'static str) -> Result<Self, ConfigError> {
        let server = Server {
            address: Address::parse(url, what)?,
            resolver: Resolver::system(),
            key: "tower-clerk:revocations".into(),
            keep: Duration::from_secs(60 * 60),
        };
        Ok(Self { server: Arc::new(server), connections: Arc::default() })
    }

    /// The key of the stream: `tower-clerk:revocations`, unless set. Every Clerk instance needs one of its own.
    pub fn key(mut self, key: impl Into<Box<str>>) -> Self {
        Arc::make_mut(&mut self.server).key = key.into();
        self
    }

    /// For how long entries are kept: an hour, unless set; a resolver wants a minute at least. A process that was cut off for
    /// longer, or that starts later, does not learn of them.
    pub fn keep_for(mut self, keep: Duration) -> Self {
        Arc::make_mut(&mut self.server).keep = keep;
        self
    }
}

#[cfg(test)]
impl RedisLog {
    fn resolved_by(mut self, resolver: Resolver) -> Self {
        Arc::make_mut(&mut self.server).resolver = resolver;
        self
    }
}

impl RevocationLog for RedisLog {
    fn append(
        &self,
        entries: Vec<LogEntry>,
    ) -> impl Future<Output = Result<(), LogError>> + Send + 'static {
        let (server, connections) = (Arc::clone(&self.server), Arc::clone(&self.connections));
        async move {
            let idle = lock(&connections.writer).take();
            let mut writer = match idle {
                Some(writer) => writer,
                None => Writer::connect(&server).await?,
            };
            writer.append(&server, &entries).await?;
            *lock(&connections.writer) = Some(writer);
            Ok(())
        }
    }

    fn read(
        &self,
        after: Option<LogCursor>,
        wait: Duration,
    ) -> impl Future<Output = Result<LogPage, LogError>> + Send + 'static {
        let (server, connections) = (Arc::clone(&self.server), Arc::clone(&self.connections));
        async move {
            let idle = lock(&connections.reader).take();
            let mut reader = match idle {
                Some(reader) => reader,
                None => Reader::connect(&server).await?,
            };
            let page = reader.read(&server, after.as_ref(), wait).await?;
            *lock(&connections.reader) = Some(reader);
            Ok(page)
        }
    }

    fn keep(&self) -> Duration {
        self.server.keep
    }

    fn reconnect(&self) {
        *lock(&self.connections.reader) = None;
        *lock(&self.connections.writer) = None;
    }
}

impl fmt::Debug for RedisLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLog")
            .field("address", &self.server.address)
            .field("key", &self.server.key)
            .field("keep", &self.server.keep)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
