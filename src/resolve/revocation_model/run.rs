//! One interleaving.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock},
    time::Duration,
};

use tokio::{
    task::{JoinHandle, yield_now},
    time::advance,
};

use super::{
    Random, SESSIONS, SKEW, STEPS, Seen,
    clerk::{Clerk, Question},
    oracle::Truth,
    tokens::{Kind, Token, session_id},
};
use crate::{
    Clock, Credential, Instance, Policy, SessionResolver, SessionStatus,
    sessions::SessionCheck,
    token::test_signer::{ISSUED, TestSigner, at},
};

/// How the resolver is set up in a run, and by how much Clerk's clock is ahead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) check: SessionCheck,
    seed: u64,
    pub(super) ttl: Duration,
    session_ttl: Duration,
    stale_if_error: Duration,
    answers_only: bool,
    pub(super) networkless_if_error: bool,
    /// In seconds.
    clerk_is_ahead: i64,
    capacity: u64,
    /// How many sessions anything happens to.
    sessions: usize,
    mood: Mood,
    /// What a token is that is not to be believed.
    dubious: Kind,
}

/// What happens in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// Everything.
    Busy,
    /// Nobody revokes or forgets anything here: time passes, and tokens are issued that are not to be believed.
    Quiet,
}

impl Plan {
    pub(super) fn draw(check: SessionCheck, seed: u64) -> Self {
        let random = &mut Random::new(seed);
        let asks = check != SessionCheck::Networkless;
        let answers_only = asks && random.is_one_in(8);
        Self {
            check,
            seed,
            ttl: Duration::from_secs(random.pick(&[0, 8, 8, 16])),
            session_ttl: Duration::from_secs(random.pick(&[1, 20, 40, 100])),
            stale_if_error: Duration::from_secs(if asks { random.pick(&[0, 0, 20]) } else { 0 }),
            answers_only,
            networkless_if_error: asks && !answers_only && random.is_one_in(2),
            clerk_is_ahead: random.pick(&[-5, 0, 5]),
            capacity: random.pick(&[1, 2, 100]),
            sessions: random.pick(&[1, 2, SESSIONS, SESSIONS]),
            mood: random.pick(&[Mood::Busy, Mood::Quiet]),
            dubious: random.pick(&[Kind::Untold, Kind::Template, Kind::Foreign]),
        }
    }

    /// For how long after its end elsewhere a session may be admitted.
    pub(super) fn bound(&self, max_age: Option<Duration>, is_stale: bool) -> Duration {
        let is_by_answers = self.answers_only || self.ttl.is_zero() && !is_stale;
        let skew = if is_by_answers { Duration::ZERO } else { SKEW };
        let bound = self.ttl + skew + if is_stale { self.stale_if_error } else { Duration::ZERO };
        max_age.map_or(bound, |max_age| max_age.min(bound))
    }

    fn resolver(&self, clerk: &Clerk, clock: &Clock) -> SessionResolver {
        let mut builder = SessionResolver::builder(instance())
            .check(self.check)
            .clock(clock.clone())
            .clock_skew(SKEW)
            .capacity(self.capacity)
            .ttl(self.ttl)
            .session_ttl(self.session_ttl)
            .stale_if_error(self.stale_if_error);
        if self.answers_only {
            builder = builder.evidence_from_answers_only();
        }
        if self.networkless_if_error {
            builder = builder.networkless_if_error();
        }
        builder.build_upon(None, Box::new(clerk.clone())).unwrap()
    }
}

pub(super) struct Run {
    plan: Plan,
    random: Random,
    clerk: Clerk,
    clock: Clock,
    resolver: SessionResolver,
    truth: Arc<Mutex<Truth>>,
    tokens: Vec<Token>,
    resolutions: Vec<JoinHandle<()>>,
    revocations: Vec<JoinHandle<()>>,
}

impl Run {
    pub(super) fn new(plan: Plan) -> Self {
        let truth = Arc::<Mutex<Truth>>::default();
        // So that Clerk has a time to be ahead of.
        let begin = Duration::from_secs(10);
        truth.lock().unwrap().elapsed = begin;
        let (clerk, clock) = (Clerk::new(Arc::clone(&truth)), Clock::fixed(at(ISSUED)));
        clock.advance(begin);
        let resolver = plan.resolver(&clerk, &clock);
        let mut run = Self {
            plan,
            random: Random::new(plan.seed),
            clerk,
            clock,
            resolver,
            truth,
            tokens: Vec::new(),
            resolutions: Vec::new(),
            revocations: Vec::new(),
        };
        let now = run.clerks_time();
        run.tokens.extend((0..plan.sessions).map(|session| Token::of_origin(session, now)));
        run
    }

    pub(super) async fn play(mut self) -> Seen {
        for _ in 0..STEPS {
            self.step().await;
            for _ in 0..self.random.below(4) {
                yield_now().await;
            }
        }
        self.finish().await;
        self.truth().seen
    }

    async fn step(&mut self) {
        let what = match self.plan.mood {
            Mood::Busy => self.random.below(40),
            // All but what is done here.
            Mood::Quiet => self.random.pick(&[0, 0, 0, 0, 0, 13, 18, 18, 18, 22, 22, 25, 26, 33]),
        };
        match what {
            0..11 => self.resolve(),
            11..13 => self.revoke(),
            13 => self.end_elsewhere(),
            14 => self.end_here(),
            15 => {
                let session = self.any_session();
                self.resolver.invalidate(&session_id(session));
                self.truth().forgets(session);
            }
            16 => self.leave(),
            17 => self.resolver.inner.evict(),
            18..22 => self.pass_time().await,
            22..25 => self.issue_token(),
            25 => {
                let is_down = self.random.is_one_in(2);
                self.clerk.be_down(is_down);
            }
            26..33 => self.clerk.receive_one(&mut self.random),
            _ => self.answer_one(),
        }
    }

