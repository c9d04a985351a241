//! Revoke wins, checked against a model: a seeded scheduler drives the real resolver through tens of
//! thousands of interleavings of requests, answers, revocations, invalidations, evictions, callers that leave
//! and time that passes. It decides when a question reaches Clerk and when the answer comes back.
//!
//! `REVOCATION_RUNS` sets how many runs there are for each way of checking.

use std::{
    env,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use serde_json::json;
use tokio::{
    sync::oneshot,
    task::{JoinHandle, yield_now},
};

use super::{Policy, SessionResolver};
use crate::{
    Clock, Credential, Session, SessionId, SessionsClient,
    client::{self, Urgency},
    sessions::{Asking, SessionCheck, Upstream},
    token::test_signer::{ISSUED, TestSigner, at, session_claims_with},
};

const SESSIONS: usize = 6;
const TOKENS: usize = 2;
const STEPS: usize = 100;

#[test]
fn no_resolution_admits_after_revoke_has_returned() {
    let runs = env::var("REVOCATION_RUNS").map_or(4_000, |runs| runs.parse().unwrap());
    let mut seen = Seen::default();
    for check in [SessionCheck::Get, SessionCheck::Verify, SessionCheck::Networkless] {
        for seed in 0..runs {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            let run = runtime.block_on(Run::new(check, seed).play());
            seen.add(&run);
        }
    }
    // What the runs were to be about did happen, again and again.
    let Seen { revoked, admitted, refused, left, late_fills } = seen;
    let enough = [revoked, admitted, refused, left, late_fills].iter().all(|&n| n > runs / 2);
    assert!(enough, "{seen:?}");
}

/// How often things happened that the model is about.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    revoked: u64,
    admitted: u64,
    refused: u64,
    left: u64,
    /// Fills that were answered after the session they were about had been revoked.
    late_fills: u64,
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.revoked += other.revoked;
        self.admitted += other.admitted;
        self.refused += other.refused;
        self.left += other.left;
        self.late_fills += other.late_fills;
    }
}

/// One interleaving.
struct Run {
    random: Random,
    clerk: Clerk,
    clock: Clock,
    resolver: SessionResolver,
    /// For each session, whether `revoke` has returned and said that it is over.
    revoked: Arc<Mutex<[bool; SESSIONS]>>,
    resolutions: Vec<JoinHandle<()>>,
    revocations: Vec<JoinHandle<()>>,
    seen: Arc<Mutex<Seen>>,
    name: String,
}

impl Run {
    fn new(check: SessionCheck, seed: u64) -> Self {
        let clerk = Clerk::default();
        let clock = Clock::fixed(at(ISSUED));
        let mut random = Random::new(seed);
        let stale = match check {
            SessionCheck::Networkless => Duration::ZERO,
            _ => Duration::from_secs(random.below(2) * 60),
        };
        let resolver = SessionResolver::builder(unused_client())
            .check(check)
            .jwk_set(TestSigner::ours().jwk_set())
            .clock(clock.clone())
            .capacity(1 + random.below(2))
            .ttl(Duration::from_secs(random.below(3) * 15))
            .stale_if_error(stale)
            .build_upon(Box::new(clerk.clone()))
            .unwrap();
        Self {
            random,
            clerk,
            clock,
            resolver,
            revoked: Arc::default(),
            resolutions: Vec::new(),
            revocations: Vec::new(),
            seen: Arc::default(),
            name: format!("{check:?}, seed {seed}"),
        }
    }

    async fn play(mut self) -> Seen {
        for _ in 0..STEPS {
            self.step();
            for _ in 0..self.random.below(4) {
                yield_now().await;
            }
        }
        self.finish().await;
        *self.seen.lock().unwrap()
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..7 => self.resolve(),
            7..9 => self.revoke(),
            9 => {
                let session = self.any_session();
                self.resolver.invalidate(&session_id(session));
            }
            10 => self.leave(),
            11 => self.resolver.inner.evict(),
            12 => self.clock.advance(Duration::from_secs(self.random.below(20))),
            13..17 => self.clerk.receive_one(&mut self.random),
            _ => self.answer_one(),
        }
    }

    /// A request comes in. It must not be admitted if `revoke` had returned when its verdict fell.
    fn resolve(&mut self) {
        let session = self.any_session();
        let token = &tokens()[session][self.random.index(TOKENS)];
        let policy = match self.random.below(4) {
            0 => Policy::new().max_age(Duration::from_secs(self.random.below(10))),
            _ => Policy::new(),
        };
        let (resolver, revoked) = (self.resolver.clone(), Arc::clone(&self.revoked));
        let (seen, name) = (Arc::clone(&self.seen), self.name.clone());
        self.resolutions.push(tokio::spawn(async move {
            let credential = Credential::session_token(token.as_bytes());
            let admitted = resolver.resolve(credential, &policy).await.is_ok();
            let revoked = revoked.lock().unwrap()[session];
            assert!(!(admitted && revoked), "admitted after revoke had returned: {name}");
            let mut seen = seen.lock().unwrap();
            if admitted { seen.admitted += 1 } else { seen.refused += u64::from(revoked) }
        }));
    }

    fn revoke(&mut self) {
        let session = self.any_session();
        let (resolver, revoked) = (self.resolver.clone(), Arc::clone(&self.revoked));
        let seen = Arc::clone(&self.seen);
        self.revocations.push(tokio::spawn(async move {
            let answer = resolver.revoke(&session_id(session)).await;
            if answer.map_or_else(|error| error.is_not_found(), |_| true) {
                revoked.lock().unwrap()[session] = true;
                seen.lock().unwrap().revoked += 1;
            }
        }));
    }

    /// A caller goes away, wherever it happens to be waiting.
    fn leave(&mut self) {
        let callers = match self.random.below(4) {
            0 => &mut self.revocations,
            _ => &mut self.resolutions,
        };
        if !callers.is_empty() {
            let caller = callers.swap_remove(self.random.index(callers.len()));
            if !caller.is_finished() {
                caller.abort();
                self.seen.lock().unwrap().left += 1;
            }
        }
    }

    fn answer_one(&mut self) {
        if let Some((question, session)) = self.clerk.answer_one(&mut self.random)
            && question == Question::Read
            && self.revoked.lock().unwrap()[session]
        {
            self.seen.lock().unwrap().late_fills += 1;
        }
    }

    /// Everything under way ends, and then every session is asked for once more.
    async fn finish(&mut self) {
        let run = self;
        run.settle().await;
        run.resolver.inner.evict();
        for session in 0..SESSIONS {
            for token in &tokens()[session] {
                if !run.revoked.lock().unwrap()[session] {
                    continue;
                }
                let resolver = run.resolver.clone();
                let last = tokio::spawn(async move {
                    let credential = Credential::session_token(token.as_bytes());
                    resolver.resolve(credential, &Policy::new()).await.is_ok()
                });
                run.settle().await;
                assert!(!last.await.unwrap(), "admitted in the end: {}", run.name);
            }
        }
        for task in run.resolutions.drain(..).chain(run.revocations.drain(..)) {
            match task.await {
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                _ => {}
            }
        }
    }

    async fn settle(&mut self) {
        for _ in 0..30 {
            yield_now().await;
            self.clerk.receive_one(&mut self.random);
            self.answer_one();
        }
        while self.clerk.is_busy() {
            yield_now().await;
            self.clerk.receive_one(&mut self.random);
            self.answer_one();
        }
        for _ in 0..5 {
            yield_now().await;
        }
    }

    fn any_session(&mut self) -> usize {
        self.random.index(SESSIONS)
    }
}

