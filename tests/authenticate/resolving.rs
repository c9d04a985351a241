//! The cache: how often Clerk is asked, and what is made of its answers.

use std::{sync::Arc, time::Duration};

use tower_clerk::{
    AuthenticateLayer, Credential, Policy, RejectionKind, SessionResolver,
    testing::{Fault, Operation, SessionsApi},
};

use crate::stacks::{self, Outcome, admitted};

const TTL: Duration = Duration::from_secs(60);

async fn resolve(
    resolver: &SessionResolver,
    token: &str,
    policy: &Policy,
) -> Result<bool, &'static str> {
    let credential = Credential::session_token(token.as_bytes());
    let resolved = resolver.resolve(credential, policy).await.map_err(|r| r.reason())?;
    Ok(resolved.freshness().unwrap().is_stale())
}

#[tokio::test]
async fn a_thousand_requests_with_one_token_are_one_get() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    for stack in stacks::all(&AuthenticateLayer::new(clerk.resolver()).unwrap()).await {
        for _ in 0..334 {
            assert_eq!(stack.bearer(&token).await, admitted("user_ada"));
        }
    }
    assert_eq!(clerk.requests().count(Operation::Get), 1);
    assert_eq!(clerk.requests().count(Operation::Jwks), 1);
}

#[tokio::test]
async fn ten_thousand_concurrent_cold_requests_are_one_get() {
    let clerk = SessionsApi::start().await;
    let token: Arc<str> = clerk.token(&clerk.sign_in("user_ada")).into();
    clerk.fail(Operation::Get, Fault::delay(Duration::from_millis(300)));
    let resolver = clerk.resolver();
    let requests: Vec<_> = (0..10_000)
        .map(|_| {
            let (resolver, token) = (resolver.clone(), Arc::clone(&token));
            tokio::spawn(async move { resolve(&resolver, &token, &Policy::new()).await })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), Ok(false));
    }
    assert_eq!(clerk.requests().count(Operation::Get), 1);
    assert_eq!(clerk.requests().count(Operation::Jwks), 1);
}

#[tokio::test]
async fn callers_that_go_away_neither_cancel_the_others_nor_waste_the_answer() {
    let clerk = SessionsApi::start().await;
    let token: Arc<str> = clerk.token(&clerk.sign_in("user_ada")).into();
    clerk.fail(Operation::Get, Fault::delay(Duration::from_millis(200)).times(1));
    let resolver = clerk.resolver();
    let spawn = || {
        let (resolver, token) = (resolver.clone(), Arc::clone(&token));
        tokio::spawn(async move { resolve(&resolver, &token, &Policy::new()).await })
    };
    let impatient: Vec<_> = (0..20).map(|_| spawn()).collect();
    let patient = spawn();
    while clerk.requests().count(Operation::Get) == 0 {
        tokio::task::yield_now().await;
    }
    impatient.iter().for_each(|task| task.abort());
    assert_eq!(patient.await.unwrap(), Ok(false));
    assert_eq!(spawn().await.unwrap(), Ok(false));
    assert_eq!(clerk.requests().count(Operation::Get), 1);
}

#[tokio::test]
async fn clerk_is_asked_again_when_the_ttl_is_over_and_not_before() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.mint(&session).expires_in(Duration::from_secs(3600)).sign();
    let stack = stacks::axum(AuthenticateLayer::new(clerk.resolver()).unwrap()).await;
    assert_eq!(stack.bearer(&token).await, admitted("user_ada"));
    clerk.set_status(&session, "revoked");

    clerk.clock().advance(TTL - Duration::from_secs(5));
    assert_eq!(stack.bearer(&token).await, admitted("user_ada"), "within the TTL");
    clerk.clock().advance(Duration::from_secs(5));
    assert_eq!(stack.bearer(&token).await, Outcome::Invalid, "when it is over");
    assert_eq!(clerk.requests().count(Operation::Get), 2);

    clerk.clock().advance(TTL * 2);
    assert_eq!(stack.bearer(&token).await, Outcome::Invalid);
    assert_eq!(clerk.requests().count(Operation::Get), 2, "a final state sticks");
}

