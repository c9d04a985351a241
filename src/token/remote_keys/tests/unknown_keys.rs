//! What tokens with unknown keys cause.

use super::*;

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
