//! Asking Clerk about a session, and waiting for the answer.

use std::{sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    SessionCheck, Sessions,
    entry::{CacheEntry, Fact},
    ledger::{Fill, Progress, Wanted},
    slot::Slot,
    tombstones::Now,
};
use crate::{
    Session, SessionId,
    client::{self, Urgency},
    random::random,
};

/// How long somebody waits for an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Patience {
    /// As long as it takes: nothing else serves.
    Whole,
    /// So long until the question is sent, and then as long as it takes.
    UntilSent(Duration),
    /// So long in all.
    InAll(Duration),
}

/// Nothing can be said of a session.
#[derive(Debug)]
pub(crate) enum LookupError {
    /// Clerk could not be asked.
    Failed(client::Error),
    /// Clerk refuses our secret key.
    KeyRefused(client::Error),
    /// It took too long to wait for.
    Impatient,
    /// Each answer was outdated before it arrived, or its runtime stands still.
    Interrupted,
}

/// An answer can be of no use, or never come, this often before we give up.
const ATTEMPTS: usize = 4;

impl Sessions {
    /// An answer of Clerk's that serves, or what this process knows better. The token is for checks that send it.
    ///
    /// No wait is longer than two time-outs, counted from when the caller began to wait.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        token: Option<&str>,
        wanted: &Wanted,
        patience: Patience,
        began: Instant,
    ) -> Result<Arc<CacheEntry>, LookupError> {
        if Handle::try_current().is_err() {
            return Err(LookupError::Failed(client::Error::no_runtime()));
        }
        let give_up_at = began + self.timeout * 2;
        for _ in 0..ATTEMPTS {
            if let Some(error) = self.health.refused_key(self.clock.now()) {
                return Err(LookupError::KeyRefused(error));
            }
            let Some(joined) = slot.join(wanted, self.term()) else {
                return slot.entry().clone().ok_or(LookupError::Interrupted);
            };
            if let Some(fill) = joined.begun {
                self.set_out(fill, token);
            }
            let mut progress = joined.progress;
            let until = joined.look_again_at.min(give_up_at);
            match wait(&mut progress, until, began, patience).await? {
                Some(Progress::Learned(entry)) => {
                    // Whoever came before a change may have the answer, but nobody after the end.
                    let over = slot.entry().clone().filter(|known| known.is_final());
                    return Ok(over.unwrap_or(entry));
                }
                Some(Progress::Failed(error)) if joined.is_ahead && error.is_unavailable() => {}
                Some(Progress::Failed(error)) => {
                    let is_key = error.is_unauthorized()
                        || error.may_be_unauthorized() && self.refuses_key();
                    let failed = if is_key { LookupError::KeyRefused } else { LookupError::Failed };
                    return Err(failed(error));
                }
                _ if Instant::now() >= give_up_at => break,
                // Its runtime is gone or stands still: somebody takes it over.
                _ => {}
            }
        }
        Err(LookupError::Interrupted)
    }

    /// Renews what is known ahead of time. Nobody waits for it, and it takes nothing from those who wait.
    pub(crate) fn renew(self: &Arc<Self>, slot: &Arc<Slot>, token: Option<&str>) {
        let term = self.term();
        if Handle::try_current().is_ok()
            && slot.claim_renewal(self.clock.unix_time())
            && (!self.is_unavailable() || self.health.claim_probe(term.now, self.timeout))
            && let Some(fill) = slot.begin_ahead(term)
        {
            self.set_out(fill, token);
        }
    }

    /// Finds out whether Clerk is back, where nobody else is doing so. Nobody waits for it.
    pub(crate) fn probe(self: &Arc<Self>, slot: &Arc<Slot>, token: Option<&str>, wanted: &Wanted) {
        let term = self.term();
        if Handle::try_current().is_ok()
            && self.health.claim_probe(term.now, self.timeout)
            && let Some(fill) = slot.join(wanted, term).and_then(|joined| joined.begun)
        {
            self.set_out(fill, token);
        }
    }

    /// What Clerk says of a session that is over, of which nothing is learned by it.
    pub(crate) async fn read(&self, id: &SessionId) -> Result<Session, client::Error> {
        if Handle::try_current().is_err() {
            return Err(client::Error::no_runtime());
        }
        self.upstream.read(id, None, Urgency::Waiting, Box::new(|| ())).await
    }

    /// Within a runtime; outside of one the question is dropped, and somebody else asks it.
    fn set_out(self: &Arc<Self>, fill: Fill, token: Option<&str>) {
        if let Ok(runtime) = Handle::try_current() {
            let token = token.map(Box::from);
            runtime.spawn(Arc::clone(self).carry_out(fill, token));
        }
    }

    /// Asks Clerk, says so in the slot, and goes on with what waits behind it.
    async fn carry_out(self: Arc<Self>, fill: Fill, token: Option<Box<str>>) {
        let token = token.as_deref().filter(|_| self.check == SessionCheck::Verify);
        let mut next = Some(fill);
        while let Some(fill) = next {
            next = self.carry_out_one(fill, token).await;
        }
    }

    async fn carry_out_one(&self, fill: Fill, token: Option<&str>) -> Option<Fill> {
        let slot = Arc::clone(fill.slot());
        let urgency = if fill.is_ahead() { Urgency::Ahead } else { Urgency::Waiting };
        let mut sent = Instant::now();
        let note_sent = || {
            sent = Instant::now();
            fill.sent(self.clock.now());
        };
        let answer = self.upstream.read(slot.id(), token, urgency, Box::new(note_sent)).await;
        let now = self.now();
        // What was not worth its turn says nothing of Clerk.
        if fill.was_sent() || !fill.is_ahead() {
            self.health.note(slot.id(), &answer, sent, now.instant, now.time);
        }
        match answer {
            Ok(session) => Some(Fact::Session(session)),
            Err(error) if error.is_not_found() => Some(Fact::Missing(error)),
            Err(error) => {
                if !fill.is_ahead() && error.is_unavailable() {
                    slot.note_failure(now.time.into());
                }
                return fill.failed(error, self.term());
            }
        }
        .and_then(|fact| self.learned(fill, fact, now))
    }

    fn learned(&self, fill: Fill, fact: Fact, now: Now) -> Option<Fill> {
        let slot = Arc::clone(fill.slot());
        let next = fill.learned(fact, now.time, random(), self.term());
        if let Some(retention) = self.negative_retention
            && slot.entry().as_ref().is_some_and(|entry| entry.active(now.time.into()).is_none())
        {
            self.tombstones.hold(Arc::clone(&slot), now.time + retention, now);
        }
        self.cache.keep(slot);
        next
    }
}

