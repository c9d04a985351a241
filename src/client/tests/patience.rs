//! How long to wait, and when to ask again.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
    time::Instant,
};

use super::*;
use crate::client::{ListSessions, Urgency};

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

    for (broken, revocations) in [(refusal(500, "", "x"), 1), (Canned::Raw(Vec::new()), 3)] {
        let (client, server) = answering([broken]).await;
        client.revoke(&id()).await.unwrap_err();
        // Doing that twice changes nothing. Where Clerk has answered, it is done once.
        assert_eq!(server.requests().len(), revocations);
        client.verify_session(&id(), None).await.unwrap_err();
        client.create_token(&id(), None).await.unwrap_err();
        client.jwks().await.unwrap_err();
        assert_eq!(server.requests().len(), revocations + 3);
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
async fn questions_that_fail_leave_sign_outs_their_repeats() {
    let (client, server) = answering([Canned::Raw(Vec::new())]).await;
    for _ in 0..30 {
        client.get(&id()).await.unwrap_err();
    }
    let questions = server.requests().len();
    assert!(questions < 60, "the negative control: {questions}");
    client.revoke(&id()).await.unwrap_err();
    assert!(server.requests().len() > questions + 1);
}

#[tokio::test]
async fn where_there_is_no_turn_for_a_repeat_it_is_told_what_came_of_the_first() {
    let server = TestServer::start([Canned::Raw(Vec::new())]).await;
    let builder = builder(&server).timeout(Duration::from_secs(3));
    let client = builder.quota(Quota::Percent(1)).build().unwrap();
    let error = client.get(&id()).await.unwrap_err();
    assert!(error.is_unavailable() && !error.is_rate_limited(), "{error}");
    assert_eq!(server.requests().len(), 1);
    assert!(client.get(&id()).await.unwrap_err().is_rate_limited(), "the negative control");
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
async fn a_429_makes_for_a_short_pause_and_a_second_one_for_the_silence_that_clerk_asks_for() {
    let busy = refusal(429, "retry-after: 30\r\n", "too_many_requests");
    let (client, server) = answering([busy]).await;
    let begun = Instant::now();
    let error = client.get(&id()).await.unwrap_err();
    assert!(error.is_rate_limited() && error.is_unavailable());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    assert!(error.to_string().ends_with("try again in 30 s"), "{error}");

    // Asked again after the pause, Clerk is still of that mind.
    assert_eq!(client.get(&id()).await.unwrap_err().status().unwrap(), 429);
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(server.requests().len(), 2);

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
    assert_eq!(server.requests().len(), 2);

    client.revoke(&id()).await.unwrap_err();
    client.create_token(&id(), None).await.unwrap_err();
    client.jwks().await.unwrap_err();
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn revocations_and_keys_do_not_pause() {
    let (client, server) = answering([refusal(429, "retry-after: 30\r\n", "x")]).await;
    client.get(&id()).await.unwrap_err();
    let begun = Instant::now();
    client.revoke(&id()).await.unwrap_err();
    client.jwks().await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_millis(800), "{:?}", begun.elapsed());
    assert_eq!(server.requests().len(), 3);
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

#[tokio::test]
async fn a_sign_out_on_a_connection_that_dies_is_not_lost() {
    let (origin, _server) = closing_at_the_second_request().await;
    let client = SessionsClient::new(&instance(origin)).unwrap();
    client.get(&id()).await.unwrap();
    client.revoke(&id()).await.unwrap();
}

/// A server that closes each connection when the second request comes over it.
async fn closing_at_the_second_request() -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let body = session("sess_1", "revoked").to_string();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len(),
    );
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let asked = stream.read(&mut request).await;
            if asked.is_ok_and(|bytes| bytes > 0) {
                stream.write_all(answer.as_bytes()).await.unwrap();
                drop(stream.read(&mut request).await);
            }
        }
    });
    (origin, tasks)
}

#[tokio::test]
async fn what_clerk_refuses_to_revoke_twice_is_looked_up() {
    let lost = Canned::Raw(Vec::new());
    let refused = refusal(400, "", "session_not_active");
    let revoked = Canned::ok(&session("sess_1", "revoked"));
    let (client, server) = answering([lost.clone(), refused.clone(), revoked.clone()]).await;
    assert_eq!(client.revoke(&id()).await.unwrap().status().as_str(), "revoked");
    let lines: Vec<_> = server.requests().into_iter().map(|request| request.line).collect();
    let (post, get) = ("POST /v1/sessions/sess_1/revoke", "GET /v1/sessions/sess_1");
    assert_eq!(lines, [post, post, get]);

    let missing = refusal(404, "", "resource_not_found");
    let (client, _server) = answering([lost.clone(), refused.clone(), missing.clone()]).await;
    assert!(client.revoke(&id()).await.unwrap_err().is_not_found());

    for other in [Canned::ok(&session("sess_1", "active")), refusal(500, "", "x")] {
        let (client, _server) = answering([lost.clone(), refused.clone(), other]).await;
        assert_eq!(client.revoke(&id()).await.unwrap_err().status().unwrap(), 400);
    }

    // The first time, and where it says all, it is Clerk's word.
    for answers in [vec![refused.clone()], vec![lost, missing]] {
        let sent = answers.len();
        let (client, server) = answering(answers).await;
        client.revoke(&id()).await.unwrap_err();
        assert_eq!(server.requests().len(), sent);
    }
}

#[tokio::test]
async fn whoever_asks_is_told_once_that_the_question_is_sent() {
    let sent = AtomicUsize::new(0);
    let ask = async |client: &SessionsClient, urgency| {
        let told = || {
            sent.fetch_add(1, Ordering::Relaxed);
        };
        let result = client.ask(&id(), None, urgency, told).await;
        (result, sent.swap(0, Ordering::Relaxed))
    };
    let (client, server) = answering([refusal(500, "", "x")]).await;
    let (result, told) = ask(&client, Urgency::Waiting).await;
    assert_eq!((result.unwrap_err().status().unwrap().as_u16(), told), (500, 1));
    assert_eq!(server.requests().len(), 3);
    // Nobody waits for it: it is not repeated.
    let (result, told) = ask(&client, Urgency::Ahead).await;
    assert_eq!((result.unwrap_err().status().unwrap().as_u16(), told), (500, 1));
    assert_eq!(server.requests().len(), 4);

    let server = TestServer::start([Canned::ok(&session("sess_1", "active"))]).await;
    let client = builder(&server)
        .quota(Quota::Percent(4))
        .timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    for (urgency, expected) in [
        (Urgency::Ahead, true),
        (Urgency::Ahead, false),
        (Urgency::Waiting, true),
        (Urgency::Waiting, false),
    ] {
        let (result, told) = ask(&client, urgency).await;
        assert_eq!((result.is_ok(), told), (expected, usize::from(expected)), "{urgency:?}");
        assert!(result.err().is_none_or(|error| error.is_rate_limited()));
    }
}
