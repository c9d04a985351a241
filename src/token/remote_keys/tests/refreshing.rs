//! How keys stay current.

use super::*;

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

#[test]
fn a_clock_set_back_makes_keys_older_not_younger() {
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    let age = |now: SystemTime| UnixTime::from(now).apart(at(ISSUED).into());
    assert_eq!(age(at(ISSUED) - year), year);
    assert_eq!(age(at(ISSUED) + year), year);
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
