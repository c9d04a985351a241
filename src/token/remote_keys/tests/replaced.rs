//! A key that was replaced under its name, and signatures that are bad for another reason.

use super::*;

const LONG_AGO: Duration = Duration::from_secs(31);

/// Keys that were fetched half a minute ago, and more.
async fn aged(upstream: &Upstream, clock: &Clock) -> (RemoteKeys, Arc<KeySet>) {
    let keys = upstream.keys(clock);
    let used = keys.that_verify(Some("a")).await.unwrap();
    upstream.0.arrived.notified().await;
    clock.advance(LONG_AGO);
    (keys, used)
}

fn may_be_outdated(keys: &RemoteKeys, used: &Arc<KeySet>) -> bool {
    keys.may_be_outdated(used, keys.0.clock.now())
}

#[tokio::test]
async fn a_key_that_was_replaced_under_its_name_is_found_at_the_first_token() {
    let (upstream, clock) = (Upstream::with_keys(&["a"]), clock());
    let (keys, used) = aged(&upstream, &clock).await;
    upstream.answers(Answer::Replaced("a"));
    assert!(may_be_outdated(&keys, &used));
    let newer = keys.newer_than(&used).await.unwrap();
    assert!(newer.has(Some("a")) && !Arc::ptr_eq(&newer, &used));
    assert!(may_be_outdated(&keys, &used), "there are others at hand");
    assert!(Arc::ptr_eq(&keys.newer_than(&used).await.unwrap(), &newer));
    assert_eq!(upstream.asked(), 2);
}

#[tokio::test]
async fn a_flood_of_bad_signatures_makes_one_fetch_in_thirty_seconds() {
    let (upstream, clock) = (Upstream::with_keys(&["a"]), clock());
    let keys = upstream.keys(&clock);
    let used = keys.that_verify(Some("a")).await.unwrap();
    let flood = async || {
        for _ in 0..1000 {
            assert!(keys.newer_than(&used).await.is_none());
        }
        assert!(!may_be_outdated(&keys, &used));
    };
    flood().await;
    clock.advance(30 * SECOND);
    flood().await;
    assert_eq!(upstream.asked(), 1, "the keys are no older than that");
    clock.advance(Duration::from_millis(1));
    flood().await;
    assert_eq!(upstream.asked(), 2);
    clock.advance(30 * SECOND);
    flood().await;
    assert_eq!(upstream.asked(), 2);
    clock.advance(Duration::from_millis(1));
    flood().await;
    assert_eq!(upstream.asked(), 3);
}

#[tokio::test]
async fn the_limit_is_one_with_that_for_unknown_keys() {
    let (upstream, clock) = (Upstream::with_keys(&["a"]), clock());
    let (keys, used) = aged(&upstream, &clock).await;
    upstream.answers(failing());
    assert!(keys.that_verify(Some("unknown")).await.unwrap_err().is_unavailable());
    assert!(keys.newer_than(&used).await.is_none());
    assert_eq!(upstream.asked(), 2);
    clock.advance(LONG_AGO);
    assert!(keys.newer_than(&used).await.is_none());
    assert!(keys.that_verify(Some("unknown")).await.unwrap_err().is_unavailable());
    assert_eq!(upstream.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn who_comes_within_a_second_waits_and_who_comes_later_is_told_at_once() {
    let (upstream, clock) = (Upstream::with_keys(&["a"]), clock());
    let (keys, used) = aged(&upstream, &clock).await;
    upstream.answers(Answer::HeldReplaced("a"));
    let newer = || {
        let (keys, used) = (keys.clone(), Arc::clone(&used));
        tokio::spawn(async move { keys.newer_than(&used).await.is_some() })
    };
    let first = newer();
    upstream.0.arrived.notified().await;
    tokio::time::advance(SECOND).await;
    assert!(may_be_outdated(&keys, &used));
    let second = newer();
    settle().await;
    assert!(!second.is_finished());
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(!may_be_outdated(&keys, &used));
    assert!(!newer().await.unwrap());
    upstream.release();
    assert!(first.await.unwrap() && second.await.unwrap());
    assert_eq!(upstream.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn where_the_fetch_fails_or_hangs_the_verdict_is_the_signatures() {
    for answer in [failing(), Answer::Panic, Answer::Keys(vec![]), Answer::Held(vec!["a"])] {
        let (upstream, clock) = (Upstream::with_keys(&["a"]), clock());
        let (keys, used) = aged(&upstream, &clock).await;
        upstream.answers(answer);
        let begun = Instant::now();
        assert!(keys.newer_than(&used).await.is_none());
        assert!(begun.elapsed() < 4 * SECOND);
        assert!(at_once(&keys, "a").unwrap().is_ok(), "the good keys stay");
    }
}
