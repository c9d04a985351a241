use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    Clock, Credential, Instance, Policy, ResolveSession, Session, SessionCheck, SessionResolver,
    SessionStatus, client,
    sessions::{
        test_sessions,
        test_upstream::{TIMEOUT, TestUpstream},
    },
    token::test_signer::{ISSUED, TestSigner, at, session_claims, session_claims_with},
};

#[tokio::test]
async fn a_clock_that_was_three_days_ahead_brings_no_revoked_session_back() {
    let clock = Clock::fixed(at(ISSUED));
    let instance = Instance::builder().jwk_set(TestSigner::ours().jwk_set()).build().unwrap();
    let resolver = SessionResolver::builder(&instance)
        .check(SessionCheck::Networkless)
        .clock(clock.clone())
        .capacity(1)
        .build()
        .unwrap();
    let day = Duration::from_secs(24 * 60 * 60);
    let token = |id: &str| {
        let claims = json!({ "sid": id, "exp": ISSUED + 3600 });
        TestSigner::ours().sign(&session_claims_with(claims))
    };
    let is_admitted = |id: &str| {
        let token = token(id);
        let credential = Credential::session_token(token.as_bytes());
        resolver.resolve_cached(&credential, &Policy::new()).unwrap().is_ok()
    };
    assert!(is_admitted("sess_0"), "the negative control");
    // It ended elsewhere, as it ends by a revocation.
    drop(resolver.end(&"sess_0".parse().unwrap(), SessionStatus::Revoked));
    clock.advance(3 * day);
    for other in 1..100 {
        let id = format!("sess_{other}");
        drop(resolver.end(&id.parse().unwrap(), SessionStatus::Revoked));
    }
    resolver.inner.sessions.evict();
    clock.set_back(3 * day);
    for other in 100..200 {
        assert!(is_admitted(&format!("sess_{other}")));
    }
    resolver.inner.sessions.evict();
    assert!(!is_admitted("sess_0"));
}

#[test]
fn an_expired_token_takes_nobodys_place() {
    let instance = Instance::builder().jwk_set(TestSigner::ours().jwk_set()).build().unwrap();
    let resolver = SessionResolver::builder(&instance)
        .check(SessionCheck::Networkless)
        .clock(Clock::fixed(at(ISSUED + 30)))
        .build()
        .unwrap();
    let is_kept_after = |token: &str| {
        let credential = Credential::session_token(token.as_bytes());
        let admitted = resolver.resolve_cached(&credential, &Policy::new()).unwrap().is_ok();
        (admitted, resolver.inner.tokens.read(token.as_bytes(), |_| ()).is_some())
    };
    let good = TestSigner::ours().sign(&session_claims());
    assert_eq!(is_kept_after(&good), (true, true));
    let expired = session_claims_with(json!({ "exp": ISSUED + 20 }));
    assert_eq!(is_kept_after(&TestSigner::ours().sign(&expired)), (false, false));
}

#[tokio::test]
async fn whoever_is_served_through_an_outage_is_kept_in_mind_for_as_long_as_that_lasts() {
    let (clerk, clock) = (TestUpstream::new(), Clock::fixed(at(ISSUED)));
    let instance = Instance::builder().jwk_set(TestSigner::ours().jwk_set()).build().unwrap();
    let builder = SessionResolver::builder(&instance).clock(clock.clone()).capacity(2);
    let builder = builder.stale_if_error(Duration::from_secs(3600));
    let resolver = builder.build_upon(None, Box::new(clerk.clone())).unwrap();
    let admit = async |id: &str, is_down: bool| {
        let claims = json!({ "sid": id, "exp": ISSUED + 3600 });
        let token = TestSigner::ours().sign(&session_claims_with(claims));
        let credential = Credential::session_token(token.as_bytes());
        let down = || client::Error::answered(StatusCode::SERVICE_UNAVAILABLE, b"");
        let answer = if is_down { Err(down()) } else { Ok(session_of(id)) };
        let answering = async { clerk.call().await.answer(answer) };
        let policy = Policy::new();
        let (resolved, ()) = tokio::join!(resolver.resolve(credential, &policy), answering);
        resolved.unwrap().freshness().unwrap().is_stale()
    };
    let sessions = &resolver.inner.sessions;
    assert!(!admit("sess_served", false).await && !admit("sess_idle", false).await);
    sessions.evict();
    clock.advance(Duration::from_secs(600));
    assert!(admit("sess_served", true).await);
    assert!(!admit("sess_new", false).await);
    sessions.evict();
    let kept =
        ["sess_served", "sess_idle", "sess_new"].map(|id| sessions.keeps(&id.parse().unwrap()));
    assert_eq!(kept, [true, false, true]);
}

