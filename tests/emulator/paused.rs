//! Tests whose time is tokio's paused clock.

use std::time::Instant;

use tokio::time;

use super::*;

/// Resolves sessions that nobody has asked for, each with a call to the emulator, and gives the refusals.
async fn cold_requests(api: &SessionsApi, requests: usize) -> Vec<String> {
    let resolver = api.resolver();
    let mut refusals = Vec::new();
    for _ in 0..requests {
        let token = api.token(&api.sign_in("user_1"));
        let credential = Credential::session_token(token.as_bytes());
        refusals.extend(
            resolver.resolve(credential, &Policy::default()).await.err().map(|it| it.to_string()),
        );
    }
    refusals
}

#[tokio::test(start_paused = true)]
async fn on_a_paused_clock_nobody_gets_a_503_out_of_nothing() {
    let api = SessionsApi::start().await;
    assert_eq!(cold_requests(&api, 100).await, Vec::<String>::new());

    let resolver = api.resolver();
    let tokens: Vec<_> = (0..50).map(|_| api.token(&api.sign_in("user_1"))).collect();
    let mut together = tokio::task::JoinSet::new();
    for token in tokens {
        let resolver = resolver.clone();
        together.spawn(async move {
            let credential = Credential::session_token(token.as_bytes());
            resolver.resolve(credential, &Policy::default()).await.map(drop)
        });
    }
    for resolved in together.join_all().await {
        resolved.expect("it is resolved");
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_still_jumps_where_somebody_sleeps() {
    let api = SessionsApi::start().await;
    assert_eq!(cold_requests(&api, 1).await, Vec::<String>::new());
    let began = (Instant::now(), time::Instant::now());
    time::sleep(Duration::from_secs(3600)).await;
    assert!(began.0.elapsed() < Duration::from_secs(60));
    assert!(began.1.elapsed() >= Duration::from_secs(3600));
    assert_eq!(cold_requests(&api, 1).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn on_a_paused_clock_what_hangs_is_given_up_at_once() {
    let api = SessionsApi::start().await;
    let session = api.sign_in("user_1");
    api.fail(Operation::Get, Fault::hang());
    let began = (Instant::now(), time::Instant::now());
    let error = api.client().get(&session).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(began.1.elapsed() >= Duration::from_secs(3), "by the clock that was given");
    assert!(began.0.elapsed() < Duration::from_secs(2), "nobody had to wait for it");
}

#[tokio::test(start_paused = true)]
async fn on_a_paused_clock_what_fails_is_tried_again() {
    let api = SessionsApi::start().await;
    let session = api.sign_in("user_1");
    api.fail(Operation::Get, Fault::status(503).times(1));
    assert!(api.client().get(&session).await.is_ok());
    assert_eq!(api.requests().count(Operation::Get), 2);
}
