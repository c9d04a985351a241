//! Who may call Clerk, and when.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::{back_off::BackOff, quota::Allowance};

/// How many calls are under way at once, at most.
const CONCURRENT_CALLS: usize = 64;

/// The same for urgent calls, which are counted on their own.
const CONCURRENT_URGENT_CALLS: usize = 16;

/// Whoever does not come when it is their turn is not waited for: their runtime may stand still.
const LATE: Duration = Duration::from_millis(100);

/// How much of a burst is left to requests by what is asked ahead of time.
const SPARED: f64 = 0.25;

/// In which order calls are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// Before all others, and with a reserve of its own.
    Urgent,
    Waiting,
    /// At once and without taking anything from the others, or not at all.
    Ahead,
}

/// A call that wants to be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) ticket: u64,
    pub(super) rank: Rank,
    /// It is not made while Clerk wants silence.
    pub(super) keeps_quiet: bool,
    /// When it must have had its turn.
    pub(super) latest: Instant,
    /// When it is over, whatever comes of it.
    pub(super) deadline: Instant,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Turn {
    /// It is to be made, now.
    Now,
    /// It is to ask again at this time.
    At(Instant),
    /// It is to ask again when a call has ended, or after a while.
    Occupied,
    Refused(Reason),
}

/// Why a call is not made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reason {
    /// Clerk asked for so much more silence.
    Silence(Duration),
    /// Its turn would come too late, in so much time.
    Quota(Duration),
    /// Too many calls are under way.
    Crowded,
}

/// The turns of a client. No one who waits depends on another who does: each comes back by itself
/// when it thinks that it is its turn.
#[derive(Debug)]
pub(super) struct Turns {
    allowance: Option<Allowance>,
    back_off: BackOff,
    urgent: Line,
    others: Line,
    tickets: u64,
}

impl Turns {
    pub(super) fn new(allowance: Option<Allowance>) -> Self {
        Self {
            allowance,
            back_off: BackOff::default(),
            urgent: Line::new(CONCURRENT_URGENT_CALLS),
            others: Line::new(CONCURRENT_CALLS),
            tickets: 0,
        }
    }

    /// Earlier tickets go first.
    pub(super) fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    pub(super) fn ask(&mut self, wish: &Wish, now: Instant) -> Turn {
        let turn = self.turn(wish, now);
        let line = self.line(wish.rank);
        match turn {
            Turn::At(at) => line.wait(wish.ticket, at),
            Turn::Occupied => line.wait(wish.ticket, wish.latest),
            Turn::Refused(_) => line.leave(wish.ticket),
            Turn::Now => {
                line.begin(wish.ticket, wish.deadline);
                let level = self.back_off.level(now);
                if let Some(allowance) = &mut self.allowance {
                    allowance.take(wish.rank == Rank::Urgent, now, level);
                }
            }
        }
        turn
    }

    /// As [`ask`](Self::ask), where nobody waits, `and` this holds. Whether the call is to be made.
    pub(super) fn ask_idle(
        &mut self,
        wish: &Wish,
        now: Instant,
        and: impl FnOnce() -> bool,
    ) -> bool {
        !self.are_awaited(now)
            && self.turn(wish, now) == Turn::Now
            && and()
            && self.ask(wish, now) == Turn::Now
    }

    /// The call has ended, or is not to be made.
    pub(super) fn leave(&mut self, ticket: u64) {
        self.urgent.leave(ticket);
        self.others.leave(ticket);
    }

    /// Whether somebody waits for a turn.
    pub(super) fn are_awaited(&mut self, now: Instant) -> bool {
        self.urgent.is_awaited(now) || self.others.is_awaited(now)
    }

    /// Clerk answered 429 to a call, and asked for so much silence.
    pub(super) fn refused(&mut self, sent: Instant, wait: Option<Duration>, now: Instant) {
        if self.back_off.refused(sent, wait, now)
            && let Some(allowance) = &mut self.allowance
        {
            allowance.share.forget_savings(now, self.back_off.level(now));
        }
    }

    /// Clerk answered something else.
    pub(super) fn answered(&mut self, sent: Instant) {
        self.back_off.answered(sent);
    }

    /// Clerk is not to be asked for so long.
    pub(super) fn keep_silent(&mut self, wait: Duration, now: Instant) {
        self.back_off.keep_silent(wait, now);
    }