    /// A request comes in, and its verdict is judged.
    fn resolve(&mut self) {
        let token = self.any_token();
        let max_age = (self.plan.check != SessionCheck::Networkless && self.random.is_one_in(6))
            .then(|| Duration::from_secs(self.random.below(10)));
        let policy = max_age.map_or_else(Policy::new, |max_age| Policy::new().max_age(max_age));
        let (resolver, truth, plan) = (self.resolver.clone(), Arc::clone(&self.truth), self.plan);
        let clock = self.clock.clone();
        self.resolutions.push(tokio::spawn(async move {
            token.be_known_to(&resolver, clock.now());
            let request = truth.lock().unwrap().request(token, max_age);
            let bytes = token.bytes();
            let credential = Credential::session_token(bytes.as_bytes());
            let verdict = resolver.resolve(credential, &policy).await;
            truth.lock().unwrap().judge(&plan, &request, &verdict);
        }));
    }

    fn revoke(&mut self) {
        let session = self.any_session();
        let (resolver, truth) = (self.resolver.clone(), Arc::clone(&self.truth));
        self.revocations.push(tokio::spawn(async move {
            let answer = resolver.revoke(&session_id(session)).await;
            let mut truth = truth.lock().unwrap();
            match answer {
                Err(error) if error.was_accepted() => truth.seen.accepted_oddly += 1,
                Err(error) if !error.is_not_found() => return,
                _ => truth.seen.revoked += 1,
            }
            truth.fates[session].is_over_here = true;
        }));
    }

    fn end_elsewhere(&mut self) {
        // Not so soon that nothing was known before.
        if self.plan.mood == Mood::Quiet && !self.random.is_one_in(3) {
            return;
        }
        let (session, is_gone) = (self.any_session(), self.random.is_one_in(3));
        let mut truth = self.truth();
        truth.seen.ended_elsewhere += 1;
        if truth.fates[session].over_at.is_none() {
            truth.fates[session].is_gone = is_gone;
            truth.ends_at_clerks(session);
        }
    }

    /// It ended elsewhere, and we hear of it.
    fn end_here(&mut self) {
        let session = self.any_session();
        if self.truth().fates[session].over_at.is_some() {
            drop(self.resolver.end(&session_id(session), SessionStatus::Ended));
            let mut truth = self.truth();
            truth.fates[session].is_over_here = true;
            truth.seen.ended_here += 1;
        }
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
                self.truth().seen.left += 1;
            }
        }
    }

    async fn pass_time(&mut self) {
        let by = Duration::from_millis(self.random.pick(&[100, 300, 1000, 1000, 2000, 5000, 9000]));
        if !self.plan.networkless_if_error && self.random.is_one_in(12) {
            self.set_clock_back();
        }
        self.truth().elapsed += by;
        self.clock.advance(by);
        advance(by).await;
    }

    /// Once at most. Tokens are issued in its future then.
    fn set_clock_back(&mut self) {
        let by = Duration::from_secs(self.random.pick(&[4, 6, 8, 12, 30]));
        let mut truth = self.truth();
        if truth.set_back.is_none() && truth.elapsed > by {
            truth.set_back = Some(by);
            self.clock.set_back(by);
        }
    }

    fn issue_token(&mut self) {
        let (session, now) = (self.any_session(), self.clerks_time());
        let is_over = self.truth().fates[session].over_at.is_some();
        let token = match self.random.below(8) {
            0..3 if !is_over => Token::of_origin(session, now),
            3..6 if !self.plan.networkless_if_error => {
                Token::dubious(session, now, self.plan.dubious)
            }
            _ => self.any_token().renewed(now),
        };
        self.tokens.push(token);
    }

    fn answer_one(&mut self) {
        if let Some((question, session)) = self.clerk.answer_one(&mut self.random)
            && question == Question::Read
            && self.truth().fates[session].is_over_here
        {
            self.truth().seen.late_fills += 1;
        }
    }

    /// Everything under way ends, and then every session is asked for once more.
    async fn finish(&mut self) {
        self.clerk.be_down(false);
        self.settle().await;
        self.resolver.inner.evict();
        for token in std::mem::take(&mut self.tokens) {
            if self.random.is_one_in(2) {
                self.tokens = vec![token];
                self.resolve();
            }
        }
        self.settle().await;
        for task in self.resolutions.drain(..).chain(self.revocations.drain(..)) {
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
        self.random.index(self.plan.sessions)
    }

    /// Mostly one of the last: front ends throw the others away.
    fn any_token(&mut self) -> Token {
        let len = self.tokens.len();
        let first = if self.random.is_one_in(3) { 0 } else { len.saturating_sub(6) };
        self.tokens[first + self.random.index(len - first)]
    }

    /// In seconds since the start.
    fn clerks_time(&self) -> u64 {
        self.truth().elapsed.as_secs().checked_add_signed(self.plan.clerk_is_ahead).unwrap()
    }

    fn truth(&self) -> MutexGuard<'_, Truth> {
        self.truth.lock().unwrap()
    }
}

fn instance() -> &'static Instance {
    static INSTANCE: OnceLock<Instance> = OnceLock::new();
    let new = || Instance::builder().jwk_set(TestSigner::ours().jwk_set()).build().unwrap();
    INSTANCE.get_or_init(new)
}