fn session_of(id: &str) -> Session {
    let mut session = serde_json::to_value(test_sessions::session("active")).unwrap();
    session["id"] = json!(id);
    serde_json::from_value(session).unwrap()
}

#[tokio::test(start_paused = true)]
async fn whoever_must_ask_again_waits_no_longer_than_two_time_outs_in_all() {
    let instance = Instance::builder().jwk_set(TestSigner::ours().jwk_set()).build().unwrap();
    let builder = SessionResolver::builder(&instance).clock(Clock::fixed(at(ISSUED + 30)));
    let clerk = TestUpstream::new();
    let resolver = builder.build_upon(None, Box::new(clerk.clone())).unwrap();
    let resolve = |issued_at: u64| {
        let claims = json!({ "iat": issued_at, "nbf": issued_at });
        let token = TestSigner::ours().sign(&session_claims_with(claims));
        let resolver = resolver.clone();
        async move {
            let credential = Credential::session_token(token.as_bytes());
            resolver.resolve(credential, &Policy::new()).await.unwrap_err().reason()
        }
    };
    let before = tokio::spawn(resolve(ISSUED));
    tokio::time::sleep(TIMEOUT / 10).await;
    // The first answer takes a while, and says that there are sign-in tasks left. There is no other.
    tokio::spawn(async move {
        let asked = clerk.call().await;
        tokio::time::sleep(TIMEOUT * 13 / 20).await;
        asked.answer(Ok(test_sessions::session("pending")));
    });
    // The answer under way is not to what the newer token says.
    let began = Instant::now();
    assert_eq!(resolve(ISSUED + 29).await, "clerk-unavailable");
    assert_eq!(before.await.unwrap(), "session-pending");
    assert_eq!(began.elapsed(), 2 * TIMEOUT);
}

#[test]
fn a_denial_is_kept_for_as_long_as_a_token_that_it_was_seen_to_refuse_would_be_good() {
    let clock = Clock::fixed(at(ISSUED + 30));
    let instance = Instance::builder().jwk_set(TestSigner::ours().jwk_set()).build().unwrap();
    let builder = SessionResolver::builder(&instance).check(SessionCheck::Networkless);
    let resolver = builder.clock(clock.clone()).build().unwrap();
    let (hour, day) = (60 * 60, 24 * 60 * 60);
    let token = |user: &str| {
        let claims = json!({ "sub": user, "exp": ISSUED + 3 * day });
        TestSigner::ours().sign(&session_claims_with(claims))
    };
    let is_admitted = |token: &str| {
        let credential = Credential::session_token(token.as_bytes());
        resolver.resolve_cached(&credential, &Policy::new()).unwrap().is_ok()
    };
    let (seen, unseen) = (token("user_seen"), token("user_unseen"));
    for user in ["user_seen", "user_unseen"] {
        drop(resolver.deny(&user.parse().unwrap(), None, clock.now()));
    }
    assert!(!is_admitted(&seen));
    // So many others that what is over has to make room.
    let deny_others = |from: usize| {
        for number in from..from + 100_000 {
            let other = format!("user_{number}").parse().unwrap();
            drop(resolver.deny(&other, None, at(ISSUED - day)));
        }
    };
    clock.advance(Duration::from_secs(25 * hour));
    deny_others(0);
    assert!(is_admitted(&unseen), "the negative control");
    // It has expired, by a clock that may be ahead.
    clock.advance(Duration::from_secs(3 * day - 25 * hour - 30 + 3));
    deny_others(100_000);
    assert!(!is_admitted(&seen));
}

#[test]
fn a_token_of_the_very_moment_of_a_denial_is_refused() {
    let clock = Clock::fixed(at(ISSUED + 30));
    let instance = Instance::builder().jwk_set(TestSigner::ours().jwk_set()).build().unwrap();
    let builder = SessionResolver::builder(&instance).check(SessionCheck::Networkless);
    let resolver = builder.clock(clock).build().unwrap();
    let is_admitted = |user: &str, denied_up_to: u64| {
        drop(resolver.deny(&user.parse().unwrap(), None, at(denied_up_to)));
        let token = TestSigner::ours().sign(&session_claims_with(json!({ "sub": user })));
        let credential = Credential::session_token(token.as_bytes());
        resolver.resolve_cached(&credential, &Policy::new()).unwrap().is_ok()
    };
    assert!(is_admitted("user_1", ISSUED - 1));
    assert!(!is_admitted("user_2", ISSUED));
}