/// Clerk, as slow and as unreliable as the scheduler wants it.
#[derive(Debug, Clone, Default)]
struct Clerk(Arc<Mutex<Desk>>);

#[derive(Debug, Default)]
struct Desk {
    revoked: [bool; SESSIONS],
    /// On their way to Clerk.
    sent: Vec<Call>,
    /// Seen by Clerk, and the answer is on its way back.
    received: Vec<(Call, Result<Session, client::Error>)>,
}

#[derive(Debug)]
struct Call {
    question: Question,
    session: usize,
    reply: oneshot::Sender<Result<Session, client::Error>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Read,
    Revoke,
}

impl Clerk {
    fn ask(&self, question: Question, id: &SessionId) -> Asking<'static> {
        let session = (0..SESSIONS).find(|&n| session_id(n) == *id).unwrap();
        let (reply, answer) = oneshot::channel();
        self.0.lock().unwrap().sent.push(Call { question, session, reply });
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(client::Error::interrupted())) })
    }

    /// One of the questions under way reaches Clerk, which decides on the answer.
    fn receive_one(&self, random: &mut Random) {
        let mut desk = self.0.lock().unwrap();
        if desk.sent.is_empty() {
            return;
        }
        let call = {
            let index = random.index(desk.sent.len());
            desk.sent.swap_remove(index)
        };
        if call.question == Question::Revoke && random.below(8) > 0 {
            desk.revoked[call.session] = true;
        }
        let revoked = desk.revoked[call.session];
        let answer = match call.question {
            Question::Revoke if !revoked => Err(client::Error::interrupted()),
            Question::Revoke if random.below(8) == 0 => Err(client::Error::no_such_session()),
            _ => Ok(sessions()[usize::from(revoked)][call.session].clone()),
        };
        desk.received.push((call, answer));
    }

    /// One of the answers under way arrives, or is lost.
    fn answer_one(&self, random: &mut Random) -> Option<(Question, usize)> {
        let mut desk = self.0.lock().unwrap();
        if desk.received.is_empty() {
            return None;
        }
        let (call, answer) = {
            let index = random.index(desk.received.len());
            desk.received.swap_remove(index)
        };
        let answer = if random.below(8) == 0 { Err(client::Error::interrupted()) } else { answer };
        let _ = call.reply.send(answer);
        Some((call.question, call.session))
    }

    fn is_busy(&self) -> bool {
        let desk = self.0.lock().unwrap();
        !desk.sent.is_empty() || !desk.received.is_empty()
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

/// A xorshift generator: the same seed, the same run.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap()
    }
}

fn session_id(session: usize) -> SessionId {
    format!("sess_{session}").parse().unwrap()
}

/// Genuine tokens, good for a day.
fn tokens() -> &'static [[String; TOKENS]; SESSIONS] {
    static TOKENS_: OnceLock<[[String; TOKENS]; SESSIONS]> = OnceLock::new();
    TOKENS_.get_or_init(|| {
        std::array::from_fn(|session| {
            std::array::from_fn(|token| {
                TestSigner::ours().sign(&session_claims_with(json!({
                    "sid": session_id(session),
                    "sub": "user_1",
                    "jti": token.to_string(),
                    "exp": ISSUED + 24 * 60 * 60,
                })))
            })
        })
    })
}

/// Each session, as it is when active and when revoked.
fn sessions() -> &'static [[Session; SESSIONS]; 2] {
    static SESSIONS_: OnceLock<[[Session; SESSIONS]; 2]> = OnceLock::new();
    SESSIONS_.get_or_init(|| {
        ["active", "revoked"].map(|status| {
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

fn unused_client() -> SessionsClient {
    static CLIENT: OnceLock<SessionsClient> = OnceLock::new();
    let new = || SessionsClient::new("sk_test_unused".parse().unwrap()).unwrap();
    CLIENT.get_or_init(new).clone()
}
