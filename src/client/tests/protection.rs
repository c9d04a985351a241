//! Trouble: what it is called, and what it leads to.

use tokio::time::Instant;

use super::*;
use crate::client::{ApiVersion, Error, ListSessions};

async fn get(answer: Canned) -> Error {
    let (client, _server) = answering([answer]).await;
    client.get(&id()).await.unwrap_err()
}

#[tokio::test]
async fn an_error_tells_what_clerk_told() {
    let error = get(refusal(404, "", "resource_not_found")).await;
    assert!(error.is_not_found() && !error.is_unavailable() && !error.is_unauthorized());
    assert_eq!(error.status().unwrap(), 404);
    assert_eq!(error.codes().collect::<Vec<_>>(), ["resource_not_found"]);
    assert_eq!(error.errors().next().unwrap().long_message(), "no, really");
    assert_eq!(error.clerk_trace_id(), Some("trace_1"));
    assert_eq!(error.to_string(), "get: Clerk answered 404 resource_not_found: no (trace trace_1)");
}

#[tokio::test]
async fn a_404_that_is_not_about_the_session_is_no_answer() {
    let html = Canned::text(404, "content-type: text/html\r\n", "<h1>gone</h1>");
    let json_in_html = Canned::text(
        404,
        "content-type: text/html\r\n",
        r#"{"errors":[{"code":"resource_not_found"}]}"#,
    );
    for answer in [html, json_in_html, refusal(404, "", "other")] {
        let error = get(answer).await;
        assert!(!error.is_not_found() && error.is_unavailable() && !error.is_endpoint_gone());
    }
}

#[tokio::test]
async fn a_refused_key_is_our_own_fault() {
    for status in [401, 403] {
        let error = get(refusal(status, "", "clerk_key_invalid")).await;
        assert!(error.is_unauthorized() && !error.is_unavailable() && !error.is_not_found());
        assert!(error.to_string().ends_with("check the secret key"));
    }
}

#[tokio::test]
async fn a_refusal_by_a_proxy_on_the_way_is_not_our_keys_fault() {
    for status in [401, 403] {
        for body in ["", "<html>who are you?</html>", "{}", r#"{"errors":[]}"#] {
            let error = get(Canned::text(status, "content-type: text/html\r\n", body)).await;
            assert!(error.is_unavailable() && !error.is_unauthorized(), "{status} {body}");
        }
    }
}

