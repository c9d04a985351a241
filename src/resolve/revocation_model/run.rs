//! One interleaving.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    task::{JoinHandle, yield_now},
    time::{advance, sleep},
};

use super::{
    Random, STEPS, Seen,
    clerk::Clerk,
    log::Log,
    oracle::Truth,
    plan::{Mood, Plan},
    tokens::{Token, session_id},
};
use crate::{
    Clock, Credential, Policy, SessionResolver, SessionStatus,
    sessions::SessionCheck,
    token::test_signer::{ISSUED, at},
};

pub(super) struct Run {
    plan: Plan,
    random: Random,
    clerk: Clerk,
    log: Log,
    clock: Clock,
    fleet: Vec<SessionResolver>,
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
        let log = Log::new(Arc::clone(&truth));
        clock.advance(begin);
        let fleet = (0..plan.processes)
            .map(|process| plan.resolver(clerk.of(process), log.of(process), &clock))
            .collect();
        let mut run = Self {
            plan,
            random: Random::new(plan.seed),
            clerk,
            log,
            clock,
            fleet,
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
            Mood::Busy if self.fleet.len() > 1 => self.random.below(60),
            Mood::Busy => self.random.below(40),
            // All but what is done here.
            Mood::Quiet => self.random.pick(&[0, 0, 0, 0, 0, 13, 18, 18, 18, 22, 22, 25, 26, 33]),
        };
        match what {
            0..11 => self.resolve(),
            11..13 => self.revoke(),
            13 => self.end_elsewhere(),
            14 => self.end_here(),
            15 => self.forget(),
            16 => self.leave(),
            17 => self.fleet.iter().for_each(|resolver| resolver.inner.sessions.evict()),
            18..22 => self.pass_time().await,
            22..25 => self.issue_token(),
            25 => {
                let is_down = self.random.is_one_in(2);
                self.clerk.be_down(is_down);
            }
            26..33 => self.clerk.receive_one(&mut self.random),
            33..40 => self.clerk.answer_one(&mut self.random),
            40..47 => self.log.take_one(&mut self.random),
            47 if self.random.is_one_in(3) => self.log.lose(),
            48..50 => self.forget(),
            _ => {
                let process = self.any_process();
                self.log.deliver_one(process, &mut self.random);
            }
        }
    }

    /// A request comes in, and its verdict is judged.
    fn resolve(&mut self) {
        let (process, token) = (self.any_process(), self.any_token());
        let max_age = (self.plan.check != SessionCheck::Networkless && self.random.is_one_in(6))
            .then(|| Duration::from_secs(self.random.below(10)));
        let policy = max_age.map_or_else(Policy::new, |max_age| Policy::new().max_age(max_age));
        let (resolver, truth) = (self.fleet[process].clone(), Arc::clone(&self.truth));
        let plan = self.plan;
        let clock = self.clock.clone();
        self.resolutions.push(tokio::spawn(async move {
            token.be_known_to(&resolver, clock.now());
            let request = truth.lock().unwrap().request(process, token, max_age);
            let bytes = token.bytes();
            let credential = Credential::session_token(bytes.as_bytes());
            let verdict = resolver.resolve(credential, &policy).await;
            truth.lock().unwrap().judge(&plan, &request, &verdict);
        }));
    }

    fn revoke(&mut self) {
        let (process, session) = (self.any_process(), self.any_session());
        let (resolver, truth) = (self.fleet[process].clone(), Arc::clone(&self.truth));
        self.revocations.push(tokio::spawn(async move {
            let answer = resolver.revoke(&session_id(session)).await;
            let mut truth = truth.lock().unwrap();
            match answer {
                Err(error) if error.was_accepted() => truth.seen.accepted_oddly += 1,
                Err(error) if !error.is_not_found() => return,
                _ => truth.seen.revoked += 1,
            }
            truth.told[process][session].is_over = true;
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
        let (process, session) = (self.any_process(), self.any_session());
        if self.truth().fates[session].over_at.is_some() {
            drop(self.fleet[process].end(&session_id(session), SessionStatus::Ended));
            let mut truth = self.truth();
            truth.told[process][session].is_over = true;
            truth.seen.ended_here += 1;
        }
    }

    /// What is known counts no longer: here, or everywhere.
    fn forget(&mut self) {
        let (process, session) = (self.any_process(), self.any_session());
        if self.random.is_one_in(2) {
            self.fleet[process].invalidate(&session_id(session));
        } else {
            drop(self.fleet[process].end(&session_id(session), SessionStatus::Active));
        }
        self.truth().forgets(process, session);
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

    /// Everything under way ends, and then every session is asked for once more.
    async fn finish(&mut self) {
        self.clerk.be_down(false);
        self.settle().await;
        self.catch_up().await;
        self.fleet.iter().for_each(|resolver| resolver.inner.sessions.evict());
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
            self.clerk.answer_one(&mut self.random);
        }
        while self.clerk.is_busy() {
            yield_now().await;
            self.clerk.receive_one(&mut self.random);
            self.clerk.answer_one(&mut self.random);
        }
        for _ in 0..5 {
            yield_now().await;
        }
    }

    /// The log has recovered, and everybody learns what there is.
    async fn catch_up(&mut self) {
        if self.fleet.len() == 1 {
            return;
        }
        // By the last round whoever had backed off has tried again, and whatever was lost was appended again.
        for _ in 0..200 {
            self.log.catch_up();
            sleep(Duration::from_millis(100)).await;
            if self.truth().all_know(&self.plan) {
                return;
            }
        }
        panic!("not all know: {:?}, {:?}", self.truth(), self.plan);
    }

    fn any_process(&mut self) -> usize {
        self.random.index(self.fleet.len())
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
