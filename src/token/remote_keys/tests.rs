mod failing;
mod fetching;
mod refreshing;
mod replaced;
mod runtimes;
mod unknown_keys;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, Semaphore};

use super::*;
use crate::token::test_signer::{ISSUED, TestSigner, at};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn at_once(keys: &RemoteKeys, kid: &str) -> Option<Result<Arc<KeySet>, TokenError>> {
    keys.that_verify_now(Some(kid), keys.0.clock.now())
}

/// What Clerk answers next, and how often it was asked.
#[derive(Clone)]
struct Upstream(Arc<State>);

struct State {
    answer: Mutex<Answer>,
    asked: AtomicUsize,
    arrived: Notify,
    permits: Semaphore,
}

#[derive(Clone)]
enum Answer {
    Keys(Vec<&'static str>),
    Fail(FetchError),
    Panic,
    /// Keys, once a permit is there.
    Held(Vec<&'static str>),
    /// Another key of this name.
    Replaced(&'static str),
    HeldReplaced(&'static str),
}

impl Upstream {
    fn new(answer: Answer) -> Self {
        Self(Arc::new(State {
            answer: Mutex::new(answer),
            asked: AtomicUsize::new(0),
            arrived: Notify::new(),
            permits: Semaphore::new(0),
        }))
    }

    fn with_keys(kids: &[&'static str]) -> Self {
        Self::new(Answer::Keys(kids.to_vec()))
    }

    fn answers(&self, answer: Answer) {
        *self.0.answer.lock().unwrap() = answer;
    }

    fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    fn release(&self) {
        self.0.permits.add_permits(1);
    }

    fn keys(&self, clock: &Clock) -> RemoteKeys {
        let upstream = self.clone();
        let fetch = move || {
            let upstream = upstream.clone();
            async move { upstream.answer().await }
        };
        RemoteKeys::new(Box::new(fetch), clock.clone())
    }

    async fn answer(&self) -> Result<JwkSet, FetchError> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        self.0.arrived.notify_one();
        let answer = self.0.answer.lock().unwrap().clone();
        match answer {
            Answer::Keys(kids) => Ok(set(&kids)),
            Answer::Fail(error) => Err(error),
            Answer::Panic => panic!("the fetch panics, as the test asked"),
            Answer::Held(kids) => {
                self.0.permits.acquire().await.unwrap().forget();
                Ok(set(&kids))
            }
            Answer::Replaced(kid) => Ok(replaced(kid)),
            Answer::HeldReplaced(kid) => {
                self.0.permits.acquire().await.unwrap().forget();
                Ok(replaced(kid))
            }
        }
    }
}

fn set(kids: &[&'static str]) -> JwkSet {
    JwkSet { keys: kids.iter().map(|kid| TestSigner::ours().called(kid).jwk()).collect() }
}

fn replaced(kid: &'static str) -> JwkSet {
    TestSigner::foreign().called(kid).jwk_set()
}

fn failing() -> Answer {
    Answer::Fail(FetchError::new("down").retry_after(Some(7 * SECOND)))
}

fn clock() -> Clock {
    Clock::fixed(at(ISSUED))
}

async fn reason(keys: &RemoteKeys, kid: &str) -> &'static str {
    keys.that_verify(Some(kid)).await.unwrap_err().reason()
}

/// Lets tasks that are ready run until there is nothing left to do.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}
