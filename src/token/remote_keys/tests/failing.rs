//! What becomes of keys while fetches fail.

use super::*;

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
    let down = Answer::Fail(FetchError::new("down"));
    let (upstream, clock) = (Upstream::new(down), clock());
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
async fn whoever_asks_to_be_left_alone_is_for_a_minute_at_most() {
    for (asked, obeyed) in [(7, 7), (60, 60), (3600, 60)] {
        let busy = FetchError::new("429").retry_after(Some(asked * SECOND));
        let (upstream, clock) = (Upstream::new(Answer::Fail(busy)), clock());
        let keys = upstream.keys(&clock);
        assert_eq!(reason(&keys, "a").await, "jwk-remote-failed-to-load");
        clock.advance(obeyed * SECOND - Duration::from_millis(1));
        assert_eq!(reason(&keys, "a").await, "jwk-remote-failed-to-load");
        assert_eq!(upstream.asked(), 1, "before {obeyed} s are over");
        upstream.answers(Answer::Keys(vec!["a"]));
        clock.advance(Duration::from_millis(1));
        keys.that_verify(Some("a")).await.unwrap();
    }
}

#[tokio::test]
async fn whoever_asks_to_be_left_alone_is_so_by_tokens_with_unknown_keys_too() {
    let (upstream, clock) = (Upstream::with_keys(&["a"]), clock());
    let keys = upstream.keys(&clock);
    keys.that_verify(Some("a")).await.unwrap();
    upstream.answers(Answer::Fail(FetchError::new("429").retry_after(Some(MINUTE))));
    clock.advance(31 * SECOND);
    assert_eq!(reason(&keys, "b").await, "jwk-remote-failed-to-load");
    clock.advance(59 * SECOND);
    assert_eq!(reason(&keys, "b").await, "jwk-remote-failed-to-load");
    assert_eq!(upstream.asked(), 2);
    upstream.answers(Answer::Keys(vec!["a", "b"]));
    clock.advance(SECOND);
    keys.that_verify(Some("b")).await.unwrap();
    assert_eq!(upstream.asked(), 3);
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
