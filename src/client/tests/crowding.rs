//! The quota, and calls under way at once.

use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use super::*;
use crate::client::Urgency;

#[tokio::test]
async fn calls_beyond_the_quota_wait_or_fail_at_once() {
    let server = TestServer::start([Canned::ok(&session("sess_1", "active"))]).await;
    // Three calls in 10 s: two at once, the third 5 s later.
    let client =
        builder(&server).quota(Quota::Percent(3)).timeout(Duration::from_secs(5)).build().unwrap();
    client.get(&id()).await.unwrap();
    client.get(&id()).await.unwrap();
    let begun = Instant::now();
    let error = client.get(&id()).await.unwrap_err();
    assert!(error.is_rate_limited() && error.is_unavailable() && error.status().is_none());
    assert!(error.retry_after().unwrap() > begun.elapsed() + Duration::from_secs(4));
    assert!(client.create_token(&id(), None).await.unwrap_err().is_rate_limited());
    assert_eq!(server.requests().len(), 2);
    // It is not the sessions' limit that the keys come under.
    client.jwks().await.unwrap_err();
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_call_waits_for_its_turn_when_that_comes_in_time() {
    let server = TestServer::start([Canned::ok(&session("sess_1", "active"))]).await;
    let client = builder(&server).quota(Quota::default()).build().unwrap();
    let begun = Instant::now();
    for _ in 0..44 {
        client.get(&id()).await.unwrap();
    }
    // A burst of 40, and what is left is spread over the window.
    assert!(begun.elapsed() >= Duration::from_millis(500), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn so_many_calls_are_under_way_at_once_and_one_that_leaves_makes_room() {
    let limit = 64;
    let answers = [vec![Canned::Hang; limit], vec![Canned::ok(&json!({"keys": []}))]].concat();
    let (client, server) = answering(answers).await;
    let mut calls: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.create_token(&id(), None).await.unwrap_err() })
        })
        .collect();
    let under_way =
        || server.requests().iter().filter(|request| request.line.starts_with("POST")).count();
    while under_way() < limit {
        tokio::task::yield_now().await;
    }
    // The keys are not held up, and meanwhile the others stayed where they were.
    client.jwks().await.unwrap();
    assert_eq!(under_way(), limit);

    calls.drain(..limit).for_each(|call| call.abort());
    for waiting in calls {
        assert!(!waiting.await.unwrap().is_timeout());
    }
    assert_eq!(under_way(), 100);
}

#[tokio::test]
async fn questions_that_hang_keep_nobody_from_signing_out() {
    let limit = 64;
    let answers = [vec![Canned::Hang; limit], vec![Canned::ok(&session("sess_1", "revoked"))]];
    let (client, server) = answering(answers.concat()).await;
    let questions: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.get(&id()).await })
        })
        .collect();
    while server.requests().len() < limit {
        tokio::task::yield_now().await;
    }
    client.revoke(&id()).await.unwrap();
    assert!(questions.iter().all(|question| !question.is_finished()));
    questions.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn questions_that_use_up_the_quota_keep_nobody_from_signing_out() {
    let server = TestServer::start([Canned::ok(&session("sess_1", "active"))]).await;
    let client = builder(&server).quota(Quota::default()).build().unwrap();
    for _ in 0..40 {
        client.get(&id()).await.unwrap();
    }
    let next = tokio::spawn({
        let client = client.clone();
        async move { client.get(&id()).await }
    });
    tokio::task::yield_now().await;
    let begun = Instant::now();
    for _ in 0..10 {
        client.revoke(&id()).await.unwrap();
    }
    // Ten questions would have waited for two and a half seconds.
    assert!(begun.elapsed() < Duration::from_secs(2));
    next.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_away_while_waiting_for_a_turn_leaves_it_to_the_next() {
    let client = SessionsClient::builder(&instance("http://127.0.0.1:1")).build().unwrap();
    let rehearse = |client: SessionsClient| async move {
        client.rehearse(&id(), Urgency::Waiting, Duration::ZERO, || ()).await.unwrap();
    };
    for _ in 0..40 {
        rehearse(client.clone()).await;
    }
    let mut waiting = JoinSet::new();
    for millis in 1..=6 {
        waiting.spawn(timeout(Duration::from_millis(millis), rehearse(client.clone())));
    }
    while let Some(waited) = waiting.join_next().await {
        assert!(waited.unwrap().is_err(), "it was not its turn");
    }
    let begun = Instant::now();
    rehearse(client).await;
    assert!(begun.elapsed() < Duration::from_millis(300), "{:?}", begun.elapsed());
}
