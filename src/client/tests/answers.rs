//! Which answers are believed, and what they teach.

use super::*;
use crate::client::RefreshSession;

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
    for code in
        ["clerk_key_invalid", "authentication_invalid", "authorization_header_format_invalid"]
    {
        let error = get(refusal(401, "", code)).await;
        assert!(error.is_unauthorized() && !error.is_unavailable() && !error.is_not_found());
        assert!(error.to_string().ends_with("check the secret key"));
    }
}

#[tokio::test]
async fn what_one_session_is_refused_is_not_our_keys_fault() {
    for (status, code) in [
        (403, "resource_forbidden"),
        (401, "session_forbidden"),
        (403, "clerk_key_invalid"),
        (403, "authorization_invalid"),
    ] {
        let error = get(refusal(status, "", code)).await;
        assert!(error.is_unavailable() && !error.is_unauthorized(), "{status} {code}");
        assert!(!error.to_string().contains("secret key"), "{error}");
        // It may be the key's, which whoever sees it of several sessions can tell.
        assert_eq!(error.may_be_unauthorized(), code == "authorization_invalid");
    }
}

#[tokio::test]
async fn a_refused_refresh_may_be_about_the_tokens() {
    let (client, _server) = answering([refusal(401, "", "token_expired")]).await;
    let request = RefreshSession::new("old.hush.jwt", "hush", "https://app.example");
    let error = client.refresh(&id(), &request).await.unwrap_err();
    assert!(error.is_unauthorized() && !error.is_unavailable());
    assert!(!error.to_string().contains("secret key"), "{error}");
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
async fn whatever_clerk_says_yes_to_a_revocation_with_it_is_one() {
    let good = session("sess_1", "revoked");
    for status in [200, 201, 202] {
        let (client, _server) = answering([Canned::json(status, "", &good)]).await;
        client.revoke(&id()).await.unwrap();
    }
    let cut_off =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{";
    for answer in [
        Canned::ok(&session("sess_2", "revoked")),
        Canned::ok(&json!({"object": "session", "id": "sess_1"})),
        Canned::text(200, "content-type: text/html\r\n", "<h1>Welcome to our hotel</h1>"),
        Canned::text(204, "", ""),
        Canned::text(201, "content-type: application/json\r\n", ""),
        Canned::Raw(cut_off.to_vec()),
    ] {
        let (client, _server) = answering([answer.clone()]).await;
        let error = client.revoke(&id()).await.unwrap_err();
        assert!(error.was_accepted() && error.is_unavailable(), "{answer:?}");
        assert!(error.to_string().contains("not known"), "{error}");
        // A question is no revocation.
        assert!(!client.get(&id()).await.unwrap_err().was_accepted(), "{answer:?}");
    }
    for answer in [Canned::text(302, "", ""), refusal(400, "", "x"), refusal(500, "", "x")] {
        let (client, _server) = answering([answer.clone()]).await;
        assert!(!client.revoke(&id()).await.unwrap_err().was_accepted(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_yes_that_never_ends_is_a_yes() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n";
    let server = TestServer::start([Canned::Half(head.to_vec())]).await;
    let client = builder(&server).timeout(Duration::from_millis(200)).build().unwrap();
    let error = client.revoke(&id()).await.unwrap_err();
    assert!(error.was_accepted() && error.is_timeout());
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
