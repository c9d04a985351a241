use std::time::Duration;

use serde_json::json;

use crate::{
    Clock, Credential, Instance, Policy, ResolveSession, SessionCheck, SessionResolver,
    SessionStatus,
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
