use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::fleet::{LogCursor, LogEntry, LogError, LogPage, RevocationLog};

/// How many entries are read at once.
const PAGE: usize = 512;

/// A [`RevocationLog`] in memory, for the processes of a fleet that a test plays in one, with faults on demand.
///
/// Each value is one process's connection to the log: [`another_process`](Self::another_process) gives the next. It keeps
/// all entries, until it is told to [lose](Self::lose) them.
///
/// ```
/// use std::time::Duration;
/// use tower_clerk::{fleet::RevocationLog, testing::MemoryLog};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let here = MemoryLog::new();
/// let there = here.another_process();
/// here.append(vec!["s sess_1 t revoked".parse()?]).await?;
/// assert_eq!(there.read(None, Duration::ZERO).await?.entries.len(), 1);
///
/// there.cut();
/// assert!(there.read(None, Duration::ZERO).await.is_err());
/// # Ok::<(), tower_clerk::fleet::LogError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MemoryLog {
    shared: Arc<Shared>,
    connection: Arc<Mutex<Connection>>,
}

struct Shared {
    state: Mutex<State>,
    /// Changes whenever anything has.
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    rows: Vec<Row>,
    /// How often everything was lost.
    losses: u64,
    failing_appends: u32,
    delay: Duration,
    repeats: bool,
    reorders: bool,
}

struct Row {
    at: SystemTime,
    visible_at: Instant,
    entry: LogEntry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    Fine,
    Cut,
    Stopped,
}

impl MemoryLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        let shared = Shared { state: Mutex::default(), changed: watch::Sender::new(()) };
        Self::connected_to(Arc::new(shared))
    }

    /// Another process's connection to the same log.
    #[must_use]
    pub fn another_process(&self) -> Self {
        Self::connected_to(Arc::clone(&self.shared))
    }

    /// A handle to this very connection, to break it once the log itself was given away.
    #[must_use]
    pub fn handle(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), connection: Arc::clone(&self.connection) }
    }

    /// All calls of this process fail, those under way included, until the connection is [mended](Self::mend).
    pub fn cut(&self) {
        self.connect(Connection::Cut);
    }

    /// No call of this process ends, until the connection is [mended](Self::mend).
    pub fn stop(&self) {
        self.connect(Connection::Stopped);
    }

    /// The connection of this process is fine again.
    pub fn mend(&self) {
        self.connect(Connection::Fine);
    }

    /// Forgets all entries, those that it had acknowledged included.
    pub fn lose(&self) {
        self.change(|state| {
            state.rows.clear();
            state.losses += 1;
        });
    }

    /// The next calls that append fail, whoever makes them: every other one although its entries were taken.
    pub fn fail_appends(&self, times: u32) {
        self.change(|state| state.failing_appends = times);
    }

    /// Entries appended from now on are read no earlier than this long after.
    pub fn delay(&self, delay: Duration) {
        self.change(|state| state.delay = delay);
    }

    /// Whether pages repeat what was read before.
    pub fn repeat(&self, repeats: bool) {
        self.change(|state| state.repeats = repeats);
    }

    /// Whether the entries of a page are out of order.
    pub fn reorder(&self, reorders: bool) {
        self.change(|state| state.reorders = reorders);
    }

    /// The entries in the log, oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<LogEntry> {
        self.shared.state().rows.iter().map(|row| row.entry.clone()).collect()
    }

    fn connected_to(shared: Arc<Shared>) -> Self {
        Self { shared, connection: Arc::new(Mutex::new(Connection::Fine)) }
    }

    fn connect(&self, connection: Connection) {
        *lock(&self.connection) = connection;
        self.shared.changed.send_replace(());
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.state());
        self.shared.changed.send_replace(());
    }
}

impl RevocationLog for MemoryLog {
    fn append(
        &self,
        entries: Vec<LogEntry>,
    ) -> impl Future<Output = Result<(), LogError>> + Send + 'static {
        let log = self.handle();
        async move {
            log.reached().await?;
            let mut state = log.shared.state();
            let fails = state.failing_appends > 0;
            state.failing_appends = state.failing_appends.saturating_sub(1);
            // An odd number is left: this one fails and its entries are lost on the way.
            if !(fails && state.failing_appends % 2 == 1) {
                state.take(entries);
            }
            drop(state);
            log.shared.changed.send_replace(());
            if fails { Err(LogError::new("the entries were not acknowledged")) } else { Ok(()) }
        }
    }

    fn read(
        &self,
        after: Option<LogCursor>,
        wait: Duration,
    ) -> impl Future<Output = Result<LogPage, LogError>> + Send + 'static {
        let log = self.handle();
        async move {
            let until = Instant::now() + wait;
            let mut changed = log.shared.changed.subscribe();
            loop {
                log.reached().await?;
                changed.mark_unchanged();
                let now = Instant::now();
                let (page, visible_at) = log.shared.state().page(after.as_ref(), now);
                if !page.entries.is_empty() || page.lost || now >= until {
                    return Ok(page);
                }
                let until = visible_at.map_or(until, |visible_at| until.min(visible_at));
                let _ = timeout_at(until, changed.changed()).await;
            }
        }
    }
}

impl MemoryLog {
    /// Once a call gets through.
    async fn reached(&self) -> Result<(), LogError> {
        let mut changed = self.shared.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let connection = *lock(&self.connection);
            match connection {
                Connection::Fine => return Ok(()),
                Connection::Cut => return Err(LogError::new("the connection is cut")),
                // The sender is ours, so it cannot be gone.
                Connection::Stopped => drop(changed.changed().await),
            }
        }
    }
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLog").finish_non_exhaustive()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    fn take(&mut self, entries: Vec<LogEntry>) {
        let visible_at = Instant::now() + self.delay;
        let at = SystemTime::now();
        self.rows.extend(entries.into_iter().map(|entry| Row { at, visible_at, entry }));
    }

    /// What can be read now, and when there is more.
    fn page(&self, after: Option<&LogCursor>, now: Instant) -> (LogPage, Option<Instant>) {
        let cursor = after.and_then(read_cursor);
        let lost = cursor.is_some_and(|(losses, _)| losses != self.losses);
        let from = cursor.filter(|_| !lost).map_or(0, |(_, row)| row).min(self.rows.len());
        let visible = self.rows[from..].iter().take(PAGE).take_while(|row| row.visible_at <= now);
        let to = from + visible.count();
        let from = if self.repeats && to > from { from.saturating_sub(PAGE) } else { from };
        let rows = self.rows[from..to].iter();
        let mut entries: Vec<_> = rows.map(|row| (row.at, row.entry.clone())).collect();
        if self.reorders {
            entries.reverse();
        }
        let next = LogCursor::new(format!("{}-{to}", self.losses));
        let mut page = LogPage::new(entries, Some(next));
        page.lost = lost;
        (page, self.rows.get(to).map(|row| row.visible_at))
    }
}

/// How often everything had been lost, and how many rows had been read.
fn read_cursor(cursor: &LogCursor) -> Option<(u64, usize)> {
    let (losses, row) = cursor.as_str().split_once('-')?;
    Some((losses.parse().ok()?, row.parse().ok()?))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
