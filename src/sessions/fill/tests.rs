//! Waiting for Clerk, and for how long.

use std::future::Future;

use http::StatusCode;
use tokio::{runtime, task::JoinHandle};

use super::*;
use crate::sessions::{
    Asking, Settings, Upstream,
    test_sessions::{noon, session},
    test_upstream::{LIFETIMES, TIMEOUT, TestUpstream, sessions},
};

const SHORT: Duration = Duration::from_millis(250);

type Asked = Result<Arc<CacheEntry>, LookupError>;

struct World {
    clerk: TestUpstream,
    sessions: Arc<Sessions>,
    clock: crate::Clock,
}

impl World {
    fn new() -> Self {
        Self::with(TestUpstream::new())
    }

    fn with(clerk: TestUpstream) -> Self {
        let (sessions, clock) = sessions(SessionCheck::Get, &clerk);
        Self { clerk, sessions, clock }
    }

    fn slot(&self, id: &str) -> Arc<Slot> {
        self.sessions.slot(&id.parse().unwrap())
    }

    fn wanted(&self, slot: &Slot, lifetime: Duration) -> Wanted {
        Wanted {
            asked_at: self.clock.unix_time(),
            lifetime,
            epoch: slot.epoch(),
            learned: slot.learned(),
            for_token_of: None,
        }
    }

    /// Somebody asks, and takes an answer of a minute ago.
    fn ask(&self, patience: Patience) -> impl Future<Output = Asked> + Send + 'static {
        self.ask_about("sess_1", patience)
    }

    fn ask_about(
        &self,
        id: &str,
        patience: Patience,
    ) -> impl Future<Output = Asked> + Send + 'static {
        let (sessions, slot) = (Arc::clone(&self.sessions), self.slot(id));
        let wanted = self.wanted(&slot, Duration::from_secs(60));
        async move { sessions.ask(&slot, None, &wanted, patience, Instant::now()).await }
    }

    /// The same, by somebody who waits while other things happen.
    async fn asking(&self, patience: Patience) -> JoinHandle<Asked> {
        let asking = tokio::spawn(self.ask(patience));
        self.clerk.is_called().await;
        asking
    }
}

fn answered(status: u16, code: &str) -> client::Error {
    let body = format!(r#"{{"errors":[{{"code":"{code}"}}]}}"#);
    client::Error::answered(StatusCode::from_u16(status).unwrap(), body.as_bytes())
}

fn failure(asked: Asked) -> &'static str {
    match asked.unwrap_err() {
        LookupError::Failed(_) => "failed",
        LookupError::KeyRefused(_) => "key refused",
        LookupError::Impatient => "impatient",
        LookupError::Interrupted => "interrupted",
    }
}