    pub(super) fn silence(&self, now: Instant) -> Option<Duration> {
        self.back_off.silence(now)
    }

    fn line(&mut self, rank: Rank) -> &mut Line {
        if rank == Rank::Urgent { &mut self.urgent } else { &mut self.others }
    }

    fn turn(&mut self, wish: &Wish, now: Instant) -> Turn {
        if wish.keeps_quiet
            && let Some(left) = self.back_off.silence(now)
        {
            return Turn::Refused(Reason::Silence(left));
        }
        let mut at = self.estimate(wish, now);
        if wish.keeps_quiet {
            at = at.max(self.back_off.paused_until().unwrap_or(at));
        }
        if at > self.latest(wish, now) || (wish.rank == Rank::Ahead && !self.can_spare(now)) {
            return Turn::Refused(Reason::Quota(at.saturating_duration_since(now)));
        }
        if at > now {
            return Turn::At(at);
        }
        if self.line(wish.rank).is_full(now) {
            let too_late = now >= wish.latest || wish.rank == Rank::Ahead;
            return if too_late { Turn::Refused(Reason::Crowded) } else { Turn::Occupied };
        }
        Turn::Now
    }

    /// When the call must have had its turn.
    fn latest(&mut self, wish: &Wish, now: Instant) -> Instant {
        if wish.rank == Rank::Ahead {
            now
        } else if self.line(wish.rank).waiting.contains_key(&wish.ticket) {
            // Who has waited all the time is not sent away for a moment's delay.
            let left = wish.deadline.saturating_duration_since(wish.latest);
            wish.latest + LATE.min(left / 8)
        } else {
            wish.latest
        }
    }

    fn estimate(&mut self, wish: &Wish, now: Instant) -> Instant {
        let level = self.back_off.level(now);
        let Some(allowance) = &self.allowance else { return now };
        let urgent = self.urgent.before(wish.ticket, now);
        if wish.rank == Rank::Urgent {
            allowance.urgent(urgent, now, level)
        } else {
            let before = self.others.before(wish.ticket, now) + self.urgent.waiting.len();
            allowance.share.estimate(before, now, level)
        }
    }

    fn can_spare(&mut self, now: Instant) -> bool {
        let level = self.back_off.level(now);
        !self.are_awaited(now)
            && !self.back_off.is_wary(now)
            && self.others.under_way.len() < CONCURRENT_CALLS / 2
            && self
                .allowance
                .as_ref()
                .is_none_or(|allowance| allowance.share.can_spare(SPARED, now, level))
    }
}

/// Those who wait, and those whose calls are under way.
#[derive(Debug)]
struct Line {
    slots: usize,
    /// When each comes back, by ticket.
    waiting: BTreeMap<u64, Instant>,
    /// When each call is over at the latest, by ticket.
    under_way: BTreeMap<u64, Instant>,
}

impl Line {
    fn new(slots: usize) -> Self {
        Self { slots, waiting: BTreeMap::new(), under_way: BTreeMap::new() }
    }

    fn wait(&mut self, ticket: u64, until: Instant) {
        self.waiting.insert(ticket, until);
    }

    fn begin(&mut self, ticket: u64, until: Instant) {
        self.waiting.remove(&ticket);
        self.under_way.insert(ticket, until);
    }

    fn leave(&mut self, ticket: u64) {
        self.waiting.remove(&ticket);
        self.under_way.remove(&ticket);
    }

    /// How many wait with an earlier ticket.
    fn before(&mut self, ticket: u64, now: Instant) -> usize {
        self.is_awaited(now);
        match self.waiting.last_key_value() {
            Some((&last, _)) if last < ticket => self.waiting.len(),
            _ => self.waiting.range(..ticket).count(),
        }
    }

    fn is_awaited(&mut self, now: Instant) -> bool {
        while let Some(first) = self.waiting.first_entry()
            && now.saturating_duration_since(*first.get()) > LATE
        {
            first.remove();
        }
        !self.waiting.is_empty()
    }

    /// Whether so many calls are under way. One that ought to be over is not.
    fn is_full(&mut self, now: Instant) -> bool {
        if self.under_way.len() >= self.slots {
            self.under_way.retain(|_, &mut until| until > now);
        }
        self.under_way.len() >= self.slots
    }
}
