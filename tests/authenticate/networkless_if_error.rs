//! Where Clerk cannot be asked, a token whose own evidence is fresh may do: with claims, and without a session.

use std::time::Duration;

use axum::{Router, body::Body};
use http::{Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;
use tower_clerk::{
    AuthenticateLayer, Credential, Policy, RevokeSession, SessionResolver, SessionStatus,
    testing::{Fault, Operation, SessionsApi},
};

use crate::stacks::{self, Outcome, admitted};

const TTL: Duration = Duration::from_secs(60);
const SKEW: Duration = Duration::from_secs(5);

/// Clerk answers nothing about sessions but what they are told.
async fn outage() -> (SessionsApi, SessionResolver) {
    let clerk = SessionsApi::start().await;
    let resolver = clerk.resolver_builder().networkless_if_error().build().unwrap();
    clerk.fail(Operation::Get, Fault::status(500));
    (clerk, resolver)
}

async fn resolve(resolver: &SessionResolver, token: &str) -> Result<(), &'static str> {
    let credential = Credential::session_token(token.as_bytes());
    let resolved = resolver.resolve(credential, &Policy::new()).await;
    resolved.map(drop).map_err(|rejection| rejection.reason())
}

#[tokio::test]
async fn while_clerk_is_down_a_cold_service_admits_by_claims_on_every_stack() {
    let (clerk, resolver) = outage().await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.token(&session);
    let layer = AuthenticateLayer::new(resolver).unwrap();
    for stack in stacks::all(&layer).await {
        assert_eq!(stack.bearer(&token).await, admitted("user_ada"), "{}", stack.name);
        let silent = clerk.mint(&session).without_oiat().sign();
        assert_eq!(stack.bearer(&silent).await, Outcome::Unavailable, "{}", stack.name);
    }
    let bearer = format!("Bearer {token}");
    for stack in [stacks::axum(layer.clone()).await, stacks::hyper(layer.clone()).await] {
        let answer = stack.ask(&[("authorization", bearer.as_bytes())]).await;
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((&body["session"], &body["stale"]), (&Value::Null, &Value::Bool(true)));
        assert_eq!(body["claims"]["sid"], session.as_str());
    }
    // A bound on age is not kept by a token alone.
    for stack in stacks::all(&layer.clone().policy(Policy::new().max_age(TTL)).unwrap()).await {
        assert_eq!(stack.bearer(&token).await, Outcome::Unavailable, "{}", stack.name);
    }
    // Somebody finds out that Clerk is back, and nobody waits for it.
    clerk.clear_faults();
    let stack = stacks::axum(layer).await;
    let described = async {
        loop {
            let answer = stack.ask(&[("authorization", bearer.as_bytes())]).await;
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            if body["session"]["id"] == session.as_str() {
                return body["stale"].clone();
            }
            tokio::task::yield_now().await;
        }
    };
    let stale = tokio::time::timeout(Duration::from_secs(10), described).await.unwrap();
    assert_eq!(stale, Value::Null);
}

#[tokio::test]
async fn it_is_off_unless_it_is_wanted() {
    let (clerk, _) = outage().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    assert_eq!(resolve(&clerk.resolver(), &token).await, Err("clerk-unavailable"));
}

