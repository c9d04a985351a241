//! The one place in this process where things are known of a session.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use arc_swap::{ArcSwapOption, Guard};
use tokio::sync::watch;

use super::entry::{CacheEntry, Fact, is_fresh};
use crate::{Session, SessionId, client};

/// What is known of a session, and who is asking.
///
/// There is one slot per session while anybody can see it, so whoever writes to it has told everyone.
/// Reading takes no lock. Each change that outdates answers under way moves the epoch; a fill
/// carries the epoch it began in, and its answer is dropped where that has passed.
#[derive(Debug)]
pub(crate) struct Slot {
    id: SessionId,
    known: ArcSwapOption<CacheEntry>,
    /// The latest `exp` of any token that was seen for it, in seconds since the epoch.
    last_token_expiry: AtomicU64,
    ledger: Mutex<Ledger>,
}

#[derive(Debug, Default)]
struct Ledger {
    epoch: u64,
    fills_begun: u64,
    /// The latest fill that Clerk has answered.
    last_learned: u64,
    fill: Option<Asked>,
}

/// A question to Clerk that is under way.
#[derive(Debug, Clone)]
struct Asked {
    number: u64,
    sent_at: SystemTime,
    outcome: watch::Receiver<Option<FillOutcome>>,
}

/// How a question to Clerk ended.
#[derive(Debug, Clone)]
pub(super) enum FillOutcome {
    /// Look at the slot: it knows, or what was learned was outdated before it arrived.
    LookAgain,
    /// Nothing was learned.
    Failed(client::Error),
}

/// Where to wait for a fill, and the fill itself where it is the caller's to carry out.
pub(super) struct Joined {
    pub(super) outcome: watch::Receiver<Option<FillOutcome>>,
    pub(super) begun: Option<Fill>,
}

impl Slot {
    pub(super) fn new(id: SessionId) -> Self {
        Self {
            id,
            known: ArcSwapOption::empty(),
            last_token_expiry: AtomicU64::new(0),
            ledger: Mutex::default(),
        }
    }

    pub(super) fn id(&self) -> &SessionId {
        &self.id
    }

    pub(crate) fn known(&self) -> Guard<Option<Arc<CacheEntry>>> {
        self.known.load()
    }

    pub(super) fn is_revoked_here(&self) -> bool {
        self.known().as_ref().is_some_and(|known| matches!(known.fact, Fact::RevokedHere(_)))
    }

    /// Joins the fill under way if it was sent recently enough, or begins one; not for a session that
    /// this process revoked, about which there is nothing left to ask.
    pub(super) fn join_or_begin(self: &Arc<Self>, now: SystemTime, lifetime: Duration) -> Joined {
        let mut ledger = self.ledger();
        if self.is_revoked_here() {
            let (_, outcome) = watch::channel(Some(FillOutcome::LookAgain));
            return Joined { outcome, begun: None };
        }
        if let Some(asked) = &ledger.fill
            && is_fresh(asked.sent_at, now, lifetime)
        {
            return Joined { outcome: asked.outcome.clone(), begun: None };
        }
        let (report, outcome) = watch::channel(None);
        ledger.fills_begun += 1;
        let number = ledger.fills_begun;
        ledger.fill = Some(Asked { number, sent_at: now, outcome: outcome.clone() });
        let epoch = ledger.epoch;
        drop(ledger);
        let fill = Fill { slot: Arc::clone(self), epoch, number, sent_at: now, report };
        Joined { outcome, begun: Some(fill) }
    }

    /// Forgets what is known, except a revocation, and outdates every answer under way.
    pub(super) fn forget(&self) {
        let mut ledger = self.ledger();
        ledger.outdate();
        if !self.is_revoked_here() {
            self.known.store(None);
        }
    }

    /// Remembers that this process revoked the session.
    pub(super) fn entomb(&self, answer: Result<Session, client::Error>, at: SystemTime) {
        let mut ledger = self.ledger();
        ledger.outdate();
        self.known.store(Some(Arc::new(CacheEntry::new(Fact::RevokedHere(answer), at))));
    }

