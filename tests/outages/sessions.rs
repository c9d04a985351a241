//! The Sessions API is silent, slow, or asks for silence.

use std::time::Duration;

use tokio::time::Instant;
use tower_clerk::{
    SessionResolver, SessionsClient,
    client::Quota,
    testing::{Fault, Operation, SessionsApi},
};

use crate::{
    SOON, lasting_token, resolver_within,
    stacks::{Outcome, admitted},
    stacks_of,
    tarpit::Tarpit,
};

#[tokio::test]
async fn one_429_quiets_everybody_and_callers_are_told_the_time_left() {
    let clerk = SessionsApi::start().await;
    let resolver = clerk.resolver();
    let stacks = stacks_of(&resolver).await;
    let known = clerk.sign_in("user_ada");
    let token = clerk.token(&known);
    assert_eq!(stacks[0].bearer(&token).await, admitted("user_ada"));
    // The first makes for a short pause, the second for as much silence as is asked for.
    clerk.fail(Operation::Get, Fault::status(429).retry_after(Duration::from_secs(40)).times(2));

    let mut before = 40;
    for user in ["user_bob", "user_cyd", "user_dan"] {
        let token = clerk.token(&clerk.sign_in(user));
        for stack in &stacks {
            let authorization = format!("Bearer {token}");
            let answer = stack.ask(&[("authorization", authorization.as_bytes())]).await;
            assert_eq!(answer.outcome, Outcome::Unavailable, "{}", stack.name);
            let left = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=before).contains(&left) && left > 20, "{left} of {before} s");
            before = left;
        }
    }
    assert_eq!(clerk.requests().count(Operation::Get), 3);
    for stack in &stacks {
        assert_eq!(stack.bearer(&token).await, admitted("user_ada"), "{}", stack.name);
    }

    // Whoever wants to be signed out is not made to wait.
    resolver.revoke(&known).await.unwrap();
    assert_eq!(clerk.requests().count(Operation::Revoke), 1);
    for stack in &stacks {
        assert_eq!(stack.bearer(&token).await, Outcome::Invalid, "{}", stack.name);
    }
}

#[tokio::test]
async fn a_revocation_during_the_silence_is_tried_once() {
    let clerk = SessionsApi::start().await;
    let resolver = clerk.resolver();
    let session = clerk.sign_in("user_ada");
    clerk.fail_all(Fault::status(429).retry_after(Duration::from_secs(40)));
    assert!(resolver.get(&session).await.unwrap_err().is_rate_limited());
    let error = resolver.revoke(&session).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(40)));
    assert_eq!(clerk.requests().count(Operation::Revoke), 1);
}

#[tokio::test]
async fn a_hung_sessions_api_is_answered_for_within_the_time_out() {
    let clerk = SessionsApi::start().await;
    let timeout = Duration::from_millis(300);
    let resolver = resolver_within(timeout, Quota::Unlimited, &clerk);
    resolver.warm_up().await.unwrap();
    clerk.fail(Operation::Get, Fault::hang());
    for stack in stacks_of(&resolver).await {
        let token = clerk.token(&clerk.sign_in("user_ada"));
        let begun = Instant::now();
        assert_eq!(stack.bearer(&token).await, Outcome::Unavailable, "{}", stack.name);
        let took = begun.elapsed();
        assert!(took >= timeout && took < SOON, "{} took {took:?}", stack.name);
    }
}

#[tokio::test]
async fn bodies_that_never_end_are_not_waited_for() {
    let clerk = SessionsApi::start().await;
    let timeout = Duration::from_millis(300);
    for tarpit in [Tarpit::Rest, Tarpit::Drip, Tarpit::Pour] {
        let (origin, _tarpit) = tarpit.start().await;
        let instance = clerk.instance_builder().jwk_set(clerk.jwk_set()).api_url(origin).unwrap();
        let instance = instance.build().unwrap();
        let client = SessionsClient::builder(&instance).timeout(timeout).build().unwrap();
        let resolver = SessionResolver::builder(&instance)
            .client(client)
            .clock(clerk.clock())
            .build()
            .unwrap();
        for stack in stacks_of(&resolver).await {
            let token = clerk.token(&clerk.sign_in("user_ada"));
            let begun = Instant::now();
            assert_eq!(stack.bearer(&token).await, Outcome::Unavailable, "{}", stack.name);
            assert!(begun.elapsed() < SOON, "{tarpit:?} {} took {:?}", stack.name, begun.elapsed());
        }
        let error = resolver.get(&clerk.sign_in("user_ada")).await.unwrap_err();
        assert_eq!(error.is_timeout(), !matches!(tarpit, Tarpit::Pour), "{tarpit:?}: {error}");
    }
}

#[tokio::test]
async fn callers_who_hang_up_waste_nothing() {
    let clerk = SessionsApi::start().await;
    let resolver = clerk.resolver();
    resolver.warm_up().await.unwrap();
    for (number, stack) in stacks_of(&resolver).await.into_iter().enumerate() {
        let token = lasting_token(&clerk, &clerk.sign_in("user_ada"));
        clerk.fail(Operation::Get, Fault::delay(Duration::from_millis(200)).times(1));
        let gets = number as u64 + 1;
        let callers: Vec<_> = (0..50)
            .map(|_| {
                let (stack, token) = (stack.clone(), token.clone());
                tokio::spawn(async move { stack.bearer(&token).await })
            })
            .collect();
        while clerk.requests().count(Operation::Get) < gets {
            tokio::task::yield_now().await;
        }
        callers.iter().for_each(tokio::task::JoinHandle::abort);
        assert_eq!(stack.bearer(&token).await, admitted("user_ada"), "{}", stack.name);
        assert_eq!(clerk.requests().count(Operation::Get), gets, "{}", stack.name);
    }
}
