//! Who fetches, and who waits.

use super::*;

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
async fn instances_share_nothing() {
    let clock = clock();
    let (one, other) = (Upstream::with_keys(&["a"]), Upstream::with_keys(&["b"]));
    let (ones, others) = (one.keys(&clock), other.keys(&clock));
    ones.that_verify(Some("a")).await.unwrap();
    others.that_verify(Some("b")).await.unwrap();
    assert_eq!(reason(&others, "a").await, "jwk-kid-mismatch");
    assert_eq!((one.asked(), other.asked()), (1, 2));
}
