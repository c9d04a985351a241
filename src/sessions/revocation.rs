//! Revoking: once at a time for each session, and for good.

use std::{
    future::Future,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, sleep, timeout_at},
};

use super::{Sessions, entry::Ending, ledger::Term, slot::Slot};
use crate::{
    Session, SessionId, SessionStatus, client,
    fleet::{LogEntry, Revocation},
};

type Answer = Result<Session, client::Error>;

/// A revocation under way, which all share who want it.
#[derive(Debug, Clone)]
pub(super) struct Revoking {
    overdue_at: Instant,
    answer: watch::Receiver<Option<Answer>>,
}

/// Where Clerk accepted a revocation and did not say of what, it is asked again after this time, twice that, and so on.
const FIRST_REPETITION: Duration = Duration::from_secs(1);
const LAST_REPETITION: Duration = Duration::from_secs(64);

impl Slot {
    /// Joins the revocation under way, or begins one. One that is overdue counts as ended.
    fn join_revocation(&self, term: Term) -> (Revoking, Option<watch::Sender<Option<Answer>>>) {
        let mut ledger = self.ledger();
        if let Some(revoking) = &ledger.revoking
            && term.now < revoking.overdue_at
            && revoking.answer.has_changed().is_ok()
        {
            return (revoking.clone(), None);
        }
        let (report, answer) = watch::channel(None);
        let revoking = Revoking { overdue_at: term.overdue_at, answer };
        ledger.revoking = Some(revoking.clone());
        (revoking, Some(report))
    }

    /// The right to find out what became of a revocation, for one at a time.
    fn claim_settlement(&self) -> Option<Arc<()>> {
        let mut ledger = self.ledger();
        let is_claimed = ledger.settling.strong_count() > 0;
        (!is_claimed).then(|| {
            let right = Arc::default();
            ledger.settling = Arc::downgrade(&right);
            right
        })
    }
}

impl Sessions {
    /// Revokes the session at Clerk and here. It is under way when this returns, and goes on where nobody waits for it.
    pub(crate) fn revoke(
        self: Arc<Self>,
        id: &SessionId,
    ) -> impl Future<Output = Answer> + Send + 'static + use<> {
        let slot = self.slot(id);
        let revoking = self.join_or_begin_revocation(&slot);
        async move {
            let mut revoking = revoking?;
            if let Some(answer) = &*revoking.answer.borrow() {
                return answer.clone();
            }
            if Handle::try_current().is_err() {
                return Err(client::Error::no_runtime());
            }
            let give_up_at = Instant::now() + self.timeout * 2;
            loop {
                let look_again_at = revoking.overdue_at.min(give_up_at);
                let answer =
                    timeout_at(look_again_at, revoking.answer.wait_for(Option::is_some)).await;
                if let Ok(Ok(answer)) = answer.as_ref().map(|ended| ended.as_deref())
                    && let Some(answer) = answer
                {
                    return answer.clone();
                }
                drop(answer);
                if Instant::now() >= give_up_at {
                    return Err(client::Error::revocation_interrupted());
                }
                // Its runtime stands still or is gone: it is taken over.
                revoking = self.join_or_begin_revocation(&slot)?;
            }
        }
    }

    fn join_or_begin_revocation(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
    ) -> Result<Revoking, client::Error> {
        let (revoking, begun) = match slot.answer_to_revocation() {
            // Clerk has spoken, and it is over for good.
            Some(answer) => {
                let (_, answer) = watch::channel(Some(answer));
                return Ok(Revoking { overdue_at: Instant::now() + self.timeout, answer });
            }
            None => {
                let runtime = Handle::try_current().map_err(|_| client::Error::no_runtime())?;
                let (revoking, begun) = slot.join_revocation(self.term());
                (revoking, begun.map(|report| (runtime, report)))
            }
        };
        if let Some((runtime, report)) = begun {
            self.forget(slot.id());
            let (sessions, slot) = (Arc::clone(self), Arc::clone(slot));
            runtime.spawn(async move {
                let answer = sessions.carry_out_revocation(&slot).await;
                report.send_replace(Some(answer));
            });
        }
        Ok(revoking)
    }

    /// What was known is forgotten before Clerk is asked, so that nothing that is learned meanwhile outlasts the
    /// answer; and the session is over here, and other processes have been told if they can be, before anybody hears so.
    async fn carry_out_revocation(self: &Arc<Self>, slot: &Arc<Slot>) -> Answer {
        let answer = self.upstream.revoke(slot.id()).await;
        let revoked = |expire_at| -> LogEntry {
            Revocation::ended(slot.id().clone(), SessionStatus::Revoked, expire_at).into()
        };
        let told = match &answer {
            Ok(session) => {
                self.entomb(slot, Some(answer.clone()));
                self.tell(revoked(Some(session.expire_at())))
            }
            Err(error) if error.is_not_found() => {
                self.entomb(slot, Some(answer.clone()));
                self.tell(revoked(None))
            }
            Err(error) if error.was_accepted() => {
                self.entomb(slot, None);
                if let Some(right) = slot.claim_settlement() {
                    let until = Instant::now() + self.retention;
                    tokio::spawn(settle(Arc::downgrade(self), Arc::clone(slot), until, right));
                }
                self.tell(revoked(None))
            }
            Err(_) => {
                self.forget(slot.id());
                self.tell(Revocation::look_again(slot.id().clone()).into())
            }
        };
        // The log's trouble fails no revocation.
        told.await;
        answer
    }

    fn entomb(&self, slot: &Arc<Slot>, answer: Option<Answer>) {
        let expire_at = match &answer {
            Some(Ok(session)) => Some(session.expire_at()),
            _ => None,
        };
        let ending = Ending { status: SessionStatus::Revoked, answer };
        self.bury(slot, ending, expire_at);
    }
}

/// Asks until Clerk itself has said what became of a revocation that something accepted in its name. Nobody else can:
/// the session is refused here.
async fn settle(sessions: Weak<Sessions>, slot: Arc<Slot>, until: Instant, _right: Arc<()>) {
    let mut pause = FIRST_REPETITION;
    while Instant::now() + pause < until {
        sleep(pause).await;
        let Some(sessions) = sessions.upgrade() else { return };
        if slot.answer_to_revocation().is_some() {
            return;
        }
        let answer = sessions.upstream.revoke(slot.id()).await;
        if answer.as_ref().map_or_else(client::Error::is_not_found, |_| true) {
            return sessions.entomb(&slot, Some(answer));
        }
        pause = (pause * 2).min(LAST_REPETITION);
    }
}

#[cfg(test)]
mod tests;
