//! Follows a log of revocations: applies what others have appended, and appends what is revoked here.
//!
//! Two tasks do it, a [reader](read) and a [writer](write), kept alive by a third. They begin with the first use inside
//! a Tokio runtime; where that runtime ends or stands still, the next use begins them on its own. They hold the target
//! weakly, and end with the [`Follower`].

mod back_off;
mod health;
mod outbox;
mod read;
mod supervise;
mod write;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
    task::AbortHandle,
    time::{Instant, timeout},
};

pub(crate) use self::health::LogReport;
use self::{health::Health, outbox::Outbox};
use crate::{
    OrganizationId, SessionId, SessionStatus, UserId,
    fleet::{AnyLog, LogCursor, LogEntry, LogError},
    random::random,
};

/// How long whoever appends waits for the log to acknowledge it.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(250);
/// After so long without a sign of them, the tasks are taken to be on a runtime that stands still.
const STANDSTILL: Duration = Duration::from_secs(15);

/// What entries are applied to. Each of these is idempotent, and nothing that comes later takes it back.
pub(crate) trait Apply: Send + Sync + 'static {
    /// Somebody else ended the session: the status is final.
    fn end(&self, id: &SessionId, status: &SessionStatus, expire_at: Option<SystemTime>);
    /// What is known of the session no longer counts.
    fn forget(&self, id: &SessionId);
    /// Refuses what was assembled for the user before this time, which anybody may have written: it is for the
    /// implementation to cut it off at now and its clock skew.
    fn deny_user(&self, id: &UserId, before: SystemTime);
    /// The same for the user in one organization.
    fn deny_member(&self, user: &UserId, organization: &OrganizationId, before: SystemTime);
}

/// The handle to the tasks that follow a log. Dropping it ends them, and with them the log's connections.
pub(crate) struct Follower {
    shared: Arc<Shared>,
    supervisor: Mutex<Option<AbortHandle>>,
}

struct Shared {
    log: AnyLog,
    target: Weak<dyn Apply>,
    /// What the beats of this process begin with.
    name: String,
    /// Which tasks follow at present, by number; zero for none.
    following: AtomicU64,
    /// When the tasks last gave a sign.
    ticked_at: Mutex<Instant>,
    cursor: Mutex<Option<LogCursor>>,
    outbox: Mutex<Outbox>,
    health: Mutex<Health>,
    /// Tells the writer that there is something to do.
    due: Notify,
    /// Tells the reader to let go of what it waits for.
    let_go: Notify,
    /// Up to which number the log has taken the entries of this process.
    acknowledged: watch::Sender<u64>,
}

impl Follower {
    pub(crate) fn new(log: AnyLog, target: Weak<dyn Apply>) -> Self {
        let now = Instant::now();
        let shared = Shared {
            target,
            name: format!("{:016x}", random()),
            following: AtomicU64::new(0),
            ticked_at: Mutex::new(now),
            cursor: Mutex::default(),
            outbox: Mutex::new(Outbox::new(log.keep())),
            health: Mutex::new(Health::new(now)),
            due: Notify::new(),
            let_go: Notify::new(),
            acknowledged: watch::Sender::new(0),
            log,
        };
        Self { shared: Arc::new(shared), supervisor: Mutex::default() }
    }

    /// Sees to it that the log is followed, if this is within a Tokio runtime. Cheap enough for every request.
    pub(crate) fn ensure_following(&self) {
        if self.shared.following.load(Ordering::Relaxed) == 0 {
            self.set_out(Instant::now());
        }
    }

    /// Appends an entry, which is on its way when this function returns, whatever becomes of the future. That waits for
    /// the log to acknowledge it, for a moment, and not at all where the log is known to be unusable; it tells whether
    /// the log did.
    ///
    /// The future must be awaited within a Tokio runtime.
    pub(crate) fn append(
        &self,
        entry: LogEntry,
    ) -> impl Future<Output = bool> + Send + 'static + use<> {
        let now = Instant::now();
        self.take_over_if_stalled(now);
        let mut acknowledged = self.shared.acknowledged.subscribe();
        let number = self.shared.outbox().push(entry, now);
        let waits = self.shared.health().is_usable(now);
        self.shared.due.notify_one();
        async move {
            let taken = acknowledged.wait_for(|&up_to| up_to >= number);
            waits && matches!(timeout(ACKNOWLEDGED_WITHIN, taken).await, Ok(Ok(_)))
        }
    }

    /// How things stand with the log.
    pub(crate) fn report(&self) -> LogReport {
        let now = Instant::now();
        self.take_over_if_stalled(now);
        self.shared.health().report(now)
    }

    fn take_over_if_stalled(&self, now: Instant) {
        let is_stalled = now.saturating_duration_since(*lock(&self.shared.ticked_at)) > STANDSTILL;
        if is_stalled {
            self.shared.following.store(0, Ordering::Relaxed);
        }
        self.ensure_following();
    }

    fn set_out(&self, now: Instant) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut supervisor = lock(&self.supervisor);
        if self.shared.following.load(Ordering::Relaxed) != 0 {
            return;
        }
        if let Some(stalled) = supervisor.take() {
            stalled.abort();
        }
        self.shared.tick(now);
        let task = runtime.spawn(supervise::supervise(Arc::clone(&self.shared)));
        *supervisor = Some(task.abort_handle());
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(task) = lock(&self.supervisor).take() {
            task.abort();
        }
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").finish_non_exhaustive()
    }
}

impl Shared {
    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        lock(&self.outbox)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        lock(&self.health)
    }

    fn failed(&self, error: LogError) {
        self.health().failed(error, Instant::now());
    }

    fn append_again(&self) {
        self.outbox().append_again();
        self.due.notify_one();
    }

    fn tick(&self, now: Instant) {
        *lock(&self.ticked_at) = now;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(crate) mod tests;
