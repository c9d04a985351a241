//! The one place in this process where things are known of a session.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use arc_swap::{ArcSwapOption, Guard};
use tokio::sync::{Notify, futures::Notified};

use super::{
    atomic_time::AtomicTime,
    entry::{CacheEntry, Ending, Fact},
    ledger::Ledger,
    lifetimes::CLOCK_SLACK,
};
use crate::{Session, SessionId, client, unix_time::UnixTime};

/// What is known of a session, and who is asking.
///
/// There is one slot per session while anybody can see it, so whoever writes to it has told everyone.
/// Reading takes no lock. Each change that outdates answers under way moves the epoch; a fill
/// carries the epoch it began in, and its answer is not kept where that has passed.
#[derive(Debug)]
pub(crate) struct Slot {
    id: SessionId,
    entry: ArcSwapOption<CacheEntry>,
    epoch: AtomicU64,
    /// The latest time at which Clerk assembled the claims of a token that vouches for the session.
    assembled_at: AtomicTime,
    /// When Clerk was last asked in vain.
    failed_at: AtomicTime,
    /// When it was last tried to renew what is known ahead of time.
    renewal_tried_at: AtomicTime,
    /// The latest `exp` of any token that was seen.
    last_token_expiry: AtomicTime,
    /// Wakes those who watch the session.
    changed: Notify,
    ledger: Mutex<Ledger>,
}

/// After a failed attempt Clerk is left alone for this long where something else serves.
const QUIET_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Ahead of time Clerk is asked this often at most.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(1);

impl Slot {
    pub(super) fn new(id: SessionId) -> Self {
        Self {
            id,
            entry: ArcSwapOption::empty(),
            epoch: AtomicU64::new(0),
            assembled_at: AtomicTime::default(),
            failed_at: AtomicTime::default(),
            renewal_tried_at: AtomicTime::default(),
            last_token_expiry: AtomicTime::default(),
            changed: Notify::new(),
            ledger: Mutex::default(),
        }
    }

    pub(crate) fn id(&self) -> &SessionId {
        &self.id
    }

    /// What Clerk said last, or what this process knows better.
    pub(crate) fn entry(&self) -> Guard<Option<Arc<CacheEntry>>> {
        self.entry.load()
    }

    /// Counts the changes that outdate answers under way.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The latest time at which a token proved that the session was active. One in the future proves nothing: the clock
    /// was set back since.
    pub(crate) fn assembled_at(&self, now: UnixTime) -> Option<UnixTime> {
        self.assembled_at.load().filter(|&at| at <= now + CLOCK_SLACK)
    }

    /// Notes that a token of the user who is described proves the session active as of `assembled_at`.
    pub(crate) fn note_evidence(&self, assembled_at: UnixTime, now: UnixTime) {
        let assembled_at = assembled_at.min(now);
        match self.assembled_at.load() {
            Some(noted) if noted > now + CLOCK_SLACK => self.assembled_at.store(Some(assembled_at)),
            _ => self.assembled_at.raise(assembled_at),
        }
    }

    /// Notes that a token for the session is good until `expires_at`.
    pub(crate) fn note_token(&self, expires_at: SystemTime) {
        self.last_token_expiry.raise(expires_at.into());
    }

    pub(super) fn last_token_expiry(&self) -> Option<SystemTime> {
        self.last_token_expiry.load().map(UnixTime::to_system_time)
    }

    /// Whether Clerk was asked in vain so recently that asking again can wait.
    pub(crate) fn failed_just_now(&self, now: UnixTime) -> bool {
        self.since_failure(now).is_some_and(|since| since < QUIET_AFTER_FAILURE)
    }

    /// How long ago Clerk was asked in vain.
    pub(crate) fn since_failure(&self, now: UnixTime) -> Option<Duration> {
        self.failed_at.load().filter(|&at| at <= now).map(|at| now.since(at))
    }

    pub(super) fn note_failure(&self, now: UnixTime) {
        self.failed_at.store(Some(now));
    }

    /// The right to try to renew what is known ahead of time.
    pub(super) fn claim_renewal(&self, now: UnixTime) -> bool {
        self.renewal_tried_at.claim(now, RENEWAL_INTERVAL)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.entry().as_ref().is_some_and(|entry| entry.is_final())
    }

    /// Comes to pass with the next thing that may end what goes on in the session's name. It misses nothing that
    /// happens from now on, polled or not.
    pub(crate) fn changes(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Wakes those who watch the session, to look at it. The ledger is not locked.
    pub(super) fn wake(&self) {
        self.changed.notify_waiters();
    }

    /// Clerk's answer to this process's own revocation.
    pub(super) fn answer_to_revocation(&self) -> Option<Result<Session, client::Error>> {
        match &self.entry().as_ref()?.fact {
            Fact::Ended(ending) => ending.answer.clone(),
            _ => None,
        }
    }

    /// Forgets what is known, except that it is over, and outdates every answer under way: what tokens prove up to
    /// now counts for nothing until Clerk has been asked again.
    pub(super) fn forget(&self, now: UnixTime) {
        let ledger = self.outdate();
        if self.is_over() {
            return;
        }
        // It is not forgotten that it was forgotten later: the clock may have been set back.
        let earlier =
            self.entry().as_ref().filter(|entry| entry.is_forgotten()).map(|it| it.sent_at);
        let at = earlier.map_or(now, |earlier| earlier.max(now));
        self.entry.store(Some(Arc::new(CacheEntry::noted(Fact::Forgotten, at))));
        drop(ledger);
        self.wake();
    }

    /// Remembers that the session is over. What Clerk answered to a revocation is not forgotten.
    pub(super) fn entomb(&self, ending: Ending, at: UnixTime) {
        let mut ledger = self.outdate();
        if self.answer_to_revocation().is_none() {
            self.entry.store(Some(Arc::new(CacheEntry::noted(Fact::Ended(ending), at))));
        }
        ledger.give_up_next();
        drop(ledger);
        self.wake();
    }

    /// Keeps an answer to a question of this epoch, unless it is outdated. The ledger is locked.
    pub(super) fn keep(&self, entry: Arc<CacheEntry>, epoch: u64) {
        if self.epoch() == epoch && !self.is_over() {
            self.entry.store(Some(entry));
        }
    }

    /// Whether what is known keeps somebody out for now only.
    pub(super) fn is_negative(&self) -> bool {
        self.entry().as_ref().is_some_and(|entry| entry.is_negative())
    }

    /// Forgets that there is no such session, or that it is one which may yet become active. Nothing that is under way is
    /// outdated by that, nor what tokens prove.
    pub(super) fn forget_negative(&self) {
        let _ledger = self.ledger();
        if self.is_negative() {
            self.entry.store(None);
        }
    }

    /// The lock is held for a few instructions at a time, none of which can panic, and never
    /// while waiting.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outdate(&self) -> MutexGuard<'_, Ledger> {
        let ledger = self.ledger();
        self.epoch.fetch_add(1, Ordering::AcqRel);
        ledger
    }
}

#[cfg(test)]
mod tests;