#[tokio::test]
async fn whoever_is_admitted_by_claims_can_sign_out_and_stays_out() {
    let (clerk, resolver) = outage().await;
    let session = clerk.sign_in("user_ada");
    let bearer = format!("Bearer {}", clerk.token(&session));
    let app = Router::new()
        .route_service("/sign-out", RevokeSession::new(resolver.clone()))
        .layer(AuthenticateLayer::new(resolver).unwrap());
    let sign_out = || {
        let request = Request::post("/sign-out").header("authorization", &bearer);
        app.clone().oneshot(request.body(Body::empty()).unwrap())
    };
    assert_eq!(sign_out().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(clerk.session(&session).unwrap().status, "revoked");
    assert_eq!(sign_out().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_session_that_ended_elsewhere_is_refused_in_time_however_its_tokens_are_renewed() {
    let (clerk, resolver) = outage().await;
    let session = clerk.sign_in("user_ada");
    let mut token = clerk.mint(&session).expires_in(TTL).sign();
    clerk.set_status(&session, "ended");
    let mut since = Duration::ZERO;
    while resolve(&resolver, &token).await.is_ok() {
        assert!(since < TTL + SKEW, "admitted {since:?} after its end");
        clerk.clock().advance(Duration::from_secs(1));
        since += Duration::from_secs(1);
        token = clerk.renew_at_edge(&token);
    }
    // Not at once either, or this would prove nothing.
    assert!(since >= TTL - SKEW, "{since:?}");
}

#[tokio::test]
async fn nobody_whose_session_is_over_or_forgotten_here_gets_in_by_a_token() {
    let (clerk, resolver) = outage().await;
    for (is_ended, reason) in [(true, "session-ended"), (false, "clerk-unavailable")] {
        for was_seen in [true, false] {
            let session = clerk.sign_in("user_ada");
            let token = clerk.token(&session);
            if was_seen {
                assert_eq!(resolve(&resolver, &token).await, Ok(()), "{reason}");
            }
            if is_ended {
                drop(resolver.end(&session, SessionStatus::Ended));
            } else {
                resolver.invalidate(&session);
            }
            assert_eq!(resolve(&resolver, &token).await, Err(reason), "{was_seen}");
            clerk.clock().advance(SKEW);
            let renewed = clerk.renew_at_edge(&token);
            assert_eq!(resolve(&resolver, &renewed).await, Err(reason), "{was_seen}");
        }
    }
    let session = clerk.sign_in("user_ada");
    let token = clerk.token(&session);
    resolver.revoke(&session).await.unwrap();
    assert_eq!(resolve(&resolver, &token).await, Err("session-revoked"));
}

#[tokio::test]
async fn what_clerk_said_no_to_no_token_of_before_turns_into_a_yes() {
    let clerk = SessionsApi::start().await;
    let builder = clerk.resolver_builder().networkless_if_error().capacity(1);
    let resolver = builder.build().unwrap();
    let ended = clerk.sign_in("user_ada");
    let token = clerk.token(&ended);
    clerk.set_status(&ended, "ended");
    assert_eq!(resolve(&resolver, &token).await, Err("session-ended"));
    // It does not fit into the cache any longer.
    for user in 0..200 {
        let other = clerk.token(&clerk.sign_in(&format!("user_{user}")));
        assert_eq!(resolve(&resolver, &other).await, Ok(()));
    }
    clerk.fail(Operation::Get, Fault::status(500));
    assert_eq!(resolve(&resolver, &token).await, Err("session-ended"));
}

#[tokio::test]
async fn a_refused_secret_key_is_no_outage_that_a_token_could_bridge() {
    let (clerk, resolver) = outage().await;
    clerk.clear_faults();
    clerk.fail(Operation::Get, Fault::status(401).code("clerk_key_invalid"));
    let token = clerk.token(&clerk.sign_in("user_ada"));
    for _ in 0..2 {
        assert_eq!(resolve(&resolver, &token).await, Err("secret-key-invalid"));
    }
}

#[tokio::test]
async fn nobody_waits_for_a_slow_clerk_longer_than_the_short_time() {
    let clerk = SessionsApi::start().await;
    let patience = Duration::from_millis(50);
    let builder = clerk.resolver_builder().networkless_if_error().patience(patience);
    let resolver = builder.build().unwrap();
    resolver.warm_up().await.unwrap();
    clerk.fail(Operation::Get, Fault::delay(Duration::from_secs(2)));
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let begun = tokio::time::Instant::now();
    assert_eq!(resolve(&resolver, &token).await, Ok(()));
    let took = begun.elapsed();
    assert!(took >= patience && took < Duration::from_secs(1), "{took:?}");
}