#[tokio::test]
async fn a_new_token_of_a_known_session_costs_no_call() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let resolver = clerk.resolver();
    for _ in 0..5 {
        assert_eq!(resolve(&resolver, &clerk.token(&session), &Policy::new()).await, Ok(false));
    }
    assert_eq!(clerk.requests().count(Operation::Get), 1);
}

#[tokio::test]
async fn no_such_session_is_remembered_for_the_negative_ttl() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.token(&session);
    clerk.remove(&session);
    let resolver = clerk.resolver();
    for _ in 0..3 {
        assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Err("session-not-found"));
    }
    assert_eq!(clerk.requests().count(Operation::Get), 1);
    clerk.clock().advance(Duration::from_secs(5));
    let _ = resolve(&resolver, &token, &Policy::new()).await;
    assert_eq!(clerk.requests().count(Operation::Get), 2);
}

#[tokio::test]
async fn unavailable_is_never_remembered() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let resolver = clerk.resolver();
    clerk.fail(Operation::Get, Fault::garbage().times(1));
    assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Err("clerk-unavailable"));
    assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Ok(false));
}

#[tokio::test]
async fn max_age_asks_anew_and_leaves_the_answer_for_all() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.token(&session);
    let resolver = clerk.resolver();
    let strict = Policy::new().max_age(Duration::from_secs(2));
    assert_eq!(resolve(&resolver, &token, &strict).await, Ok(false));
    clerk.clock().advance(Duration::from_secs(3));
    assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Ok(false));
    assert_eq!(clerk.requests().count(Operation::Get), 1);
    clerk.set_status(&session, "revoked");
    assert_eq!(resolve(&resolver, &token, &strict).await, Err("session-revoked"));
    assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Err("session-revoked"));
    assert_eq!(clerk.requests().count(Operation::Get), 2);
}

#[tokio::test]
async fn an_entry_outlives_neither_the_sessions_end_nor_the_tokens() {
    let clerk = SessionsApi::start().await;
    let resolver = clerk.resolver_builder().ttl(Duration::from_secs(3600)).build().unwrap();

    let expiring = clerk.sign_in("user_ada");
    clerk.edit(&expiring, |session| {
        session.expire_at = clerk.clock().now() + Duration::from_secs(10)
    });
    let token = clerk.mint(&expiring).expires_in(Duration::from_secs(3600)).sign();
    assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Ok(false));

    let staying = clerk.sign_in("user_bob");
    let short = clerk.token(&staying);
    assert_eq!(resolve(&resolver, &short, &Policy::new()).await, Ok(false));

    clerk.clock().advance(Duration::from_secs(10));
    assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Err("session-expired"));
    assert_eq!(resolve(&resolver, &short, &Policy::new()).await, Ok(false));
    clerk.clock().advance(Duration::from_secs(55));
    assert_eq!(resolve(&resolver, &short, &Policy::new()).await, Err("token-expired"));
}

#[tokio::test]
async fn a_session_of_another_user_is_nonsense_and_not_a_login() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let crossed = clerk.mint(&session).claim("sub", "user_mallory").sign();
    let resolver = clerk.resolver();
    for _ in 0..2 {
        assert_eq!(resolve(&resolver, &crossed, &Policy::new()).await, Err("clerk-unavailable"));
        assert_eq!(resolve(&resolver, &clerk.token(&session), &Policy::new()).await, Ok(false));
    }
}

#[tokio::test]
async fn a_full_cache_still_answers_everybody_rightly() {
    let clerk = SessionsApi::start().await;
    let resolver = clerk.resolver_builder().capacity(3).build().unwrap();
    let sessions: Vec<_> = (0..30).map(|n| clerk.sign_in(&format!("user_{n}"))).collect();
    let tokens: Vec<_> = sessions.iter().map(|session| clerk.token(session)).collect();
    for _ in 0..2 {
        for (session, token) in sessions.iter().zip(&tokens) {
            let credential = Credential::session_token(token.as_bytes());
            let resolved = resolver.resolve(credential, &Policy::new()).await.unwrap();
            assert_eq!(resolved.session().unwrap().id(), session);
        }
    }
}

