//! Processes that act as one: what is revoked anywhere is refused everywhere.
//!
//! A revocation is final in the process that made it. The others learn of it from a [log](RevocationLog) that all of
//! them append to and read: a moment later where the log lives, and as if there were none (within their
//! `ttl`, or at the token's end) where it does not. Its trouble makes no call fail and refuses nobody.
//!
//! # What is promised
//!
//! * Entries only deny. Forged, late, repeated or reordered ones admit nobody; they can sign users out, or have Clerk
//!   asked once more.
//! * What was missed while a process was cut off is read when it is back, from where it had stopped. What the log itself
//!   has lost is appended again by those who wrote it, as far as it is younger than [`keep`](RevocationLog::keep).
//! * A process that starts reads what is kept: its own revocations from before a restart are among it.
//! * The log counts as usable where a process has read its own sign of life in the last seven seconds.
//!
//! What is not: that an entry arrives while the log is down, that one survives the loss of the log *and* of the process
//! that wrote it, and that processes with a log of their own each know of the others.
//!
//! # Security
//!
//! Whoever can append to the log can sign users out. Give it a user of its own, an encrypted connection wherever it
//! leaves the host, and one key (table, topic) per Clerk instance.
//!
//! # A log of one's own
//!
//! An engine must hand out entries in an order, and after a cursor all that come later *in that order*. This one is for
//! a table. `Table` stands for a pool of connections; the comments say what a database would be asked.
//!
//! ```
//! use std::{sync::{Arc, Mutex}, time::{Duration, SystemTime}};
//! use tower_clerk::fleet::{LogCursor, LogEntry, LogError, LogPage, RevocationLog};
//!
//! /// Rows of a number, a time and a text.
//! #[derive(Default)]
//! struct Table(Mutex<Vec<(u64, SystemTime, String)>>);
//!
//! impl Table {
//!     // BEGIN; LOCK TABLE revocations IN EXCLUSIVE MODE;
//!     // INSERT INTO revocations (entry) SELECT unnest($1::text[]); COMMIT;
//!     //
//!     // The lock is needed: without it, a transaction may commit number 7 after somebody has read number 8, and a
//!     // reader that goes on behind 8 never sees it.
//!     async fn insert(&self, entries: Vec<String>) -> Result<(), LogError> {
//!         let mut rows = self.0.lock().map_err(|_| LogError::new("the table is gone"))?;
//!         for entry in entries {
//!             let number = rows.last().map_or(1, |(last, ..)| last + 1);
//!             rows.push((number, SystemTime::now(), entry));
//!         }
//!         Ok(())
//!     }
//!
//!     // SELECT number, at, entry FROM revocations WHERE number > $1 ORDER BY number LIMIT 512
//!     async fn select(&self, after: u64) -> Result<Vec<(u64, SystemTime, String)>, LogError> {
//!         let rows = self.0.lock().map_err(|_| LogError::new("the table is gone"))?;
//!         Ok(rows.iter().filter(|(number, ..)| *number > after).take(512).cloned().collect())
//!     }
//!
//!     // SELECT min(number), max(number) FROM revocations
//!     async fn range(&self) -> Result<Option<(u64, u64)>, LogError> {
//!         let rows = self.0.lock().map_err(|_| LogError::new("the table is gone"))?;
//!         Ok(rows.first().zip(rows.last()).map(|(first, last)| (first.0, last.0)))
//!     }
//!
//!     // Once a minute, by a task of yours: DELETE FROM revocations WHERE at < now() - interval '1 hour'
//! }
//!
//! struct TableLog(Arc<Table>);
//!
//! impl RevocationLog for TableLog {
//!     fn append(
//!         &self,
//!         entries: Vec<LogEntry>,
//!     ) -> impl Future<Output = Result<(), LogError>> + Send + 'static {
//!         let table = Arc::clone(&self.0);
//!         async move { table.insert(entries.iter().map(LogEntry::to_string).collect()).await }
//!     }
//!
//!     fn read(
//!         &self,
//!         after: Option<LogCursor>,
//!         wait: Duration,
//!     ) -> impl Future<Output = Result<LogPage, LogError>> + Send + 'static {
//!         let table = Arc::clone(&self.0);
//!         async move {
//!             let mut after = after.and_then(|cursor| cursor.as_str().parse().ok()).unwrap_or(0);
//!             // A table that was restored from a backup begins with lower numbers: what came after the backup is lost,
//!             // and what is there now must be read from the start.
//!             let range = table.range().await?;
//!             let lost = range.map_or(0, |(_, last)| last) < after;
//!             if lost {
//!                 after = 0;
//!             }
//!             let mut waited = Duration::ZERO;
//!             let mut rows = table.select(after).await?;
//!             while rows.is_empty() && waited < wait {
//!                 let pause = Duration::from_millis(50).min(wait - waited);
//!                 tokio::time::sleep(pause).await;
//!                 waited += pause;
//!                 rows = table.select(after).await?;
//!             }
//!             let next = rows.last().map_or(after, |(number, ..)| *number);
//!             let mut page = LogPage::new(Vec::new(), Some(LogCursor::new(next.to_string())));
//!             page.complete = after == 0 || range.is_none_or(|(first, _)| first <= after + 1);
//!             page.lost = lost;
//!             for (_, at, entry) in rows {
//!                 match entry.parse() {
//!                     Ok(entry) => page.entries.push((at, entry)),
//!                     Err(_) => page.unreadable += 1,
//!                 }
//!             }
//!             Ok(page)
//!         }
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let log = TableLog(Arc::default());
//! let nothing = log.read(None, Duration::from_millis(1)).await?;
//! log.append(vec!["s sess_1 t revoked".parse()?]).await?;
//! let page = log.read(nothing.next, Duration::from_secs(1)).await?;
//! assert_eq!(page.entries[0].1.to_string(), "s sess_1 t revoked");
//! assert!(page.complete && !page.lost);
//! # Ok::<(), LogError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod entry;
mod error;
mod log;
mod page;

pub(crate) use self::log::AnyLog;
pub use self::{
    entry::{LogEntry, Revocation},
    error::LogError,
    log::RevocationLog,
    page::{LogCursor, LogPage},
};
