//! Who asks Clerk about a session: one question at a time, and one more behind it.

use std::{
    sync::{Arc, OnceLock, Weak},
    time::{Duration, SystemTime},
};

use tokio::{sync::watch, time::Instant};

use super::{
    entry::{CacheEntry, Fact},
    lifetimes::is_fresh,
    revocation::Revoking,
    slot::Slot,
    tombstones::Now,
};
use crate::{client, unix_time::UnixTime};

/// What is under way about a session.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    fills_begun: u64,
    /// The latest fill that Clerk has answered.
    last_learned: u64,
    under_way: Option<UnderWay>,
    /// Begins when the one under way has ended.
    next: Option<Next>,
    pub(super) revoking: Option<Revoking>,
    /// Held by whoever finds out what became of a revocation.
    pub(super) settling: Weak<()>,
    /// Until when the slot is held outside of the cache, by both clocks.
    pub(super) held_until: Option<Now>,
}

#[derive(Debug)]
struct UnderWay {
    number: u64,
    epoch: u64,
    /// None while it waits for its turn.
    sent_at: Option<SystemTime>,
    /// Nobody waits for it, so that it may be given up before it is sent.
    is_ahead: bool,
    overdue_at: Instant,
    progress: watch::Receiver<Progress>,
}

#[derive(Debug)]
struct Next {
    for_token_of: Option<SystemTime>,
    progress: watch::Sender<Progress>,
}

/// How far a question to Clerk has come.
#[derive(Debug, Clone)]
pub(super) enum Progress {
    Queued,
    Sent,
    Learned(Arc<CacheEntry>),
    Failed(client::Error),
}

impl Progress {
    pub(super) fn is_sent(&self) -> bool {
        !matches!(self, Self::Queued)
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Self::Learned(_) | Self::Failed(_))
    }
}

/// What somebody wants to be told about a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// When the request arrived that wants it.
    pub(crate) asked_at: UnixTime,
    /// How old the answer may have been then.
    pub(crate) lifetime: Duration,
    /// The slot's epoch when the request arrived: what was outdated already is of no use.
    pub(crate) epoch: u64,
    /// [How many answers](Slot::learned) the slot had had when it was looked at in vain: a later one may serve.
    pub(crate) learned: u64,
    /// As of when the token speaks that wants it.
    pub(crate) for_token_of: Option<SystemTime>,
}

/// Where to wait for an answer.
pub(super) struct Joined {
    pub(super) progress: watch::Receiver<Progress>,
    /// When the one under way should have ended: whoever waits looks again then.
    pub(super) look_again_at: Instant,
    /// It was begun for nobody, and is not repeated: that it failed is no answer.
    pub(super) is_ahead: bool,
    /// The question, where it is the caller's to carry out.
    pub(super) begun: Option<Fill>,
}

/// When a question has begun, and when it should have ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    pub(super) now: Instant,
    pub(super) overdue_at: Instant,
}

impl Slot {
    /// The number of the latest answer.
    pub(crate) fn learned(&self) -> u64 {
        self.ledger().last_learned
    }

    /// Joins the question under way where its answer serves, or the one behind it, or begins one. A question that is
    /// overdue counts as ended: the runtime that began it stands still or is gone.
    ///
    /// `None` where there is nothing left to ask: the session is over, or the answer has come since somebody looked.
    pub(super) fn join(self: &Arc<Self>, wanted: &Wanted, term: Term) -> Option<Joined> {
        let mut ledger = self.ledger();
        if self.is_over() {
            return None;
        }
        let Some(under_way) = ledger.under_way.as_ref().filter(|it| term.now < it.overdue_at)
        else {
            if self.has_come(wanted, &ledger) {
                return None;
            }
            return Some(self.begin(&mut ledger, wanted.for_token_of, false, term));
        };
        let look_again_at = under_way.overdue_at;
        if under_way.serves(wanted) {
            let (progress, is_ahead) = (under_way.progress.clone(), under_way.is_ahead);
            return Some(Joined { progress, look_again_at, is_ahead, begun: None });
        }
        let next = ledger.next.get_or_insert_with(Next::new);
        next.for_token_of = next.for_token_of.max(wanted.for_token_of);
        let progress = next.progress.subscribe();
        Some(Joined { progress, look_again_at, is_ahead: false, begun: None })
    }

    /// Whether an answer has come that would have been joined a moment ago.
    fn has_come(&self, wanted: &Wanted, ledger: &Ledger) -> bool {
        ledger.last_learned > wanted.learned
            && self.entry().as_ref().is_some_and(|entry| {
                !entry.is_forgotten() && is_fresh(entry.sent_at, wanted.asked_at, wanted.lifetime)
            })
    }

    /// Begins a question that nobody waits for, where none is under way.
    pub(super) fn begin_ahead(self: &Arc<Self>, term: Term) -> Option<Fill> {
        let mut ledger = self.ledger();
        let is_free = ledger.under_way.as_ref().is_none_or(|it| it.overdue_at <= term.now);
        if !is_free || self.is_over() {
            return None;
        }
        self.begin(&mut ledger, None, true, term).begun
    }

