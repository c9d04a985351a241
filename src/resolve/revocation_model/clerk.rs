//! Clerk, as slow and as unreliable as the scheduler wants it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use http::StatusCode;
use serde_json::json;
use tokio::sync::oneshot;

use super::{
    Random, SESSIONS,
    oracle::Truth,
    tokens::{session_id, session_of},
};
use crate::{
    Session, SessionId,
    client::{self, Urgency},
    sessions::{Asking, Upstream},
    token::test_signer::ISSUED,
};

type Answer = Result<Session, client::Error>;

#[derive(Debug, Clone)]
pub(super) struct Clerk {
    desk: Arc<Mutex<Desk>>,
    truth: Arc<Mutex<Truth>>,
    /// Who asks.
    process: usize,
}

#[derive(Debug, Default)]
struct Desk {
    /// On their way to Clerk.
    sent: Vec<Call>,
    /// Seen by Clerk, and the answer is on its way back.
    received: Vec<(Call, Answer)>,
    /// Nothing comes back but that it is out of order.
    is_down: bool,
}

#[derive(Debug)]
struct Call {
    question: Question,
    session: usize,
    process: usize,
    /// When it was sent, in the order of events.
    number: u64,
    reply: oneshot::Sender<Answer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Read,
    Revoke,
}

impl Clerk {
    pub(super) fn new(truth: Arc<Mutex<Truth>>) -> Self {
        Self { desk: Arc::default(), truth, process: 0 }
    }

    /// As this process reaches it.
    pub(super) fn of(&self, process: usize) -> Self {
        Self { process, ..self.clone() }
    }

    pub(super) fn be_down(&self, is_down: bool) {
        self.desk().is_down = is_down;
    }

    /// One of the questions under way reaches Clerk, which decides on the answer.
    pub(super) fn receive_one(&self, random: &mut Random) {
        let mut desk = self.desk();
        if desk.sent.is_empty() {
            return;
        }
        let index = random.index(desk.sent.len());
        let call = desk.sent.swap_remove(index);
        let mut truth = self.truth.lock().unwrap();
        let is_heard = call.question == Question::Revoke && !random.is_one_in(8);
        if is_heard {
            truth.ends_at_clerks(call.session);
        }
        // Something else may have answered in Clerk's name, or Clerk itself, and garbled.
        let is_odd = call.question == Question::Revoke && random.is_one_in(6);
        truth.fates[call.session].was_accepted |= is_odd;
        let fate = truth.fates[call.session];
        let is_over = fate.over_at.is_some();
        let answer = match call.question {
            Question::Revoke if is_odd => Err(client::Error::accepted_revocation()),
            Question::Revoke if !is_over => Err(client::Error::interrupted()),
            Question::Revoke if random.is_one_in(8) => Err(client::Error::no_such_session()),
            Question::Read if is_over && fate.is_gone => Err(client::Error::no_such_session()),
            _ => Ok(sessions()[usize::from(is_over)][call.session].clone()),
        };
        desk.received.push((call, answer));
    }

    /// One of the answers under way arrives, or is lost.
    pub(super) fn answer_one(&self, random: &mut Random) {
        let mut desk = self.desk();
        if desk.received.is_empty() {
            return;
        }
        let index = random.index(desk.received.len());
        let (Call { question, session, process, number, reply }, mut answer) =
            desk.received.swap_remove(index);
        if desk.is_down {
            answer = Err(client::Error::answered(StatusCode::SERVICE_UNAVAILABLE, b""));
        } else if random.is_one_in(8) {
            answer = Err(client::Error::interrupted());
        }
        let mut truth = self.truth.lock().unwrap();
        if question == Question::Read {
            let is_active = answer.as_ref().is_ok_and(|it| !it.status().is_final());
            truth.answers(process, session, number, is_active);
        }
        // Whoever asked may be gone.
        let _ = reply.send(answer);
    }

    pub(super) fn is_busy(&self) -> bool {
        let desk = self.desk();
        !desk.sent.is_empty() || !desk.received.is_empty()
    }

    fn ask(&self, question: Question, id: &SessionId) -> Asking<'static> {
        let session = session_of(id);
        let (reply, answer) = oneshot::channel();
        let number = self.truth.lock().unwrap().next_event();
        let process = self.process;
        self.desk().sent.push(Call { question, session, process, number, reply });
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(client::Error::interrupted())) })
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap()
    }
}

impl Upstream for Clerk {
    fn read<'a>(
        &'a self,
        id: &'a SessionId,
        _: Option<&'a str>,
        _: Urgency,
        sent: Box<dyn FnOnce() + Send + 'a>,
    ) -> Asking<'a> {
        sent();
        self.ask(Question::Read, id)
    }

    fn revoke<'a>(&'a self, id: &'a SessionId) -> Asking<'a> {
        self.ask(Question::Revoke, id)
    }
}

/// Each session, as it is when active and when it is over.
fn sessions() -> &'static [[Session; SESSIONS]; 2] {
    static SESSIONS_: OnceLock<[[Session; SESSIONS]; 2]> = OnceLock::new();
    SESSIONS_.get_or_init(|| {
        ["active", "ended"].map(|status| {
            std::array::from_fn(|session| {
                let far = (ISSUED + 365 * 24 * 60 * 60) * 1000;
                let session = json!({
                    "object": "session", "id": session_id(session), "user_id": "user_1",
                    "client_id": "client_1", "status": status, "last_active_at": 0,
                    "expire_at": far, "abandon_at": far, "updated_at": 0, "created_at": 0,
                });
                serde_json::from_value(session).unwrap()
            })
        })
    })
}
