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
        }
    }
}

fn set(kids: &[&'static str]) -> JwkSet {
    JwkSet { keys: kids.iter().map(|kid| TestSigner::ours().called(kid).jwk()).collect() }
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

#[tokio::test]
async fn keys_are_fetched_once_and_then_found_without_waiting() {
    let (upstream, clock) = (Upstream::with_keys(&["a", "b"]), clock());
    let keys = upstream.keys(&clock);
    assert!(at_once(&keys, "a").is_none());
    assert!(!keys.report().usable);
    assert!(keys.that_verify(Some("a")).await.unwrap().has(Some("a")));
    assert!(at_once(&keys, "b").unwrap().is_ok());
    clock.advance(MINUTE);
    let report = keys.report();
    assert!(report.usable && report.last_error.is_none());
    assert_eq!(report.age, Some(MINUTE));
    assert_eq!(upstream.asked(), 1);
}

#[tokio::test]
async fn a_thousand_callers_without_a_key_make_one_fetch() {
    let upstream = Upstream::new(Answer::Held(vec!["a"]));
    let keys = upstream.keys(&clock());
    let callers: Vec<_> = (0..1000)
        .map(|_| {
            let keys = keys.clone();
            tokio::spawn(async move { keys.that_verify(Some("a")).await.is_ok() })
        })
        .collect();
    settle().await;
    upstream.release();
    for caller in callers {
        assert!(caller.await.unwrap());
    }
    assert_eq!(upstream.asked(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_caller_that_comes_as_the_fetch_ends_makes_no_second_one() {
    for _ in 0..300 {
        let upstream = Upstream::with_keys(&["a"]);
        let keys = upstream.keys(&clock());
        let callers: Vec<_> = (0..20)
            .map(|_| {
                let keys = keys.clone();
                tokio::spawn(async move { keys.that_verify(Some("a")).await.is_ok() })
            })
            .collect();
        for caller in callers {
            assert!(caller.await.unwrap());
        }
        assert_eq!(upstream.asked(), 1);
    }
}

#[tokio::test]
async fn a_fetch_outlives_the_request_that_asked_for_it() {
    let upstream = Upstream::new(Answer::Held(vec!["a"]));
    let keys = upstream.keys(&clock());
    let caller = tokio::spawn({
        let keys = keys.clone();
        async move { keys.that_verify(Some("a")).await.is_ok() }
    });
    upstream.0.arrived.notified().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    upstream.release();
    settle().await;
    assert!(at_once(&keys, "a").unwrap().is_ok());
    assert_eq!(upstream.asked(), 1);
}

#[tokio::test]
async fn keys_are_refreshed_ahead_of_their_end_and_nobody_waits_for_it() {
    let (upstream, clock) = (Upstream::with_keys(&["a"]), clock());
    let keys = upstream.keys(&clock);
    keys.that_verify(Some("a")).await.unwrap();
    clock.advance(4 * MINUTE - SECOND);
    at_once(&keys, "a").unwrap().unwrap();
    settle().await;
    assert_eq!(upstream.asked(), 1);

    upstream.answers(Answer::Held(vec!["a"]));
    clock.advance(SECOND);
    for _ in 0..100 {
        at_once(&keys, "a").unwrap().unwrap();
        keys.that_verify(Some("a")).await.unwrap();
    }
    settle().await;
    assert_eq!(upstream.asked(), 2);
    upstream.release();
    settle().await;
    assert_eq!(keys.report().age, Some(Duration::ZERO));
}

#[tokio::test]
async fn a_hung_fetch_blocks_nobody_who_has_a_key() {
    let (upstream, clock) = (Upstream::with_keys(&["a"]), clock());
    let keys = upstream.keys(&clock);
    keys.that_verify(Some("a")).await.unwrap();
    upstream.answers(Answer::Held(vec![]));
    clock.advance(60 * MINUTE);
    keys.that_verify(Some("a")).await.unwrap();
    settle().await;
    assert_eq!(upstream.asked(), 2);
    keys.that_verify(Some("a")).await.unwrap();
    assert!(at_once(&keys, "b").is_none(), "only the one without a key waits");
}

#[tokio::test]
async fn a_removed_key_dies_with_the_next_good_set() {
    let (upstream, clock) = (Upstream::with_keys(&["old"]), clock());
    let keys = upstream.keys(&clock);
    keys.that_verify(Some("old")).await.unwrap();
    upstream.answers(Answer::Keys(vec!["new"]));
    // Using it does not renew it.
    for _ in 0..5 {
        clock.advance(MINUTE);
        let _ = at_once(&keys, "old");
        settle().await;
    }
    assert_eq!(reason(&keys, "old").await, "jwk-kid-mismatch");
    keys.that_verify(Some("new")).await.unwrap();
}

#[tokio::test]
async fn a_new_key_is_found_at_its_first_token() {
    let (upstream, clock) = (Upstream::with_keys(&["old"]), clock());
    let keys = upstream.keys(&clock);
    keys.that_verify(Some("old")).await.unwrap();
    upstream.answers(Answer::Keys(vec!["old", "new"]));
    keys.that_verify(Some("new")).await.unwrap();
    assert_eq!(upstream.asked(), 2);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_makes_one_fetch_in_thirty_seconds() {
    let (upstream, clock) = (Upstream::with_keys(&["a"]), clock());
    let keys = upstream.keys(&clock);
    let flood = async || {
        for n in 0..1000 {
            assert_eq!(reason(&keys, &format!("unknown_{n}")).await, "jwk-kid-mismatch");
        }
    };
    flood().await;
    assert_eq!(upstream.asked(), 1, "the flood that brings the first keys is the one fetch");
    clock.advance(30 * SECOND - Duration::from_millis(1));
    flood().await;
    assert_eq!(upstream.asked(), 1);
    clock.advance(Duration::from_millis(1));
    flood().await;
    assert_eq!(upstream.asked(), 2);
    let at_once = at_once(&keys, "unknown").unwrap();
    assert_eq!(at_once.unwrap_err().kind(), TokenErrorKind::UnknownKey);
}

#[tokio::test]
async fn callers_who_hang_up_do_not_lift_the_limit_for_unknown_keys() {
    let (upstream, clock) = (Upstream::with_keys(&["a"]), clock());
    let keys = upstream.keys(&clock);
    keys.that_verify(Some("a")).await.unwrap();
    upstream.0.arrived.notified().await;
    upstream.answers(Answer::Held(vec!["a"]));
    let caller = tokio::spawn({
        let keys = keys.clone();
        async move { keys.that_verify(Some("unknown")).await.is_ok() }
    });
    upstream.0.arrived.notified().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    upstream.release();
    settle().await;
    upstream.answers(Answer::Keys(vec!["a"]));
    assert_eq!(reason(&keys, "unknown").await, "jwk-kid-mismatch");
    assert_eq!(upstream.asked(), 2);
}

#[tokio::test]
async fn a_token_that_names_no_key_causes_no_fetch() {
    let (upstream, clock) = (Upstream::with_keys(&["a"]), clock());
    let keys = upstream.keys(&clock);
    keys.that_verify(Some("a")).await.unwrap();
    let refused = keys.that_verify(None).await.unwrap_err();
    assert_eq!(refused.kind(), TokenErrorKind::UnknownKey);
    assert_eq!(upstream.asked(), 1);
}

#[tokio::test]
async fn an_unknown_key_is_unavailable_while_fetches_fail_and_the_good_keys_stay() {
    let (upstream, clock) = (Upstream::with_keys(&["a"]), clock());
    let keys = upstream.keys(&clock);
    keys.that_verify(Some("a")).await.unwrap();
    upstream.answers(failing());
    for _ in 0..100 {
        let error = keys.that_verify(Some("unknown")).await.unwrap_err();
        assert!(error.is_unavailable());
        assert_eq!(error.retry_after(), Some(7 * SECOND));
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "down");
    }
    assert_eq!(upstream.asked(), 2);
    keys.that_verify(Some("a")).await.unwrap();
    assert_eq!(keys.report().last_error.unwrap().to_string(), "down");
}

#[tokio::test]
async fn good_keys_outlive_failing_refreshes_for_a_day_and_no_longer() {
    let (upstream, clock) = (Upstream::with_keys(&["a"]), clock());
    let keys = upstream.keys(&clock);
    keys.that_verify(Some("a")).await.unwrap();
    upstream.answers(failing());
    for _ in 0..23 {
        clock.advance(60 * MINUTE);
        at_once(&keys, "a").unwrap().unwrap();
        settle().await;
    }
    clock.advance(60 * MINUTE - SECOND);
    keys.that_verify(Some("a")).await.unwrap();
    clock.advance(SECOND);
    assert!(!keys.report().usable);
    assert!(keys.that_verify(Some("a")).await.unwrap_err().is_unavailable());
    upstream.answers(Answer::Keys(vec!["a"]));
    clock.advance(10 * SECOND);
    keys.that_verify(Some("a")).await.unwrap();
}

#[tokio::test]
async fn a_set_without_a_usable_key_replaces_nothing() {
    let (upstream, clock) = (Upstream::with_keys(&["a"]), clock());
    let keys = upstream.keys(&clock);
    keys.that_verify(Some("a")).await.unwrap();
    upstream.answers(Answer::Keys(vec![]));
    clock.advance(5 * MINUTE);
    keys.that_verify(Some("a")).await.unwrap();
    settle().await;
    assert_eq!(upstream.asked(), 2);
    keys.that_verify(Some("a")).await.unwrap();

    let empty = Upstream::with_keys(&[]).keys(&clock);
    assert!(empty.that_verify(Some("a")).await.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn without_keys_fetches_back_off_from_a_quarter_second_to_five() {
    let (upstream, clock) = (Upstream::new(failing()), clock());
    let keys = upstream.keys(&clock);
    assert_eq!(reason(&keys, "a").await, "jwk-remote-failed-to-load");
    let tick = Duration::from_millis(1);
    for (fetches, millis) in [250, 500, 1000, 2000, 4000, 5000, 5000].into_iter().enumerate() {
        clock.advance(Duration::from_millis(millis) - tick);
        assert_eq!(reason(&keys, "a").await, "jwk-remote-failed-to-load");
        assert_eq!(upstream.asked(), fetches + 1, "before {millis} ms are over");
        clock.advance(tick);
        assert_eq!(reason(&keys, "a").await, "jwk-remote-failed-to-load");
        assert_eq!(upstream.asked(), fetches + 2, "after {millis} ms");
    }
    upstream.answers(Answer::Keys(vec!["a"]));
    clock.advance(5 * SECOND);
    keys.that_verify(Some("a")).await.unwrap();
}

#[tokio::test]
async fn a_refused_secret_key_is_our_own_misconfiguration() {
    let refused = FetchError::new("clerk_key_invalid").unauthorized(true);
    let (upstream, clock) = (Upstream::new(Answer::Fail(refused)), clock());
    let keys = upstream.keys(&clock);
    let error = keys.that_verify(Some("a")).await.unwrap_err();
    assert!(error.is_misconfigured() && !error.is_unavailable());
    clock.advance(10 * SECOND - Duration::from_millis(1));
    assert_eq!(reason(&keys, "a").await, "secret-key-invalid");
    assert_eq!(upstream.asked(), 1);
    clock.advance(Duration::from_millis(1));
    assert_eq!(reason(&keys, "a").await, "secret-key-invalid");
    assert_eq!(upstream.asked(), 2);
}

#[tokio::test]
async fn a_fetch_that_panics_counts_as_failed_and_the_next_may_set_out() {
    let (upstream, clock) = (Upstream::new(Answer::Panic), clock());
    let keys = upstream.keys(&clock);
    assert!(keys.that_verify(Some("a")).await.unwrap_err().is_unavailable());
    upstream.answers(Answer::Keys(vec!["a"]));
    clock.advance(SECOND);
    keys.that_verify(Some("a")).await.unwrap();
}

#[test]
fn a_fetch_that_dies_with_its_runtime_counts_as_failed() {
    let (upstream, clock) = (Upstream::new(Answer::Held(vec!["a"])), clock());
    let keys = upstream.keys(&clock);
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    let first = runtime();
    first.block_on(async {
        tokio::select! {
            _ = keys.that_verify(Some("a")) => panic!("nothing released it"),
            () = upstream.0.arrived.notified() => {}
        }
    });
    drop(first);
    assert!(keys.report().last_error.is_some());
    upstream.answers(Answer::Keys(vec!["a"]));
    clock.advance(SECOND);
    runtime().block_on(async { keys.that_verify(Some("a")).await.unwrap() });
}

#[test]
fn a_clock_set_back_makes_keys_older_not_younger() {
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    assert_eq!(elapsed(at(ISSUED), at(ISSUED) - year), year);
    assert_eq!(elapsed(at(ISSUED), at(ISSUED) + year), year);
}

#[tokio::test]
async fn instances_share_nothing() {
    let clock = clock();
    let (one, other) = (Upstream::with_keys(&["a"]), Upstream::with_keys(&["b"]));
    let (ones, others) = (one.keys(&clock), other.keys(&clock));
    ones.that_verify(Some("a")).await.unwrap();
    others.that_verify(Some("b")).await.unwrap();
    assert_eq!(reason(&others, "a").await, "jwk-kid-mismatch");
    assert_eq!((one.asked(), other.asked()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn keys_are_refreshed_in_a_quiet_time_too_and_no_longer_than_they_are_held() {
    let clock = Clock::fixed(at(ISSUED));
    let upstream = Upstream::with_keys(&["ins_1"]);
    let keys = upstream.keys(&clock);
    keys.warm_up().await.unwrap();
    assert_eq!(upstream.asked(), 1);

    upstream.answers(Answer::Keys(vec!["ins_2"]));
    clock.advance(4 * MINUTE);
    tokio::time::sleep(4 * MINUTE + SECOND).await;
    assert_eq!(upstream.asked(), 2);
    assert!(at_once(&keys, "ins_2").is_some_and(|set| set.is_ok()));
    assert!(at_once(&keys, "ins_1").is_none_or(|set| set.is_err()));

    drop(keys);
    clock.advance(4 * MINUTE);
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!(upstream.asked(), 2);
}
