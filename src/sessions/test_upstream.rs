//! Clerk in a test, which answers when and as it is told to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::sync::{Notify, Semaphore, oneshot};

use super::{Asking, Lifetimes, SessionCheck, Sessions, Settings, Upstream};
use crate::{
    Clock, Session, SessionId,
    client::{self, Urgency},
    sessions::test_sessions::noon,
};

pub(crate) const TIMEOUT: Duration = Duration::from_secs(3);

/// Those of a resolver, unless set.
pub(crate) const LIFETIMES: Lifetimes = Lifetimes {
    ttl: Duration::from_secs(60),
    session_ttl: Duration::from_secs(600),
    negative_ttl: Duration::from_secs(5),
    stale_if_error: Duration::ZERO,
    clock_skew: Duration::from_secs(5),
};

/// Calls arrive here. It answers none by itself.
#[derive(Debug, Clone)]
pub(crate) struct TestUpstream(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    calls: Mutex<VecDeque<Call>>,
    arrived: Notify,
    /// Whose turn it is may ask.
    turns: Semaphore,
}

#[derive(Debug)]
pub(crate) struct Call {
    /// None for a revocation.
    pub(crate) urgency: Option<Urgency>,
    reply: oneshot::Sender<Result<Session, client::Error>>,
}

impl Call {
    pub(crate) fn answer(self, answer: Result<Session, client::Error>) {
        // Whoever asked may be gone.
        let _ = self.reply.send(answer);
    }

    pub(crate) fn is_given_up(&self) -> bool {
        self.reply.is_closed()
    }
}

impl TestUpstream {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            calls: Mutex::default(),
            arrived: Notify::new(),
            turns: Semaphore::new(1000),
        }))
    }

    /// From now on nobody gets a turn.
    pub(crate) fn without_turns(self) -> Self {
        self.0.turns.forget_permits(1000);
        self
    }

    pub(crate) fn give_turns(&self, turns: usize) {
        self.0.turns.add_permits(turns);
    }

    /// The next call that is not answered yet.
    pub(crate) async fn call(&self) -> Call {
        loop {
            let arrived = self.0.arrived.notified();
            if let Some(call) = self.calls().pop_front() {
                return call;
            }
            arrived.await;
        }
    }

    /// Whoever can do something does it, and then it is seen whether somebody calls.
    pub(crate) async fn is_called(&self) -> bool {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        !self.calls().is_empty()
    }

    fn calls(&self) -> MutexGuard<'_, VecDeque<Call>> {
        self.0.calls.lock().unwrap()
    }

    async fn ask(&self, urgency: Option<Urgency>) -> Result<Session, client::Error> {
        let (reply, answer) = oneshot::channel();
        self.calls().push_back(Call { urgency, reply });
        self.0.arrived.notify_one();
        answer.await.unwrap_or_else(|_| Err(client::Error::interrupted()))
    }
}

impl Upstream for TestUpstream {
    fn read<'a>(
        &'a self,
        _: &'a SessionId,
        _: Option<&'a str>,
        urgency: Urgency,
        sent: Box<dyn FnOnce() + Send + 'a>,
    ) -> Asking<'a> {
        Box::pin(async move {
            self.0.turns.acquire().await.unwrap().forget();
            sent();
            self.ask(Some(urgency)).await
        })
    }

    fn revoke<'a>(&'a self, _: &'a SessionId) -> Asking<'a> {
        Box::pin(self.ask(None))
    }
}

/// What is known of sessions where Clerk is this, and nobody is admitted unseen.
pub(crate) fn sessions(check: SessionCheck, clerk: &TestUpstream) -> (Arc<Sessions>, Clock) {
    let clock = Clock::fixed(noon());
    let settings = Settings {
        check,
        clock: clock.clone(),
        lifetimes: LIFETIMES,
        capacity: 1,
        timeout: TIMEOUT,
        admits_unseen: false,
    };
    (Arc::new(Sessions::new(Box::new(clerk.clone()), settings)), clock)
}