    /// Notes that a token for the session is good until `expires_at`.
    pub(crate) fn note_token(&self, expires_at: SystemTime) {
        let seconds = expires_at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.last_token_expiry.fetch_max(seconds, Ordering::Relaxed);
    }

    pub(super) fn last_token_expiry(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.last_token_expiry.load(Ordering::Relaxed))
    }

    /// The lock is held for a few instructions at a time, none of which can panic, and never
    /// while waiting.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    fn outdate(&mut self) {
        self.epoch += 1;
        self.fill = None;
    }
}

/// The right to answer for a slot, once.
///
/// Dropping it unanswered (the runtime is shutting down) releases those who wait.
#[derive(Debug)]
pub(super) struct Fill {
    slot: Arc<Slot>,
    epoch: u64,
    number: u64,
    sent_at: SystemTime,
    report: watch::Sender<Option<FillOutcome>>,
}

impl Fill {
    pub(super) fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    /// Clerk has spoken.
    pub(super) fn learned(self, fact: Fact) {
        let mut ledger = self.slot.ledger();
        // By number, not by time, which may have been set back.
        let is_latest = self.number > ledger.last_learned;
        if ledger.epoch == self.epoch && is_latest {
            ledger.last_learned = self.number;
            self.slot.known.store(Some(Arc::new(CacheEntry::new(fact, self.sent_at))));
        }
        drop(ledger);
        self.end(FillOutcome::LookAgain);
    }

    /// Clerk could not be asked.
    pub(super) fn failed(self, error: client::Error, now: SystemTime) {
        let ledger = self.slot.ledger();
        if ledger.epoch == self.epoch
            && error.is_unavailable()
            && let Some(known) = self.slot.known().as_deref()
            && matches!(known.fact, Fact::Session(_))
        {
            let known = CacheEntry { unavailable_at: Some(now), ..known.clone() };
            self.slot.known.store(Some(Arc::new(known)));
        }
        drop(ledger);
        self.end(FillOutcome::Failed(error));
    }

    fn end(self, outcome: FillOutcome) {
        self.release();
        self.report.send_replace(Some(outcome));
    }

    /// From here on nobody joins this fill.
    fn release(&self) {
        self.slot.ledger().fill.take_if(|asked| asked.number == self.number);
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    fn slot() -> Arc<Slot> {
        Arc::new(Slot::new("sess_1".parse().unwrap()))
    }

    fn begin(slot: &Arc<Slot>, now: SystemTime) -> Fill {
        slot.join_or_begin(now, Duration::ZERO).begun.unwrap()
    }

    fn missing() -> Fact {
        Fact::Missing(client::Error::no_such_session())
    }

    fn sent_at(slot: &Slot) -> Option<SystemTime> {
        slot.known().as_ref().map(|known| known.sent_at)
    }

    #[test]
    fn what_is_learned_after_the_clock_was_set_back_counts() {
        let (slot, now) = (slot(), UNIX_EPOCH + 1000 * HOUR);
        begin(&slot, now).learned(missing());
        begin(&slot, now - HOUR).learned(missing());
        assert_eq!(sent_at(&slot), Some(now - HOUR));
    }

    #[test]
    fn a_late_answer_to_an_early_question_does_not_count() {
        let (slot, now) = (slot(), UNIX_EPOCH + 1000 * HOUR);
        let early = begin(&slot, now);
        begin(&slot, now + HOUR).learned(missing());
        early.learned(missing());
        assert_eq!(sent_at(&slot), Some(now + HOUR));
    }

    #[test]
    fn no_answer_takes_the_place_of_a_revocation() {
        let (slot, now) = (slot(), UNIX_EPOCH + 1000 * HOUR);
        let under_way = begin(&slot, now);
        slot.entomb(Err(client::Error::no_such_session()), now);
        under_way.learned(missing());
        assert!(slot.is_revoked_here());
        assert!(slot.join_or_begin(now + HOUR, Duration::ZERO).begun.is_none());
        assert!(slot.is_revoked_here());
    }
}
