//! The keys are not to be had, or not to be trusted any longer.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tower_clerk::testing::{Fault, Operation, SessionsApi};

use crate::{
    SOON, lasting_token,
    stacks::{Outcome, admitted},
    stacks_of,
};

const REFRESH_IS_DUE: Duration = Duration::from_secs(4 * 60);

#[tokio::test]
async fn a_hung_fetch_of_keys_blocks_nobody_who_has_one() {
    let clerk = SessionsApi::start().await;
    let token = lasting_token(&clerk, &clerk.sign_in("user_ada"));
    let resolver = clerk.resolver();
    let stacks = stacks_of(&resolver).await;
    assert_eq!(stacks[0].bearer(&token).await, admitted("user_ada"));

    clerk.fail(Operation::Jwks, Fault::hang());
    clerk.clock().advance(REFRESH_IS_DUE);
    let begun = Instant::now();
    let another = lasting_token(&clerk, &clerk.sign_in("user_bob"));
    for stack in &stacks {
        assert_eq!(stack.bearer(&token).await, admitted("user_ada"), "{}", stack.name);
        assert_eq!(stack.bearer(&another).await, admitted("user_bob"), "{}", stack.name);
    }
    // The client's time-out is three seconds.
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(clerk.requests().count(Operation::Jwks) <= 2);
}

#[tokio::test]
async fn a_service_that_started_without_keys_recovers() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    for fault in [Fault::status(500), Fault::reset(), Fault::garbage(), Fault::content_type()] {
        let resolver = clerk.resolver();
        let stacks = stacks_of(&resolver).await;
        clerk.fail(Operation::Jwks, fault.clone());
        for stack in &stacks {
            let authorization = format!("Bearer {token}");
            let answer = stack.ask(&[("authorization", authorization.as_bytes())]).await;
            assert_eq!(answer.outcome, Outcome::Unavailable, "{} {fault:?}", stack.name);
            assert!(answer.headers.contains_key("retry-after"), "{}", stack.name);
        }
        clerk.clear_faults();
        clerk.clock().advance(Duration::from_secs(5));
        for stack in &stacks {
            assert_eq!(stack.bearer(&token).await, admitted("user_ada"), "{}", stack.name);
        }
    }
}

#[tokio::test]
async fn a_key_that_is_withdrawn_takes_its_tokens_along_those_seen_before_included() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let (seen, unseen) = (lasting_token(&clerk, &session), lasting_token(&clerk, &session));
    let resolver = clerk.resolver();
    let stacks = stacks_of(&resolver).await;
    for stack in &stacks {
        assert_eq!(stack.bearer(&seen).await, admitted("user_ada"), "{}", stack.name);
    }

    clerk.rotate_keys();
    clerk.withdraw_retired_keys();
    // No good set says so yet.
    clerk.fail(Operation::Jwks, Fault::status(500));
    clerk.clock().advance(REFRESH_IS_DUE);
    let fetches = clerk.requests().count(Operation::Jwks);
    let refresh = async {
        while clerk.requests().count(Operation::Jwks) == fetches {
            assert_eq!(stacks[0].bearer(&seen).await, admitted("user_ada"));
        }
    };
    timeout(SOON, refresh).await.unwrap();
    clerk.clear_faults();
    clerk.clock().advance(Duration::from_secs(5));
    let died = async { while stacks[0].bearer(&seen).await == admitted("user_ada") {} };
    timeout(SOON, died).await.unwrap();
    for stack in &stacks {
        assert_eq!(stack.bearer(&seen).await, Outcome::Invalid, "{}", stack.name);
        assert_eq!(stack.bearer(&unseen).await, Outcome::Invalid, "{}", stack.name);
        let renewed = lasting_token(&clerk, &session);
        assert_eq!(stack.bearer(&renewed).await, admitted("user_ada"), "{}", stack.name);
    }
}

#[tokio::test]
async fn tokens_seen_before_stay_good_when_the_same_keys_are_fetched_again() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token = lasting_token(&clerk, &session);
    let resolver = clerk.resolver_builder().ttl(Duration::from_secs(24 * 3600)).build().unwrap();
    let stacks = stacks_of(&resolver).await;
    for fetch in 1..=3 {
        let fetched = async {
            while clerk.requests().count(Operation::Jwks) < fetch {
                assert_eq!(stacks[0].bearer(&token).await, admitted("user_ada"));
            }
        };
        timeout(SOON, fetched).await.unwrap();
        for stack in &stacks {
            assert_eq!(stack.bearer(&token).await, admitted("user_ada"), "{}", stack.name);
        }
        clerk.clock().advance(REFRESH_IS_DUE);
    }
    assert_eq!(clerk.requests().count(Operation::Get), 1);
}