#[tokio::test]
async fn a_flood_of_unsigned_tokens_reaches_clerk_once() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let good = clerk.token(&session);
    let resolver = clerk.resolver();
    assert_eq!(resolve(&resolver, &good, &Policy::new()).await, Ok(false));
    let genuine = clerk.requests().total();
    let forged = clerk.mint(&session).signed_by_unknown_key().sign();
    for number in 0..2000 {
        let forged = format!("{forged}{number}");
        assert!(resolve(&resolver, &forged, &Policy::new()).await.is_err());
        let foreign = clerk.mint(&session).kid(&format!("ins_{number}")).sign();
        if number % 100 == 0 {
            assert!(resolve(&resolver, &foreign, &Policy::new()).await.is_err());
        }
    }
    assert!(clerk.requests().total() - genuine <= 1, "{}", clerk.requests().total() - genuine);
    assert_eq!(resolve(&resolver, &good, &Policy::new()).await, Ok(false));
}

#[tokio::test]
async fn sessions_are_read_by_id_through_the_same_cache() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let resolver = clerk.resolver();
    assert_eq!(resolver.get(&session).await.unwrap().user_id().as_str(), "user_ada");
    assert_eq!(resolve(&resolver, &clerk.token(&session), &Policy::new()).await, Ok(false));
    assert_eq!(clerk.requests().count(Operation::Get), 1);

    resolver.invalidate(&session);
    assert!(resolver.get(&session).await.is_ok());
    assert_eq!(clerk.requests().count(Operation::Get), 2);

    let unknown = "sess_unknown".parse().unwrap();
    for _ in 0..2 {
        assert!(resolver.get(&unknown).await.unwrap_err().is_not_found());
    }
    assert_eq!(clerk.requests().count(Operation::Get), 3);
}

mod stale_if_error {
    use super::*;

    async fn outage() -> (SessionsApi, SessionResolver, String) {
        let clerk = SessionsApi::start().await;
        let builder = clerk.resolver_builder().stale_if_error(Duration::from_secs(60));
        let resolver = builder.build().unwrap();
        let session = clerk.sign_in("user_ada");
        let token = clerk.mint(&session).expires_in(Duration::from_secs(3600)).sign();
        assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Ok(false));
        clerk.clock().advance(TTL);
        clerk.fail(Operation::Get, Fault::status(500));
        (clerk, resolver, token)
    }

    #[tokio::test]
    async fn the_last_known_active_session_is_served_and_marked() {
        let (clerk, resolver, token) = outage().await;
        for stack in stacks::all(&AuthenticateLayer::new(resolver.clone()).unwrap()).await {
            assert_eq!(stack.bearer(&token).await, admitted("user_ada"), "{}", stack.name);
        }
        assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Ok(true));
        let calls = clerk.requests().count(Operation::Get);
        assert!(calls < 6, "an outage is not asked about at every request: {calls}");

        clerk.clock().advance(Duration::from_secs(59));
        assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Ok(true));
        clerk.clock().advance(Duration::from_secs(1));
        assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Err("clerk-unavailable"));

        clerk.clear_faults();
        assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Ok(false));
    }

    #[tokio::test]
    async fn a_route_with_max_age_fails_closed() {
        let (_clerk, resolver, token) = outage().await;
        let strict = Policy::new().max_age(Duration::from_secs(3600));
        assert_eq!(resolve(&resolver, &token, &strict).await, Err("clerk-unavailable"));
        assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Ok(true));
    }

    #[tokio::test]
    async fn an_authoritative_no_always_wins() {
        let (clerk, resolver, token) = outage().await;
        assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Ok(true));
        clerk.clear_faults();
        let session = clerk
            .requests()
            .last(Operation::Get)
            .unwrap()
            .path()
            .rsplit('/')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        clerk.set_status(&session, "ended");
        clerk.clock().advance(Duration::from_secs(2));
        assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Err("session-ended"));
        clerk.fail(Operation::Get, Fault::status(500));
        clerk.clock().advance(Duration::from_secs(2));
        assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Err("session-ended"));
    }

    #[tokio::test]
    async fn a_session_that_was_never_seen_is_not_made_up() {
        let (clerk, resolver, _) = outage().await;
        let token = clerk.token(&clerk.sign_in("user_bob"));
        let credential = Credential::session_token(token.as_bytes());
        let rejection = resolver.resolve(credential, &Policy::new()).await.unwrap_err();
        assert_eq!(rejection.kind(), RejectionKind::Unavailable);
    }
}

