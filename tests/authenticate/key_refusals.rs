//! Whether Clerk refuses our key, or one session.

use std::time::Duration;

use tower_clerk::{
    AuthenticateLayer, Instance,
    testing::{Fault, Operation, SessionsApi},
};

use crate::stacks::{self, Outcome, Stack, admitted};

/// With keys at hand, so that Clerk is asked about sessions alone.
fn with_keys(clerk: &SessionsApi) -> Instance {
    clerk.instance_builder().jwk_set(clerk.jwk_set()).build().unwrap()
}

async fn stack(clerk: &SessionsApi) -> Stack {
    let resolver = clerk.resolver_builder_of(&with_keys(clerk)).build().unwrap();
    stacks::axum(AuthenticateLayer::new(resolver).unwrap()).await
}

/// A newcomer's request.
async fn newcomer(clerk: &SessionsApi, stack: &Stack) -> Outcome {
    stack.bearer(&clerk.token(&clerk.sign_in("user_new"))).await
}

#[tokio::test]
async fn what_clerk_forbids_of_one_session_is_no_reason_to_turn_away_the_others() {
    for (status, code) in [
        (403, "resource_forbidden"),
        (401, "session_reverification_required"),
        (403, "authorization_invalid"),
    ] {
        let clerk = SessionsApi::start().await;
        let stack = stack(&clerk).await;
        let fault = || Fault::status(status).code(code).times(1);
        for _ in 0..3 {
            clerk.fail(Operation::Get, fault());
            let odd = newcomer(&clerk, &stack).await;
            assert_eq!(odd, Outcome::Unavailable, "{code}: it concerns this one");
            assert_eq!(newcomer(&clerk, &stack).await, admitted("user_new"), "{code}");
        }
    }
}

#[tokio::test]
async fn what_clerk_forbids_of_two_sessions_within_ten_seconds_is_our_key() {
    let clerk = SessionsApi::start().await;
    let stack = stack(&clerk).await;
    let forbidden = || Fault::status(403).code("authorization_invalid");
    clerk.fail(Operation::Get, forbidden().times(1));
    assert_eq!(newcomer(&clerk, &stack).await, Outcome::Unavailable);
    clerk.clock().advance(Duration::from_secs(11));
    clerk.fail(Operation::Get, forbidden());
    assert_eq!(newcomer(&clerk, &stack).await, Outcome::Unavailable, "the first again");
    assert_eq!(newcomer(&clerk, &stack).await, Outcome::Misconfigured);
    let calls = clerk.requests().count(Operation::Get);
    assert_eq!(newcomer(&clerk, &stack).await, Outcome::Misconfigured);
    assert_eq!(clerk.requests().count(Operation::Get), calls, "it is known by now");

    clerk.clear_faults();
    clerk.clock().advance(Duration::from_secs(11));
    assert_eq!(newcomer(&clerk, &stack).await, admitted("user_new"));
}

#[tokio::test]
async fn while_our_key_is_refused_no_stale_answer_hides_it() {
    let clerk = SessionsApi::start().await;
    let builder = clerk.resolver_builder_of(&with_keys(&clerk));
    let builder = builder.stale_if_error(Duration::from_secs(3600)).networkless_if_error();
    let layer = AuthenticateLayer::new(builder.build().unwrap()).unwrap();
    let stack = stacks::axum(layer).await;
    let session = clerk.sign_in("user_ada");
    let token = || clerk.mint(&session).expires_in(Duration::from_secs(3600)).sign();
    let old = token();
    assert_eq!(stack.bearer(&old).await, admitted("user_ada"));
    clerk.clock().advance(Duration::from_secs(300));
    clerk.fail(Operation::Get, Fault::status(500).times(6));
    assert_eq!(stack.bearer(&old).await, admitted("user_ada"), "Clerk's trouble");
    assert_eq!(stack.bearer(&old).await, admitted("user_ada"), "and it is known");
    clerk.clear_faults();
    clerk.fail(Operation::Get, Fault::status(401).code("clerk_key_invalid"));
    assert_eq!(newcomer(&clerk, &stack).await, Outcome::Misconfigured);
    assert_eq!(stack.bearer(&old).await, Outcome::Misconfigured);
}