    /// Begins what waits to be begun, or else something new.
    fn begin(
        self: &Arc<Self>,
        ledger: &mut Ledger,
        for_token_of: Option<SystemTime>,
        is_ahead: bool,
        term: Term,
    ) -> Joined {
        // Somebody may be waiting for it by now.
        let is_ahead = is_ahead && ledger.next.is_none();
        let next = ledger.next.take().unwrap_or_else(Next::new);
        let progress = next.progress.subscribe();
        ledger.fills_begun += 1;
        let (number, epoch) = (ledger.fills_begun, self.epoch());
        ledger.under_way = Some(UnderWay {
            number,
            epoch,
            sent_at: None,
            is_ahead,
            overdue_at: term.overdue_at,
            progress: progress.clone(),
        });
        let fill = Fill {
            slot: Arc::clone(self),
            epoch,
            number,
            is_ahead,
            for_token_of: next.for_token_of.max(for_token_of),
            sent_at: OnceLock::new(),
            progress: next.progress,
        };
        Joined { progress, look_again_at: term.overdue_at, is_ahead, begun: Some(fill) }
    }
}

impl Ledger {
    /// Releases those who wait for the next question, to look at the slot.
    pub(super) fn give_up_next(&mut self) {
        self.next = None;
    }
}

impl UnderWay {
    fn serves(&self, wanted: &Wanted) -> bool {
        let is_young = match self.sent_at {
            Some(sent_at) => is_fresh(sent_at.into(), wanted.asked_at, wanted.lifetime),
            None => !self.is_ahead,
        };
        self.epoch >= wanted.epoch && is_young
    }
}

impl Next {
    fn new() -> Self {
        Self { for_token_of: None, progress: watch::Sender::new(Progress::Queued) }
    }
}

/// The right to answer for a slot, once.
///
/// Dropping it unanswered (the runtime is shutting down) releases those who wait, to ask again.
#[derive(Debug)]
pub(super) struct Fill {
    slot: Arc<Slot>,
    epoch: u64,
    number: u64,
    is_ahead: bool,
    for_token_of: Option<SystemTime>,
    sent_at: OnceLock<SystemTime>,
    progress: watch::Sender<Progress>,
}

impl Fill {
    pub(super) fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    pub(super) fn is_ahead(&self) -> bool {
        self.is_ahead
    }

    pub(super) fn was_sent(&self) -> bool {
        self.sent_at.get().is_some()
    }

    /// The question sets out: from here on nothing that happens is part of its answer.
    pub(super) fn sent(&self, now: SystemTime) {
        if self.sent_at.set(now).is_err() {
            return;
        }
        if let Some(under_way) = self.in_ledger(&mut self.slot.ledger()) {
            under_way.sent_at = Some(now);
        }
        self.progress.send_replace(Progress::Sent);
    }

    /// Clerk has spoken. Those who wait are told, whatever was forgotten meanwhile: they came before.
    ///
    /// Returns what is to be asked next.
    pub(super) fn learned(
        self,
        fact: Fact,
        now: SystemTime,
        chance: u64,
        term: Term,
    ) -> Option<Self> {
        let sent_at = self.sent_at.get().copied().unwrap_or(now);
        let mut ledger = self.slot.ledger();
        let earlier = self.slot.entry().as_ref().and_then(|entry| entry.answered_for);
        let entry = CacheEntry::new(fact, sent_at.into(), ledger.last_learned == 0, chance);
        let entry = Arc::new(entry.asked_for(self.for_token_of.max(earlier)));
        // By number, not by time, which may have been set back.
        if self.number > ledger.last_learned {
            ledger.last_learned = self.number;
            self.slot.keep(Arc::clone(&entry), self.epoch);
        }
        drop(ledger);
        if entry.active(now.into()).is_none() {
            self.slot.wake();
        }
        self.end(Progress::Learned(entry), term)
    }

    /// Clerk could not be asked. Returns what is to be asked next.
    pub(super) fn failed(self, error: client::Error, term: Term) -> Option<Self> {
        self.end(Progress::Failed(error), term)
    }

    fn end(self, outcome: Progress, term: Term) -> Option<Self> {
        let mut ledger = self.slot.ledger();
        let mut next = None;
        if self.in_ledger(&mut ledger).is_some() {
            ledger.under_way = None;
            if self.slot.is_over() {
                ledger.give_up_next();
            } else if ledger.next.is_some() {
                next = self.slot.begin(&mut ledger, None, false, term).begun;
            }
        }
        drop(ledger);
        self.progress.send_replace(outcome);
        next
    }

    /// This question, unless another has taken its place.
    fn in_ledger<'l>(&self, ledger: &'l mut Ledger) -> Option<&'l mut UnderWay> {
        ledger.under_way.as_mut().filter(|under_way| under_way.number == self.number)
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        let mut ledger = self.slot.ledger();
        // Not where it has ended: another may be under way then.
        if self.in_ledger(&mut ledger).is_some() {
            ledger.under_way = None;
            ledger.give_up_next();
        }
    }
}

#[cfg(test)]
mod tests;
