use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use super::{LogCursor, LogEntry, LogError, LogPage};

/// A log that the processes of a fleet share: the feature `redis` has one, and any engine that can keep rows in order
/// can be another, as the [module](crate::fleet) shows.
///
/// One value serves one resolver, and its two methods are called side by side: reading has a task of its own, and so
/// has appending.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no log of revocations",
    note = "use `RedisLog` (feature `redis`), or implement `RevocationLog`"
)]
pub trait RevocationLog: Send + Sync + 'static {
    /// Appends these entries, and ends once they will be read by everybody.
    ///
    /// # Errors
    ///
    /// Fails where that is not sure. The entries are appended again then, so some may be in the log twice.
    fn append(
        &self,
        entries: Vec<LogEntry>,
    ) -> impl Future<Output = Result<(), LogError>> + Send + 'static;

    /// Entries after the cursor, or after none from the oldest one kept on; at most some hundreds at a time. Where there
    /// are none yet, it waits for them up to `wait`: an empty page is an answer, and says that the log lives.
    ///
    /// The future may be dropped before it has ended. Whatever it was waiting on must not serve the next call then, nor
    /// after a failure: that connection may be half dead.
    ///
    /// # Errors
    ///
    /// Fails where the log cannot be read. It is tried again, from the same cursor.
    fn read(
        &self,
        after: Option<LogCursor>,
        wait: Duration,
    ) -> impl Future<Output = Result<LogPage, LogError>> + Send + 'static;

    /// For how long the log keeps entries: an hour, unless it says otherwise, and a minute at least. Older ones are not
    /// appended again.
    fn keep(&self) -> Duration {
        Duration::from_secs(60 * 60)
    }

    /// Lets go of all connections, since what was appended is not read back: they may lead to a server that is no longer
    /// the one that counts.
    fn reconnect(&self) {}
}

/// A [`RevocationLog`] whose type is erased.
#[derive(Clone)]
pub(crate) struct AnyLog(Arc<dyn Erased>);

type Appending = Pin<Box<dyn Future<Output = Result<(), LogError>> + Send>>;
type Reading = Pin<Box<dyn Future<Output = Result<LogPage, LogError>> + Send>>;

impl AnyLog {
    pub(crate) fn new(log: impl RevocationLog) -> Self {
        Self(Arc::new(log))
    }

    pub(crate) fn append(&self, entries: Vec<LogEntry>) -> Appending {
        self.0.append_erased(entries)
    }

    pub(crate) fn read(&self, after: Option<LogCursor>, wait: Duration) -> Reading {
        self.0.read_erased(after, wait)
    }

    pub(crate) fn keep(&self) -> Duration {
        self.0.keep_erased()
    }

    pub(crate) fn reconnect(&self) {
        self.0.reconnect_erased();
    }
}

impl fmt::Debug for AnyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyLog")
    }
}

trait Erased: Send + Sync {
    fn append_erased(&self, entries: Vec<LogEntry>) -> Appending;
    fn read_erased(&self, after: Option<LogCursor>, wait: Duration) -> Reading;
    fn keep_erased(&self) -> Duration;
    fn reconnect_erased(&self);
}

impl<L: RevocationLog> Erased for L {
    fn append_erased(&self, entries: Vec<LogEntry>) -> Appending {
        Box::pin(self.append(entries))
    }

    fn read_erased(&self, after: Option<LogCursor>, wait: Duration) -> Reading {
        Box::pin(self.read(after, wait))
    }

    fn keep_erased(&self) -> Duration {
        self.keep()
    }

    fn reconnect_erased(&self) {
        self.reconnect();
    }
}