#[tokio::test]
async fn answers_that_are_not_the_session_teach_nothing() {
    let good = session("sess_1", "active").to_string();
    for answer in [
        Canned::ok(&session("sess_2", "active")),
        Canned::ok(&json!({"object": "session"})),
        Canned::ok(&json!(null)),
        Canned::text(200, "content-type: application/json\r\n", ""),
        Canned::text(200, "content-type: application/json\r\n", "\u{1}garbage"),
        Canned::text(200, "content-type: text/html\r\n", &good),
        Canned::text(200, "", &good),
        Canned::json(201, "", &session("sess_1", "active")),
        Canned::text(204, "", ""),
        refusal(400, "", "form_param_format_invalid"),
        refusal(410, "", "operation_deprecated"),
        refusal(422, "", "form_param_missing"),
    ] {
        let error = get(answer.clone()).await;
        assert!(error.is_unavailable() && !error.is_timeout(), "{answer:?}");
        assert!(!error.is_endpoint_gone() && !error.is_rate_limited(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_charset_does_no_harm() {
    let good = session("sess_1", "active").to_string();
    let headers = "content-type: application/json; charset=utf-8\r\n";
    let (client, _server) = answering([Canned::text(200, headers, &good)]).await;
    client.get(&id()).await.unwrap();
}

#[tokio::test]
async fn revoke_and_verify_want_the_session_they_asked_for() {
    let (client, _server) = answering([Canned::ok(&session("sess_2", "revoked"))]).await;
    assert!(client.revoke(&id()).await.unwrap_err().is_unavailable());
    assert!(client.verify_session(&id(), None).await.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn long_answers_are_not_read() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    // Announced, and never sent: refused without waiting for it.
    let announced = format!("{head}content-length: 1048577\r\n\r\n").into_bytes();
    let unannounced = [format!("{head}\r\n").into_bytes(), vec![b' '; (1 << 20) + 1]].concat();
    for long in [announced, unannounced] {
        let error = get(Canned::Raw(long)).await;
        assert!(error.to_string().ends_with("the body is too long"), "{error}");
    }

    let keys = format!(r#"{{"keys":[]{}}}"#, " ".repeat(64 << 10));
    let (client, _server) =
        answering([Canned::text(200, "content-type: application/json\r\n", &keys)]).await;
    assert!(client.jwks().await.unwrap_err().is_unavailable());
}

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

#[tokio::test]
async fn calls_beyond_the_quota_wait_or_fail_at_once() {
    let server = TestServer::start([Canned::ok(&session("sess_1", "active"))]).await;
    // Three calls in 10 s: two at once, the third 10 s later.
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
    for _ in 0..41 {
        client.get(&id()).await.unwrap();
    }
    // A burst of 40, and one more after a fortieth of 10 s.
    assert!(begun.elapsed() >= Duration::from_millis(250));
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

#[tokio::test]
async fn a_verify_endpoint_that_is_gone_says_nothing_about_the_session() {
    for gone in [
        refusal(410, "", "operation_deprecated"),
        refusal(404, "", "route_not_found"),
        Canned::text(404, "", ""),
        Canned::text(410, "", ""),
    ] {
        let (client, _server) = answering([gone]).await;
        let error = client.verify_session(&id(), None).await.unwrap_err();
        assert!(error.is_endpoint_gone() && error.is_unavailable() && !error.is_not_found());
        // The same answer to another question means something else.
        assert!(!client.get(&id()).await.unwrap_err().is_endpoint_gone());
    }
    let (client, _server) = answering([refusal(404, "", "resource_not_found")]).await;
    let error = client.verify_session(&id(), None).await.unwrap_err();
    assert!(error.is_not_found() && !error.is_endpoint_gone());
}

#[tokio::test]
async fn the_secret_key_follows_no_redirect() {
    let elsewhere = TestServer::start([Canned::ok(&session("sess_1", "active"))]).await;
    let location = format!("location: {}/v1/sessions/sess_1\r\n", elsewhere.origin());
    for status in [301, 302, 303, 307, 308] {
        let server = TestServer::start([Canned::text(status, &location, "")]).await;
        let client = builder(&server)
            .http(|http| http.redirect(reqwest::redirect::Policy::limited(10)))
            .build()
            .unwrap();
        for error in [client.get(&id()).await.unwrap_err(), client.revoke(&id()).await.unwrap_err()]
        {
            assert_eq!(error.status().unwrap(), status);
            assert!(error.is_unavailable());
        }
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn the_hook_cannot_take_the_time_out_away_nor_bring_a_proxy_in() {
    let server = TestServer::start([Canned::Hang]).await;
    let proxy = TestServer::start([Canned::ok(&session("sess_1", "active"))]).await;
    let client = builder(&server)
        .timeout(Duration::from_millis(100))
        .http(|http| {
            http.timeout(Duration::MAX).proxy(reqwest::Proxy::all(proxy.origin()).unwrap())
        })
        .build()
        .unwrap();
    assert!(client.get(&id()).await.unwrap_err().is_timeout());
    assert!(proxy.requests().is_empty());
}

#[tokio::test]
async fn the_hook_cannot_shorten_the_time_outs() {
    let server = TestServer::start([Canned::ok(&session("sess_1", "active"))]).await;
    let instant = Duration::from_nanos(1);
    let client = builder(&server)
        .http(|http| http.timeout(instant).read_timeout(instant).connect_timeout(instant))
        .build()
        .unwrap();
    client.get(&id()).await.unwrap();
}

#[tokio::test]
async fn no_error_shows_a_secret() {
    let mut jwt = Vec::new();
    for answer in [
        json!({"object": "token", "jwt": {"hush": 1}}),
        json!({"object": "token", "jwt": "hush hush"}),
        json!("hush"),
    ] {
        let (client, _server) = answering([Canned::ok(&answer)]).await;
        jwt.push(client.create_token(&id(), None).await.unwrap_err());
    }
    let (client, _server) = answering([Canned::Raw(Vec::new())]).await;
    jwt.push(client.verify_session(&id(), Some("hush.hush.hush")).await.unwrap_err());
    for error in jwt {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert!(!format!("{error} {error:?} {source:?}").contains("hush"), "{error:?}");
    }
}

#[test]
fn the_client_and_what_it_returns_go_anywhere() {
    fn anywhere<T: Send + Sync + Clone + 'static>() {}
    fn sent<T: Send>(_: T) {}
    anywhere::<SessionsClient>();
    anywhere::<Error>();
    anywhere::<crate::session::Session>();
    let client = SessionsClient::new(SECRET.parse().unwrap()).unwrap();
    let id = id();
    sent(client.get(&id));
    sent(client.verify_session(&id, None));
    sent(client.pages(ListSessions::new()).next());
    assert_eq!(ApiVersion::default(), ApiVersion::V2026_05_12);
}