/// Waits until the question has ended. `None` where it should have, and has not, or where nobody asks it any longer.
async fn wait(
    progress: &mut watch::Receiver<Progress>,
    until: Instant,
    began: Instant,
    patience: Patience,
) -> Result<Option<Progress>, LookupError> {
    match patience {
        Patience::Whole => {}
        Patience::UntilSent(patience) => {
            let sent = timeout_at(began + patience, progress.wait_for(Progress::is_sent)).await;
            if sent.is_err() {
                return Err(LookupError::Impatient);
            }
        }
        Patience::InAll(patience) => {
            let until = until.min(began + patience);
            let ended = timeout_at(until, progress.wait_for(Progress::has_ended)).await;
            return match ended {
                Ok(Ok(progress)) => Ok(Some(progress.clone())),
                Ok(Err(_)) => Ok(None),
                Err(_) => Err(LookupError::Impatient),
            };
        }
    }
    let ended = timeout_at(until, progress.wait_for(Progress::has_ended)).await;
    Ok(ended.ok().and_then(Result::ok).map(|progress| progress.clone()))
}

impl LookupError {
    /// Whether something else may take the place of an answer; not where Clerk refuses our own key.
    pub(crate) fn is_unavailable(&self) -> bool {
        !matches!(self, Self::KeyRefused(_))
    }

    pub(crate) fn into_error(self) -> client::Error {
        match self {
            Self::Failed(error) | Self::KeyRefused(error) => error,
            Self::Impatient | Self::Interrupted => client::Error::interrupted(),
        }
    }
}

#[cfg(test)]
mod tests;
