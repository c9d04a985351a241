//! How long to wait, and when to ask again.

use super::*;
use crate::client::ListSessions;

#[tokio::test]
async fn a_truncated_answer_is_asked_for_again() {
    let good = session("sess_1", "active");
    let truncated = Canned::Raw(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{\"obj"
            .to_vec(),
    );
    let (client, server) = answering([truncated.clone(), Canned::ok(&good)]).await;
    client.get(&id()).await.unwrap();
    assert_eq!(server.requests().len(), 2);

    let error = get(truncated).await;
    assert!(error.is_unavailable() && !error.is_timeout());
}

#[tokio::test]
async fn what_asks_is_repeated_and_what_changes_is_not() {
    let good = Canned::ok(&session("sess_1", "active"));
    let answers = [refusal(500, "", "x"), Canned::Raw(Vec::new()), good.clone()];
    let (client, server) = answering(answers).await;
    client.get(&id()).await.unwrap();
    assert_eq!(server.requests().len(), 3);

    let (client, server) = answering([refusal(503, "", "x")]).await;
    assert_eq!(client.list(&ListSessions::new()).await.unwrap_err().status().unwrap(), 503);
    assert_eq!(server.requests().len(), 3);

    for broken in [refusal(500, "", "x"), Canned::Raw(Vec::new())] {
        let (client, server) = answering([broken]).await;
        client.revoke(&id()).await.unwrap_err();
        client.verify_session(&id(), None).await.unwrap_err();
        client.create_token(&id(), None).await.unwrap_err();
        client.jwks().await.unwrap_err();
        assert_eq!(server.requests().len(), 4);
    }

    for final_answer in
        [refusal(404, "", "resource_not_found"), refusal(401, "", "x"), refusal(429, "", "x")]
    {
        let (client, server) = answering([final_answer]).await;
        client.get(&id()).await.unwrap_err();
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn retries_end_with_their_budget() {
    let (client, server) = answering([refusal(500, "", "x")]).await;
    let calls = 40;
    let gets = (0..calls).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.get(&id()).await.unwrap_err() })
    });
    for get in gets.collect::<Vec<_>>() {
        get.await.unwrap();
    }
    let retries = server.requests().len() - calls;
    assert!((10..=calls).contains(&retries), "{retries} retries of {calls} failures");
}

#[tokio::test]
async fn silence_from_clerk_ends_with_the_time_out() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n".to_vec();
    let server = TestServer::start([Canned::Hang, Canned::Raw(half)]).await;
    let client = builder(&server).timeout(Duration::from_millis(100)).build().unwrap();
    let error = client.revoke(&id()).await.unwrap_err();
    assert!(error.is_timeout() && error.is_unavailable() && !error.is_rate_limited());
    // Cut off in the head is a broken connection.
    assert!(!client.revoke(&id()).await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn nobody_at_the_other_end_is_unavailable() {
    let server = TestServer::start([Canned::Hang]).await;
    let client = builder(&server).build().unwrap();
    drop(server);
    let error = client.get(&id()).await.unwrap_err();
    assert!(error.is_unavailable() && error.status().is_none());
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(!source.contains("sess_1") && !error.to_string().contains(&source), "{source}");
}

#[tokio::test]
async fn one_429_quiets_questions_and_not_deeds() {
    let busy = refusal(429, "retry-after: 30\r\n", "too_many_requests");
    let (client, server) = answering([busy]).await;
    let error = client.get(&id()).await.unwrap_err();
    assert!(error.is_rate_limited() && error.is_unavailable());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    assert!(error.to_string().ends_with("try again in 30 s"), "{error}");

    let other = client.clone();
    for error in [
        other.get(&id()).await.unwrap_err(),
        other.list(&ListSessions::new()).await.unwrap_err(),
        other.verify_session(&id(), None).await.unwrap_err(),
    ] {
        assert!(error.is_rate_limited() && error.is_unavailable() && error.status().is_none());
        let left = error.retry_after().unwrap();
        assert!(left <= Duration::from_secs(30) && left > Duration::from_secs(10), "{left:?}");
    }
    assert_eq!(server.requests().len(), 1);

    client.revoke(&id()).await.unwrap_err();
    client.create_token(&id(), None).await.unwrap_err();
    client.jwks().await.unwrap_err();
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_503_that_asks_for_silence_gets_it() {
    let (client, server) = answering([refusal(503, "retry-after: 9\r\n", "x")]).await;
    assert_eq!(client.get(&id()).await.unwrap_err().retry_after(), Some(Duration::from_secs(9)));
    assert!(client.get(&id()).await.unwrap_err().is_rate_limited());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn the_keys_silence_is_not_the_sessions() {
    let (client, _server) = answering([
        refusal(429, "retry-after: 9\r\n", "x"),
        Canned::ok(&session("sess_1", "active")),
    ])
    .await;
    client.jwks().await.unwrap_err();
    client.get(&id()).await.unwrap();
}