#[tokio::test]
async fn the_service_starts_while_clerk_is_down_and_says_how_things_stand() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let resolver = clerk.resolver();
    clerk.fail_all(Fault::status(500));
    assert!(resolver.warm_up().await.unwrap_err().is_unavailable());
    let readiness = resolver.readiness();
    assert!(!readiness.is_ready() && readiness.keys().last_error().is_some(), "{readiness:?}");

    clerk.clear_faults();
    clerk.clock().advance(Duration::from_secs(1));
    resolver.warm_up().await.unwrap();
    clerk.fail(Operation::Get, Fault::status(500));
    assert!(resolve(&resolver, &token, &Policy::new()).await.is_err());
    let readiness = resolver.readiness();
    assert!(readiness.is_ready());
    let api = readiness.sessions_api().unwrap();
    assert!(!api.is_usable() && api.last_error().is_some() && api.age().is_none(), "{api:?}");

    clerk.clear_faults();
    assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Ok(false));
    let json = serde_json::to_value(resolver.readiness()).unwrap();
    let api = serde_json::json!({ "usable": true, "age_seconds": 0, "last_error": null });
    assert_eq!(json["sessions_api"], api);
}

#[tokio::test]
async fn a_refused_secret_key_is_no_outage_that_a_stale_answer_could_bridge() {
    let clerk = SessionsApi::start().await;
    let token = clerk.mint(&clerk.sign_in("user_ada")).expires_in(TTL * 10).sign();
    let builder = clerk.resolver_builder().stale_if_error(TTL * 10);
    let resolver = builder.build().unwrap();
    assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Ok(false));
    clerk.clock().advance(TTL);
    clerk.fail(Operation::Get, Fault::status(401).code("clerk_key_invalid"));
    for _ in 0..2 {
        assert_eq!(resolve(&resolver, &token, &Policy::new()).await, Err("secret-key-invalid"));
    }
}

#[tokio::test]
async fn a_service_behind_a_readiness_probe_becomes_ready_by_being_asked() {
    let clerk = SessionsApi::start().await;
    let resolver = clerk.resolver();
    clerk.fail_all(Fault::status(500));
    assert!(resolver.warm_up().await.is_err());
    clerk.clear_faults();
    clerk.clock().advance(Duration::from_secs(10));
    let ready = async {
        while !resolver.readiness().is_ready() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ready).await.unwrap();
    assert_eq!(clerk.requests().count(Operation::Jwks), 2);
}

#[tokio::test]
async fn a_pending_session_that_is_accepted_ends_as_any_other() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    clerk.set_status(&session, "pending");
    clerk.edit(&session, |session| {
        session.expire_at = clerk.clock().now() + Duration::from_secs(3);
    });
    let token = clerk.token(&session);
    let resolver = clerk.resolver();
    let policy = Policy::new().accept_pending();
    assert_eq!(resolve(&resolver, &token, &policy).await, Ok(false));
    clerk.clock().advance(Duration::from_secs(3));
    assert_eq!(resolve(&resolver, &token, &policy).await, Err("session-expired"));
}

#[tokio::test]
async fn a_policy_with_max_age_is_not_kept_without_the_network_and_admits_nobody() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let builder = clerk.resolver_builder().check(tower_clerk::SessionCheck::Networkless);
    let resolver = builder.build().unwrap();
    let policy = Policy::new().max_age(Duration::from_secs(1));
    for _ in 0..2 {
        let credential = Credential::session_token(token.as_bytes());
        let rejection = resolver.resolve(credential, &policy).await.unwrap_err();
        assert_eq!(rejection.kind(), RejectionKind::Misconfigured);
    }
}
