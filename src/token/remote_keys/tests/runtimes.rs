//! Keys that several runtimes use, some of which are dropped or stand still.

use std::{sync::mpsc, thread};

use tokio::runtime::{Builder, Runtime};

use super::*;

/// Takes a fifth of a second at most.
#[derive(Clone)]
struct Quick(Upstream);

const TIMEOUT: Duration = Duration::from_millis(200);

impl FetchKeys for Quick {
    fn timeout(&self) -> Duration {
        TIMEOUT
    }

    fn fetch(&self) -> std::pin::Pin<Box<dyn Future<Output = Result<JwkSet, FetchError>> + Send>> {
        let upstream = self.0.clone();
        Box::pin(async move { upstream.answer().await })
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn quick(upstream: &Upstream) -> RemoteKeys {
    RemoteKeys::new(Box::new(Quick(upstream.clone())), clock())
}

/// Has `runtime` begin a fetch, and polls it no longer.
fn begin_on(runtime: &Runtime, keys: &RemoteKeys, upstream: &Upstream) {
    runtime.block_on(async {
        tokio::select! {
            _ = keys.that_verify(Some("a")) => panic!("nothing released it"),
            () = upstream.0.arrived.notified() => {}
        }
    });
}

#[test]
fn a_fetch_whose_runtime_is_dropped_is_asked_again_at_once_and_is_no_outage() {
    let upstream = Upstream::new(Answer::Held(vec!["a"]));
    let keys = upstream.keys(&clock());
    let first = runtime();
    begin_on(&first, &keys, &upstream);
    drop(first);
    assert!(keys.0.schedule().last_error().is_none());
    upstream.answers(Answer::Keys(vec!["a"]));
    runtime().block_on(async { keys.that_verify(Some("a")).await.unwrap() });
}

#[test]
fn who_waits_for_a_fetch_when_its_runtime_is_dropped_asks_again() {
    let upstream = Upstream::new(Answer::Held(vec!["a"]));
    let keys = upstream.keys(&clock());
    let first = runtime();
    begin_on(&first, &keys, &upstream);
    runtime().block_on(async {
        let waiting = tokio::spawn({
            let keys = keys.clone();
            async move { keys.that_verify(Some("a")).await }
        });
        settle().await;
        upstream.answers(Answer::Keys(vec!["a"]));
        first.shutdown_background();
        waiting.await.unwrap().unwrap();
    });
    assert_eq!(upstream.asked(), 2);
}

#[test]
fn a_fetch_on_a_runtime_that_is_no_longer_polled_is_taken_over_by_one_that_all_join() {
    let upstream = Upstream::new(Answer::Held(vec!["a"]));
    let keys = quick(&upstream);
    let stopped = runtime();
    begin_on(&stopped, &keys, &upstream);
    upstream.answers(Answer::Keys(vec!["a"]));
    let begun = std::time::Instant::now();
    let (sender, answers) = mpsc::channel();
    for _ in 0..4 {
        let (keys, sender) = (keys.clone(), sender.clone());
        thread::spawn(move || {
            let outcome = runtime().block_on(keys.that_verify(Some("a")));
            sender.send(outcome.is_ok()).unwrap();
        });
    }
    for _ in 0..4 {
        assert!(answers.recv_timeout(Duration::from_secs(10)).unwrap());
    }
    assert!(begun.elapsed() >= TIMEOUT, "it is given its time");
    assert_eq!(upstream.asked(), 2);
}

#[test]
fn nobody_waits_longer_than_twice_the_time_of_a_fetch() {
    let upstream = Upstream::new(Answer::Held(vec!["a"]));
    let keys = quick(&upstream);
    let begun = std::time::Instant::now();
    let refused = runtime().block_on(keys.that_verify(Some("a"))).unwrap_err();
    let waited = begun.elapsed();
    assert!(refused.is_unavailable());
    assert!((2 * TIMEOUT..20 * TIMEOUT).contains(&waited), "{waited:?}");
    // Whoever comes next does not find a fetch that nobody polls.
    upstream.answers(Answer::Keys(vec!["a"]));
    runtime().block_on(keys.that_verify(Some("a"))).unwrap();
}

#[test]
fn an_answer_that_comes_late_does_not_take_the_place_of_a_later_one() {
    let upstream = Upstream::new(Answer::Held(vec!["old"]));
    let keys = quick(&upstream);
    let stopped = runtime();
    begin_on(&stopped, &keys, &upstream);
    upstream.answers(Answer::Keys(vec!["a"]));
    runtime().block_on(keys.that_verify(Some("a"))).unwrap();
    upstream.release();
    stopped.block_on(settle());
    assert!(at_once(&keys, "a").unwrap().is_ok());
    assert!(at_once(&keys, "old").is_none_or(|set| set.is_err()));
}
