//! Stale answers do not wait for a Clerk that is known to be unavailable.

use std::time::Duration;

use tokio::time::Instant;
use tower_clerk::{
    Credential, Policy, Rejection, Resolved, SessionResolver, SessionsClient,
    client::Quota,
    testing::{Fault, Operation, SessionsApi},
};

use crate::{
    SOON, lasting_token,
    stacks::{self, admitted},
};

const TIMEOUT: Duration = Duration::from_millis(500);

fn resolver(clerk: &SessionsApi) -> SessionResolver {
    let instance = clerk.instance_builder().jwk_set(clerk.jwk_set()).build().unwrap();
    let client = SessionsClient::builder(&instance)
        .timeout(TIMEOUT)
        .quota(Quota::Unlimited)
        .build()
        .unwrap();
    SessionResolver::builder(&instance)
        .client(client)
        .clock(clerk.clock())
        .stale_if_error(Duration::from_secs(3600))
        .build()
        .unwrap()
}

async fn resolve(resolver: &SessionResolver, token: &str) -> Result<Resolved, Rejection> {
    resolver.resolve(Credential::session_token(token.as_bytes()), &Policy::new()).await
}

async fn is_stale(resolver: &SessionResolver, token: &str) -> bool {
    resolve(resolver, token).await.unwrap().freshness().unwrap().is_stale()
}

#[tokio::test]
async fn once_clerk_has_hung_twice_nobody_waits_for_a_stale_answer_and_its_return_is_noticed() {
    let clerk = SessionsApi::start().await;
    let resolver = resolver(&clerk);
    let mut tokens = Vec::new();
    for number in 0..50 {
        tokens.push(lasting_token(&clerk, &clerk.sign_in(&format!("user_{number}"))));
        assert!(!is_stale(&resolver, &tokens[number]).await);
    }
    clerk.clock().advance(Duration::from_secs(600));
    clerk.fail(Operation::Get, Fault::hang());
    let begun = Instant::now();
    for token in &tokens[..2] {
        assert!(is_stale(&resolver, token).await);
    }
    assert!(begun.elapsed() >= 2 * TIMEOUT, "two of them found it out");

    clerk.forget_requests();
    let begun = Instant::now();
    for _ in 0..10 {
        for token in &tokens {
            assert!(is_stale(&resolver, token).await);
        }
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(3), "500 requests took {took:?}");
    // One probe at a time, and no two within a time-out.
    let probes = clerk.requests().count(Operation::Get);
    assert!(u128::from(probes) <= 1 + took.as_millis() / TIMEOUT.as_millis(), "{probes}");

    clerk.clear_faults();
    let deadline = Instant::now() + SOON;
    while is_stale(&resolver, &tokens[0]).await {
        assert!(Instant::now() < deadline, "nobody has noticed that Clerk is back");
        tokio::task::yield_now().await;
    }
    assert!(!is_stale(&resolver, &tokens[7]).await);
}

#[tokio::test]
async fn whoever_has_nothing_stale_goes_on_asking() {
    let clerk = SessionsApi::start().await;
    let resolver = resolver(&clerk);
    let known = lasting_token(&clerk, &clerk.sign_in("user_ada"));
    let layer = tower_clerk::AuthenticateLayer::new(resolver.clone()).unwrap();
    let stack = stacks::axum(layer).await;
    assert_eq!(stack.bearer(&known).await, admitted("user_ada"));
    clerk.clock().advance(Duration::from_secs(600));
    clerk.fail(Operation::Get, Fault::status(500));
    for _ in 0..3 {
        assert_eq!(stack.bearer(&known).await, admitted("user_ada"));
        assert!(resolve(&resolver, &clerk.token(&clerk.sign_in("user_new"))).await.is_err());
    }
    clerk.clear_faults();
    let newcomer = lasting_token(&clerk, &clerk.sign_in("user_bob"));
    assert_eq!(stack.bearer(&newcomer).await, admitted("user_bob"));
    // And what came of it is good for all, once its own last failure is a second ago.
    clerk.clock().advance(Duration::from_secs(1));
    assert!(!is_stale(&resolver, &known).await);
}
