//! The log between processes, which loses, repeats, delays and reorders entries as the scheduler wants it.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use tokio::sync::oneshot;

use super::{PROCESSES, Random, oracle::Truth};
use crate::fleet::{LogCursor, LogEntry, LogError, LogPage, RevocationLog};

/// One process's connection to the log.
#[derive(Debug, Clone)]
pub(super) struct Log {
    desk: Arc<Mutex<Desk>>,
    truth: Arc<Mutex<Truth>>,
    process: usize,
}

#[derive(Debug, Default)]
struct Desk {
    /// On their way to the log.
    appended: Vec<Append>,
    inboxes: [Inbox; PROCESSES],
    pages: u64,
}

#[derive(Debug)]
struct Append {
    entries: Vec<LogEntry>,
    reply: oneshot::Sender<Result<(), LogError>>,
}

/// What one process has yet to read.
#[derive(Debug, Default)]
struct Inbox {
    unread: Vec<LogEntry>,
    has_lost: bool,
    reader: Option<oneshot::Sender<Result<LogPage, LogError>>>,
    /// The page that it was given last: the cursor tells whether it has applied it.
    given: Option<(LogCursor, Vec<LogEntry>)>,
}

impl Log {
    pub(super) fn new(truth: Arc<Mutex<Truth>>) -> Self {
        Self { desk: Arc::default(), truth, process: 0 }
    }

    pub(super) fn of(&self, process: usize) -> Self {
        Self { process, ..self.clone() }
    }

    /// Some of the entries under way reach the log, or are lost, and it acknowledges them, or does not.
    pub(super) fn take_one(&self, random: &mut Random) {
        let mut desk = self.desk();
        if desk.appended.is_empty() {
            return;
        }
        let index = random.index(desk.appended.len());
        let Append { entries, reply } = desk.appended.swap_remove(index);
        let is_lost = random.is_one_in(8);
        if !is_lost {
            desk.take(&entries);
        }
        let is_acknowledged = !is_lost && !random.is_one_in(8);
        let _ = reply.send(is_acknowledged.then_some(()).ok_or_else(|| LogError::new("cut")));
    }

    /// A process reads some of what it has not read yet, in any order, and perhaps not for the last time.
    pub(super) fn deliver_one(&self, process: usize, random: &mut Random) {
        let mut desk = self.desk();
        let is_cut = random.is_one_in(12);
        let (keeps, inbox) = (random.is_one_in(4), &mut desk.inboxes[process]);
        if is_cut {
            if let Some(reader) = inbox.reader.take() {
                let _ = reader.send(Err(LogError::new("cut")));
            }
            return;
        }
        let mut entries = Vec::new();
        for _ in 0..random.below(4) {
            if !inbox.unread.is_empty() {
                let index = random.index(inbox.unread.len());
                entries.push(inbox.unread.swap_remove(index));
            }
        }
        if keeps {
            inbox.unread.extend_from_slice(&entries);
        }
        desk.give(process, entries);
    }

    /// All that it has acknowledged and not everybody has read yet is gone. It knows that.
    pub(super) fn lose(&self) {
        for inbox in &mut self.desk().inboxes {
            inbox.unread.clear();
            inbox.has_lost = true;
        }
        self.truth.lock().unwrap().seen.lost += 1;
    }

    /// Nothing goes wrong: what is under way arrives, and everybody reads all there is.
    pub(super) fn catch_up(&self) {
        let mut desk = self.desk();
        for Append { entries, reply } in mem::take(&mut desk.appended) {
            desk.take(&entries);
            let _ = reply.send(Ok(()));
        }
        for process in 0..PROCESSES {
            let entries = mem::take(&mut desk.inboxes[process].unread);
            desk.give(process, entries);
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap()
    }
}

impl Desk {
    fn take(&mut self, entries: &[LogEntry]) {
        for inbox in &mut self.inboxes {
            inbox.unread.extend_from_slice(entries);
        }
    }

    fn give(&mut self, process: usize, entries: Vec<LogEntry>) {
        let inbox = &mut self.inboxes[process];
        let Some(reader) = inbox.reader.take().filter(|reader| !reader.is_closed()) else {
            return inbox.unread.extend(entries);
        };
        self.pages += 1;
        let next = LogCursor::new(self.pages.to_string());
        let read = entries.iter().map(|entry| (SystemTime::UNIX_EPOCH, entry.clone())).collect();
        let mut page = LogPage::new(read, Some(next.clone()));
        page.lost = mem::take(&mut inbox.has_lost);
        inbox.given = Some((next, entries));
        let _ = reader.send(Ok(page));
    }
}

impl RevocationLog for Log {
    fn append(
        &self,
        entries: Vec<LogEntry>,
    ) -> impl Future<Output = Result<(), LogError>> + Send + 'static {
        let (reply, answer) = oneshot::channel();
        self.desk().appended.push(Append { entries, reply });
        async move { answer.await.unwrap_or_else(|_| Err(LogError::new("nobody answers"))) }
    }

    fn read(
        &self,
        after: Option<LogCursor>,
        _: Duration,
    ) -> impl Future<Output = Result<LogPage, LogError>> + Send + 'static {
        let (reader, page) = oneshot::channel();
        let mut desk = self.desk();
        let inbox = &mut desk.inboxes[self.process];
        if let Some((cursor, entries)) = inbox.given.take() {
            // Whoever asks for the next page has applied this one, and nothing has happened since.
            if after == Some(cursor) {
                self.truth.lock().unwrap().hears(self.process, &entries);
            } else {
                inbox.unread.extend(entries);
            }
        }
        inbox.reader = Some(reader);
        async move { page.await.unwrap_or_else(|_| Err(LogError::new("nobody answers"))) }
    }
}
