use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use super::{Apply, Shared, back_off::BackOff, lock};
use crate::{
    fleet::{LogEntry, LogError, LogPage, Revocation},
    once_per_second::OncePerSecond,
};

/// How long the log may wait for entries before it says that there are none.
const WAIT: Duration = Duration::from_secs(1);
/// How much longer its answer may take.
const GRACE: Duration = Duration::from_secs(2);

/// Reads the log for as long as there is something to apply entries to.
pub(super) async fn read(shared: Arc<Shared>) {
    let mut back_off = BackOff::from_the_log();
    let mut away = true;
    let mut notices = Notices::default();
    loop {
        shared.tick(Instant::now());
        let cursor = lock(&shared.cursor).clone();
        let reading = timeout(WAIT + GRACE, shared.log.read(cursor, WAIT));
        // Told to let go, the reader drops what it waits for, and the connection with it.
        let Some(page) = unless(shared.let_go.notified(), reading).await else {
            away = true;
            continue;
        };
        match page.unwrap_or_else(|_| Err(LogError::new("the log does not answer"))) {
            Ok(page) => {
                let Some(target) = shared.target.upgrade() else { return };
                notices.say(&page, Instant::now());
                take_in(&shared, &*target, page);
                drop(target);
                if std::mem::take(&mut away) {
                    // What was acknowledged before it went away may be gone, and nobody need have noticed.
                    shared.append_again();
                }
                if shared.health().is_usable(Instant::now()) {
                    back_off.reset();
                }
            }
            Err(error) => {
                away = true;
                shared.failed(error);
                sleep(back_off.next()).await;
            }
        }
    }
}

fn take_in(shared: &Shared, target: &dyn Apply, page: LogPage) {
    for (_, entry) in &page.entries {
        match entry {
            LogEntry::Session(revocation) => revoke(target, revocation),
            LogEntry::User { id, before } => target.deny_user(id, *before),
            LogEntry::Member { user, organization, before } => {
                target.deny_member(user, organization, *before);
            }
            LogEntry::Beat(text) => {
                if let Some(number) = own_beat(&shared.name, text) {
                    shared.health().saw_beat(number, Instant::now());
                }
            }
        }
    }
    // Only now: a page that was not applied to its end is read again.
    if page.next.is_some() {
        *lock(&shared.cursor) = page.next;
    }
    if page.lost {
        shared.append_again();
    }
}

/// What is odd about the log, said once a second at most: anybody who can write to it can make it odd.
#[derive(Default)]
struct Notices {
    /// How many entries could not be read so far.
    unreadable: u64,
    unreadable_said: OncePerSecond,
    incomplete_said: OncePerSecond,
    lost_said: OncePerSecond,
}

impl Notices {
    fn say(&mut self, page: &LogPage, now: Instant) {
        self.unreadable = self.unreadable.saturating_add(page.unreadable);
        if page.unreadable > 0 && self.unreadable_said.is_due(now) {
            let entries = self.unreadable;
            tracing::warn!(
                entries,
                "entries of the log of revocations cannot be read: somebody else's?"
            );
        }
        if !page.complete && self.incomplete_said.is_due(now) {
            tracing::error!(
                "entries of the log of revocations were gone before they were read; what they revoked is noticed within `ttl`"
            );
        }
        if page.lost && self.lost_said.is_due(now) {
            tracing::warn!(
                "the log of revocations has lost entries; those of this process are appended again"
            );
        }
    }
}

fn revoke(target: &dyn Apply, revocation: &Revocation) {
    match &revocation.status {
        Some(status) if status.is_final() => {
            target.end(&revocation.session_id, status, revocation.expire_at);
        }
        _ => target.forget(&revocation.session_id),
    }
}

/// The text of a beat.
pub(super) fn beat(name: &str, number: u64) -> LogEntry {
    LogEntry::Beat(format!("{name}.{number}").into())
}

fn own_beat(name: &str, text: &str) -> Option<u64> {
    text.strip_prefix(name)?.strip_prefix('.')?.parse().ok()
}

/// What the future gives, or none where it was told to stop before. It is polled first, so that it had its chance to
/// take hold of what is to be let go of.
async fn unless<T>(told: impl Future<Output = ()>, future: impl Future<Output = T>) -> Option<T> {
    let (mut told, mut future) = (pin!(told), pin!(future));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => told.as_mut().poll(context).map(|()| None),
    })
    .await
}