fn runtime() -> runtime::Runtime {
    runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn however_many_ask_clerk_is_asked_once() {
    let world = World::new();
    let asking: Vec<_> = (0..100).map(|_| tokio::spawn(world.ask(Patience::Whole))).collect();
    world.clerk.call().await.answer(Ok(session("active")));
    for asked in asking {
        asked.await.unwrap().unwrap();
    }
    assert!(!world.clerk.is_called().await);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_never_ends_is_taken_over_and_no_wait_is_longer_than_two_time_outs() {
    let world = World::new();
    let begun = Instant::now();
    let asking = world.asking(Patience::Whole).await;
    let _hangs = world.clerk.call().await;
    let second = world.clerk.call().await;
    assert_eq!(begun.elapsed(), TIMEOUT + TIMEOUT / 8);
    second.answer(Ok(session("active")));
    asking.await.unwrap().unwrap();

    let world = World::new();
    let begun = Instant::now();
    let asking = world.asking(Patience::Whole).await;
    let _hang = [world.clerk.call().await, world.clerk.call().await];
    assert_eq!(failure(asking.await.unwrap()), "interrupted");
    assert_eq!(begun.elapsed(), 2 * TIMEOUT);
}

#[test]
fn a_question_whose_runtime_was_dropped_is_asked_again_at_once() {
    let world = World::new();
    let gone = runtime();
    gone.block_on(async {
        drop(world.asking(Patience::Whole).await);
        assert!(!world.clerk.call().await.is_given_up());
    });
    runtime().block_on(async {
        let asking = world.asking(Patience::Whole).await;
        gone.shutdown_background();
        world.clerk.call().await.answer(Ok(session("active")));
        asking.await.unwrap().unwrap();
    });
}

#[test]
fn outside_of_a_runtime_it_is_an_error_and_no_panic() {
    let world = World::new();
    let outside = || {
        let mut asked = std::pin::pin!(world.ask(Patience::Whole));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        match asked.as_mut().poll(&mut cx) {
            std::task::Poll::Ready(asked) => failure(asked),
            std::task::Poll::Pending => "waits",
        }
    };
    assert_eq!(outside(), "failed");
    let elsewhere = runtime();
    let asking = elsewhere.block_on(world.asking(Patience::Whole));
    assert_eq!(outside(), "failed", "where a question is under way elsewhere");
    let slot = world.slot("sess_1");
    world.sessions.renew(&slot, None);
    world.sessions.probe(&slot, None, &world.wanted(&slot, Duration::ZERO));
    elsewhere.block_on(async {
        world.clerk.call().await.answer(Ok(session("active")));
        asking.await.unwrap().unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn whoever_has_something_else_waits_a_short_time_for_a_turn_and_then_for_the_answer() {
    let world = World::with(TestUpstream::new().without_turns());
    let begun = Instant::now();
    assert_eq!(failure(world.ask(Patience::UntilSent(SHORT)).await), "impatient");
    assert_eq!(begun.elapsed(), SHORT);

    let asking = world.asking(Patience::UntilSent(SHORT)).await;
    world.clerk.give_turns(1);
    let call = world.clerk.call().await;
    tokio::time::sleep(2 * SHORT).await;
    call.answer(Ok(session("active")));
    asking.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn whose_evidence_serves_waits_a_short_time_in_all() {
    let world = World::new();
    let begun = Instant::now();
    assert_eq!(failure(world.ask(Patience::InAll(SHORT)).await), "impatient");
    assert_eq!(begun.elapsed(), SHORT);
    // The question goes on.
    world.clerk.call().await.answer(Ok(session("active")));
    assert!(!world.clerk.is_called().await);
    assert!(world.slot("sess_1").entry().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_failed_is_no_answer_to_those_who_wait() {
    let world = World::new();
    let slot = world.slot("sess_1");
    world.sessions.renew(&slot, None);
    let ahead = world.clerk.call().await;
    assert_eq!(ahead.urgency, Some(Urgency::Ahead));
    let asking = world.asking(Patience::Whole).await;
    ahead.answer(Err(answered(503, "down")));
    let call = world.clerk.call().await;
    assert_eq!(call.urgency, Some(Urgency::Waiting));
    call.answer(Ok(session("active")));
    asking.await.unwrap().unwrap();
    assert!(!slot.failed_just_now(world.clock.unix_time()));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_is_tried_once_a_second_and_says_nothing_of_clerk_where_it_was_not_sent() {
    let world = World::with(TestUpstream::new().without_turns());
    let slot = world.slot("sess_1");
    for _ in 0..10 {
        world.sessions.renew(&slot, None);
    }
    assert!(!world.clerk.is_called().await);
    world.clerk.give_turns(10);
    world.clerk.call().await.answer(Ok(session("active")));
    world.sessions.renew(&slot, None);
    assert!(!world.clerk.is_called().await);
    world.clock.advance(Duration::from_secs(1));
    world.sessions.renew(&slot, None);
    assert!(world.clerk.is_called().await);
}

#[tokio::test(start_paused = true)]
async fn once_clerk_is_known_to_be_unavailable_one_at_a_time_finds_out_whether_it_is_back() {
    let world = World::new();
    for id in ["sess_1", "sess_2"] {
        assert!(!world.sessions.is_unavailable());
        let asking = tokio::spawn(world.ask_about(id, Patience::Whole));
        world.clerk.call().await.answer(Err(answered(500, "internal")));
        assert_eq!(failure(asking.await.unwrap()), "failed");
    }
    assert!(world.sessions.is_unavailable());
    let probe = |id: &str| {
        let slot = world.slot(id);
        world.sessions.probe(&slot, None, &world.wanted(&slot, Duration::ZERO));
        world.sessions.renew(&slot, None);
    };
    let probe_all = || (1..100).for_each(|n| probe(&format!("sess_{n}")));
    probe_all();
    assert!(!world.clerk.is_called().await, "it has only just failed");
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(1)).await;
        probe_all();
        let probe = world.clerk.call().await;
        probe_all();
        assert!(!world.clerk.is_called().await, "one is under way");
        probe.answer(Err(client::Error::answered(StatusCode::BAD_GATEWAY, b"")));
        probe_all();
        assert!(!world.clerk.is_called().await, "it has only just failed");
        assert!(world.sessions.is_unavailable());
    }
    // A renewal finds it out as well as anybody.
    tokio::time::advance(Duration::from_secs(1)).await;
    world.clock.advance(Duration::from_secs(1));
    world.sessions.renew(&world.slot("sess_7"), None);
    world.clerk.call().await.answer(Err(client::Error::no_such_session()));
    assert!(!world.clerk.is_called().await);
    assert!(!world.sessions.is_unavailable());
}

#[tokio::test(start_paused = true)]
async fn where_our_key_is_refused_nobody_asks_for_ten_seconds() {
    let world = World::new();
    let asking = world.asking(Patience::Whole).await;
    world.clerk.call().await.answer(Err(answered(401, "clerk_key_invalid")));
    assert_eq!(failure(asking.await.unwrap()), "key refused");
    assert_eq!(failure(world.ask_about("sess_2", Patience::Whole).await), "key refused");
    world.clock.advance(Duration::from_secs(10));
    let asking = world.asking(Patience::Whole).await;
    world.clerk.call().await.answer(Ok(session("active")));
    asking.await.unwrap().unwrap();
    assert!(!world.sessions.refuses_key());
}

#[tokio::test(start_paused = true)]
async fn what_is_forbidden_of_a_second_session_is_told_as_what_it_is() {
    let world = World::new();
    for (id, told) in [("sess_1", "failed"), ("sess_2", "key refused")] {
        let asking = tokio::spawn(world.ask_about(id, Patience::Whole));
        world.clerk.call().await.answer(Err(answered(403, "authorization_invalid")));
        assert_eq!(failure(asking.await.unwrap()), told);
    }
}

/// Nothing is asked of it: the quota is used up.
#[derive(Debug)]
struct Unasked;

impl Upstream for Unasked {
    fn read<'a>(
        &'a self,
        _: &'a SessionId,
        _: Option<&'a str>,
        _: Urgency,
        _: Box<dyn FnOnce() + Send + 'a>,
    ) -> Asking<'a> {
        Box::pin(async { Err(client::Error::interrupted()) })
    }

    fn revoke<'a>(&'a self, _: &'a SessionId) -> Asking<'a> {
        Box::pin(async { Err(client::Error::interrupted()) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_was_not_worth_its_turn_is_no_failure_of_clerks() {
    let settings = Settings {
        check: SessionCheck::Get,
        clock: crate::Clock::fixed(noon()),
        lifetimes: LIFETIMES,
        capacity: 1,
        timeout: TIMEOUT,
        admits_unseen: false,
    };
    let sessions = Arc::new(Sessions::new(Box::new(Unasked), settings));
    let slot = sessions.slot(&"sess_1".parse().unwrap());
    sessions.renew(&slot, None);
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert!(slot.begin_ahead(sessions.term()).is_some(), "it has ended");
    assert!(sessions.report().unwrap().last_error.is_none());
}

#[tokio::test(start_paused = true)]
async fn whoever_came_before_the_end_does_not_hear_of_the_time_before() {
    let world = World::new();
    let asking = world.asking(Patience::Whole).await;
    let call = world.clerk.call().await;
    drop(world.sessions.end(&"sess_1".parse().unwrap(), crate::SessionStatus::Ended));
    call.answer(Ok(session("active")));
    assert!(asking.await.unwrap().unwrap().is_final());
}

/// Polls it so often, whoever else can do something does it in between, and lets go of it.
async fn let_go_after(polls: usize, future: impl Future) {
    let mut future = tokio_test::task::spawn(future);
    for _ in 0..polls {
        if future.poll().is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_away_at_whatever_moment_keeps_nobody_waiting_and_wastes_no_answer() {
    for polls in 0..5 {
        for patience in [Patience::Whole, Patience::UntilSent(SHORT), Patience::InAll(SHORT)] {
            let world = World::new();
            let_go_after(polls, world.ask(patience)).await;
            let asking = world.asking(Patience::Whole).await;
            world.clerk.call().await.answer(Ok(session("active")));
            assert!(asking.await.unwrap().is_ok(), "{polls} {patience:?}");
            assert!(!world.clerk.is_called().await, "{polls} {patience:?}");
        }
        // Nor is a sign-out lost once it was asked for.
        let world = World::new();
        let id: SessionId = "sess_1".parse().unwrap();
        let_go_after(polls, Arc::clone(&world.sessions).revoke(&id)).await;
        world.clerk.call().await.answer(Ok(session("revoked")));
        assert!(!world.clerk.is_called().await);
        assert!(world.slot("sess_1").is_over(), "{polls}");
        assert!(Arc::clone(&world.sessions).revoke(&id).await.is_ok());
    }
}
