//! What is to be done next for a session that is watched.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::{
    changes::Changes,
    pace::{Moment, Pace},
    standing::{Standing, Voucher},
};
use crate::{
    Claims, Policy, Rejection, RejectionKind, Resolved, SessionId, SessionResolver,
    resolve::decide::{Known, Presented},
    sessions::{SessionCheck, Slot},
};

/// What is watched, and how it stands.
pub(super) struct Watch {
    pub(super) resolver: SessionResolver,
    /// None for a token that names no session. Held, so that no eviction hides an ending.
    pub(super) slot: Option<Arc<Slot>>,
    pub(super) policy: Policy,
    /// This one's own, so that watches that were made together part.
    pub(super) recheck: Duration,
    pub(super) state: Mutex<State>,
    pub(super) renewed: Notify,
}

pub(super) struct State {
    pub(super) voucher: Voucher,
    pub(super) pace: Pace,
    /// Why it is over.
    pub(super) over: Option<Rejection>,
}

/// What is to be done next.
pub(super) enum Step {
    End(Rejection),
    /// Whether it goes on depends on it.
    Ask {
        otherwise: Option<Rejection>,
    },
    /// It is better asked than not, and goes on meanwhile.
    Recheck,
    Wait(Duration),
}

/// Timers go by a clock that nobody sets: how late it is noticed at most that the time of day was.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl Watch {
    /// Whatever may change what is to be done next, from now on.
    pub(super) fn changes(&self) -> Changes<'_> {
        let inner = &self.resolver.inner;
        Changes {
            slot: self.slot.as_ref().map(|slot| slot.changes()),
            denials: inner.sessions.denials().additions(),
            renewed: self.renewed.notified(),
            clock: inner.clock.moves(),
        }
    }

    pub(super) fn step(&self) -> Step {
        let inner = &self.resolver.inner;
        let now = inner.moment();
        let mut state = self.state();
        if let Some(rejection) = &state.over {
            return Step::End(rejection.clone());
        }
        let entry = self.slot.as_ref().map(|slot| slot.entry());
        let entry = entry.as_ref().and_then(|entry| entry.as_deref());
        let known = Known {
            entry,
            assembled_at: self.slot.as_ref().and_then(|slot| slot.assembled_at(now.time)),
            denied_before: inner.denied_before(Presented::Watched(state.voucher.claims()), entry),
        };
        state.pace.note_forgotten(entry.is_some_and(|entry| entry.is_forgotten()), now);
        let standing = inner.rules.standing(&state.voucher, &known, &self.policy, now.time);
        let asked_in = || state.pace.ask_in(now, self.retry(), self.since_failure(now));
        match standing {
            Standing::Over(rejection) => {
                state.end(rejection.clone());
                Step::End(rejection)
            }
            // Once: where it is in vain, that is the end.
            Standing::Unknown { otherwise: otherwise @ Some(_), .. } => Step::Ask { otherwise },
            Standing::Unknown { otherwise: None, until } => match asked_in() {
                Duration::ZERO => Step::Ask { otherwise: None },
                time => Step::Wait(time.min(until.since(now.time)).min(LONGEST_WAIT)),
            },
            Standing::Good { until } => {
                let left = until.since(now.time);
                let due = match &state.voucher {
                    Voucher::Session(_) => {
                        state.pace.due_in(now, self.recheck, known.age(now.time))
                    }
                    _ => left,
                };
                if due.is_zero() {
                    let ahead_in = state.pace.ask_ahead_in(now, self.retry());
                    return match asked_in().max(ahead_in) {
                        Duration::ZERO if state.pace.was_put_off() => Step::Ask { otherwise: None },
                        Duration::ZERO => Step::Recheck,
                        time => Step::Wait(time.min(left).min(LONGEST_WAIT)),
                    };
                }
                if state.pace.catch_up() {
                    inner.trouble.is_over();
                }
                // Timers are in whole milliseconds, and nobody is to spin.
                let least = Duration::from_millis(1);
                Step::Wait(left.min(due).min(LONGEST_WAIT).max(least))
            }
        }
    }

    /// What Clerk says, where it can be asked.
    pub(super) async fn ask(&self) -> Result<Resolved, Rejection> {
        let inner = &self.resolver.inner;
        let Some(slot) = &self.slot else { return Err(Rejection::unavailable()) };
        let claims = self.state().voucher.claims().cloned();
        if inner.sessions.is_unavailable() {
            // Nothing depends on it just now.
            inner.probe(slot, claims.as_ref(), &self.policy);
            return Err(Rejection::unavailable());
        }
        inner.say_again(slot, claims.as_ref(), &self.policy).await
    }

    /// Goes by what is known now, and has Clerk asked where that says nothing: whoever waits for an answer goes before.
    pub(super) fn recheck(&self) {
        if self.judge_now(None) {
            return;
        }
        let sessions = &self.resolver.inner.sessions;
        if let Some(error) = sessions.key_refusal() {
            let rejection = Rejection::misconfigured("secret-key-invalid").with_source(error);
            self.resolver.inner.trouble.log(&rejection);
        }
        self.ask_ahead();
        // An outage puts everybody off: that is no reason for all to hurry after it.
        let counts = !sessions.is_unavailable();
        self.state().pace.asked_ahead(counts, self.resolver.inner.moment());
    }

    /// Draws the conclusion from what can be said without asking, if anything.
    pub(super) fn judge_now(&self, otherwise: Option<Rejection>) -> bool {
        let Some(slot) = &self.slot else { return false };
        let claims = self.state().voucher.claims().cloned();
        let answer = self.resolver.inner.say_again_now(slot, claims.as_ref(), &self.policy);
        answer.map(|answer| self.note(answer, otherwise)).is_some()
    }

    /// Has Clerk asked, where that takes nothing from whoever waits for it.
    pub(super) fn ask_ahead(&self) {
        if let Some(slot) = &self.slot {
            self.resolver.inner.sessions.renew(slot, None);
        }
    }

    /// Draws the conclusion from what Clerk said, or did not.
    pub(super) fn note(&self, answer: Result<Resolved, Rejection>, otherwise: Option<Rejection>) {
        let (inner, mut state) = (&self.resolver.inner, self.state());
        let now = inner.moment();
        match answer {
            Ok(resolved) if speaks_for_clerk(&resolved) => {
                inner.trouble.is_over();
                state.pace.checked(now);
            }
            // A token, or what was known once, had to do for want of an answer.
            Ok(_) => state.fail(otherwise, now),
            Err(rejection) => match rejection.kind() {
                RejectionKind::Unavailable => state.fail(otherwise, now),
                RejectionKind::Misconfigured => {
                    inner.trouble.log(&rejection);
                    state.fail(otherwise, now);
                }
                _ => state.end(rejection),
            },
        }
    }

    /// How long after it was asked in vain Clerk is asked again.
    fn retry(&self) -> Duration {
        (self.recheck / 10).clamp(Duration::from_secs(1), Duration::from_secs(30))
    }

    fn since_failure(&self, now: Moment) -> Option<Duration> {
        self.slot.as_ref().and_then(|slot| slot.since_failure(now.time))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end(&mut self, rejection: Rejection) {
        tracing::debug!(reason = rejection.reason(), "what goes on in a session's name ends");
        self.over = Some(rejection);
    }

    fn fail(&mut self, otherwise: Option<Rejection>, now: Moment) {
        match otherwise {
            Some(rejection) => self.end(rejection),
            None => self.pace.failed(now),
        }
    }

    pub(super) fn renew(
        &mut self,
        resolved: &Resolved,
        session: Option<&SessionId>,
        check: SessionCheck,
    ) -> Result<Claims, Rejection> {
        if let Some(rejection) = &self.over {
            return Err(rejection.clone());
        }
        self.voucher.renew(resolved, session, check)
    }
}

impl crate::resolve::inner::Inner {
    pub(super) fn moment(&self) -> Moment {
        Moment { time: self.clock.unix_time(), instant: Instant::now() }
    }
}

fn speaks_for_clerk(resolved: &Resolved) -> bool {
    resolved.session.is_some() && !resolved.freshness.is_some_and(|freshness| freshness.is_stale())
}
