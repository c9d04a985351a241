//! What each operation sends, and reads.

use std::net::{IpAddr, Ipv4Addr};

use http::HeaderMap;

use super::*;
use crate::{
    client::{ApiVersion, CreateSession, ListSessions, RefreshFormat, RefreshSession, Refreshed},
    session::SessionStatus,
};

#[tokio::test]
async fn get_asks_for_the_session_with_key_and_version() {
    let (client, server) = answering([Canned::ok(&session("sess_1", "active"))]).await;
    let session = client.get(&id()).await.unwrap();
    assert_eq!(session.status(), &SessionStatus::Active);

    let request = server.only_request();
    assert_eq!(request.line, "GET /v1/sessions/sess_1");
    assert_eq!(request.headers["authorization"], "Bearer sk_test_hush");
    assert_eq!(request.headers["clerk-api-version"], "2026-05-12");
    assert_eq!(request.headers["accept"], "application/json");
    assert!(request.headers["user-agent"].starts_with("tower-clerk/"));
    assert!(!request.headers.contains_key("content-type"));
    assert_eq!(request.body, "");
}

#[tokio::test]
async fn revoke_posts_without_a_body() {
    let (client, server) = answering([Canned::ok(&session("sess_1", "revoked"))]).await;
    assert_eq!(client.revoke(&id()).await.unwrap().status(), &SessionStatus::Revoked);
    let request = server.only_request();
    assert_eq!(request.line, "POST /v1/sessions/sess_1/revoke");
    assert!(!request.headers.contains_key("content-type"));
    assert_eq!(request.body, "");
}

#[tokio::test]
async fn verify_sends_a_version_that_has_it() {
    let server = TestServer::start([Canned::ok(&session("sess_1", "active"))]).await;
    for (set, sent) in [
        (ApiVersion::V2026_05_12, "2025-03-12"),
        (ApiVersion::V2025_03_12, "2025-03-12"),
        (ApiVersion::V2021_02_05, "2021-02-05"),
    ] {
        let client = builder(&server).api_version(set).build().unwrap();
        client.verify_session(&id(), Some("a.b.c")).await.unwrap();
        let request = server.requests().pop().unwrap();
        assert_eq!(request.line, "POST /v1/sessions/sess_1/verify");
        assert_eq!(request.headers["clerk-api-version"], sent);
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(request.body, r#"{"token":"a.b.c"}"#);
    }
    #[expect(deprecated, reason = "the public face of it is tested too")]
    builder(&server).build().unwrap().verify(&id(), None).await.unwrap();
    assert_eq!(server.requests().pop().unwrap().body, "{}");
}

#[tokio::test]
async fn list_sends_its_filters_and_reads_both_shapes() {
    let sessions = json!([session("sess_1", "active"), session("sess_2", "ended")]);
    let (client, server) = answering([
        Canned::ok(&sessions),
        Canned::ok(&json!({"data": sessions, "total_count": 7})),
    ])
    .await;

    let page = client.list(&ListSessions::new()).await.unwrap();
    assert_eq!((page.data().len(), page.total_count()), (2, None));

    let query = ListSessions::new()
        .client_id("client_1".parse().unwrap())
        .user_id("user_1".parse().unwrap())
        .status(SessionStatus::from("a&b"))
        .paginated()
        .limit(2)
        .offset(4);
    let page = client.list(&query).await.unwrap();
    assert_eq!((page.data()[1].id().as_str(), page.total_count()), ("sess_2", Some(7)));

    let lines: Vec<_> = server.requests().into_iter().map(|request| request.line).collect();
    assert_eq!(
        lines,
        [
            "GET /v1/sessions",
            "GET /v1/sessions?client_id=client_1&user_id=user_1&status=a%26b&paginated=true&limit=2&offset=4",
        ]
    );
}

#[tokio::test]
async fn one_odd_session_does_not_hide_the_others() {
    let mut undecided = session("sess_2", "active");
    undecided["status"] = json!(null);
    let mut plain = session("sess_3", "active");
    plain["client_id"] = json!(null);
    let sessions = json!([session("sess_1", "active"), undecided, null, plain]);
    for listed in [sessions.clone(), json!({ "data": sessions, "total_count": "many" })] {
        let (client, _server) = answering([Canned::ok(&listed)]).await;
        let page = client.list(&ListSessions::new()).await.unwrap();
        let ids: Vec<_> = page.data().iter().map(|session| session.id().as_str()).collect();
        assert_eq!((ids, page.unreadable()), (vec!["sess_1", "sess_3"], 2));
        assert_eq!(page.total_count(), None);
    }
    for no_list in [json!({ "errors": [] }), json!({ "data": null }), json!("")] {
        let (client, _server) = answering([Canned::ok(&no_list)]).await;
        assert!(client.list(&ListSessions::new()).await.is_err());
    }
}

#[tokio::test]
async fn a_page_of_nothing_but_odd_sessions_is_not_the_last_one() {
    let odd = json!([{}, {}]);
    let last = json!([session("sess_3", "active")]);
    let (client, server) = answering([Canned::ok(&odd), Canned::ok(&last)]).await;
    let mut pages = client.pages(ListSessions::new().limit(2));
    assert_eq!(pages.next().await.unwrap().unwrap().unreadable(), 2);
    assert_eq!(pages.next().await.unwrap().unwrap().data().len(), 1);
    assert!(pages.next().await.unwrap().is_none());
    assert_eq!(server.requests()[1].line, "GET /v1/sessions?limit=2&offset=2");
}

#[tokio::test]
async fn an_answer_about_a_session_is_read_whatever_its_ornaments_say() {
    let mut odd = session("sess_1", "active");
    odd["latest_activity"] = json!({ "is_mobile": null });
    odd["updated_at"] = json!(null);
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let odd = odd.to_string().replace("\"client_1\"", &deep);
    let answer = || Canned::text(200, "content-type: application/json\r\n", &odd);
    let (client, _server) = answering([answer(), answer(), answer()]).await;
    assert_eq!(client.get(&id()).await.unwrap().client_id(), None);
    client.revoke(&id()).await.unwrap();
    client.verify_session(&id(), None).await.unwrap();
}

#[tokio::test]
async fn pages_end_with_a_short_one_an_empty_one_or_the_count() {
    let two = json!([session("sess_1", "active"), session("sess_2", "active")]);
    let one = json!([session("sess_3", "active")]);
    for (last, asked) in [
        (vec![Canned::ok(&two), Canned::ok(&one)], 2),
        (vec![Canned::ok(&two), Canned::ok(&json!([]))], 2),
        (vec![Canned::ok(&json!({"data": two, "total_count": 2}))], 1),
        (vec![Canned::ok(&json!([]))], 1),
    ] {
        let (client, server) = answering(last).await;
        let mut pages = client.pages(ListSessions::new().limit(2));
        while let Some(page) = pages.next().await.unwrap() {
            assert!(!page.data().is_empty());
        }
        assert!(pages.next().await.unwrap().is_none());
        let lines: Vec<_> = server.requests().into_iter().map(|request| request.line).collect();
        assert_eq!(lines.len(), asked);
        let expected = ["GET /v1/sessions?limit=2", "GET /v1/sessions?limit=2&offset=2"];
        assert_eq!(lines, expected[..asked]);
    }
}

#[tokio::test]
async fn a_page_that_failed_is_asked_for_again() {
    let two = json!([session("sess_1", "active"), session("sess_2", "active")]);
    let (client, server) =
        answering([Canned::ok(&two), refusal(400, "", "x"), Canned::ok(&json!([]))]).await;
    let mut pages = client.pages(ListSessions::new().limit(2));
    pages.next().await.unwrap().unwrap();
    pages.next().await.unwrap_err();
    assert!(pages.next().await.unwrap().is_none());
    let requests = server.requests();
    assert_eq!(requests[1].line, requests[2].line);
}

#[tokio::test]
async fn create_names_user_and_organization() {
    let (client, server) = answering([Canned::ok(&session("sess_1", "active"))]).await;
    let user = || "user_1".parse().unwrap();
    client.create(&CreateSession::new(user())).await.unwrap();
    let wanted = CreateSession::new(user()).active_organization_id("org_1".parse().unwrap());
    client.create(&wanted).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests[0].line, "POST /v1/sessions");
    assert_eq!(requests[0].body, r#"{"user_id":"user_1"}"#);
    assert_eq!(requests[1].body, r#"{"user_id":"user_1","active_organization_id":"org_1"}"#);

    let other = CreateSession::new("user_2".parse().unwrap());
    assert!(client.create(&other).await.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn tokens_are_minted_for_a_while() {
    let (client, server) =
        answering([Canned::ok(&json!({"object": "token", "jwt": "a.b.c"}))]).await;
    let hour = Some(Duration::from_secs(3600));
    assert_eq!(client.create_token(&id(), None).await.unwrap().as_str(), "a.b.c");
    client.create_token(&id(), hour).await.unwrap();
    client.create_token_from_template(&id(), "hasura", hour).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests[0].line, "POST /v1/sessions/sess_1/tokens");
    assert_eq!(requests[0].body, "{}");
    assert_eq!(requests[1].body, r#"{"expires_in_seconds":3600}"#);
    assert_eq!(requests[2].line, "POST /v1/sessions/sess_1/tokens/hasura");
    assert_eq!(requests[2].body, r#"{"expires_in_seconds":3600}"#);
}

#[tokio::test]
async fn a_template_cannot_leave_its_segment() {
    let (client, server) =
        answering([Canned::ok(&json!({"object": "token", "jwt": "a.b.c"}))]).await;
    for (template, segment) in [
        ("../x", "..%2Fx"),
        ("a/b?c#d", "a%2Fb%3Fc%23d"),
        ("%2e%2e", "%252e%252e"),
        ("..\\..", "..%5C.."),
        ("a b", "a%20b"),
    ] {
        client.create_token_from_template(&id(), template, None).await.unwrap();
        let line = server.requests().pop().unwrap().line;
        assert_eq!(line, format!("POST /v1/sessions/sess_1/tokens/{segment}"));
    }
    let sent = server.requests().len();
    for bad in ["", ".", "..", ".\t.", "a\nb", "\u{7f}", &"a".repeat(257)] {
        let error = client.create_token_from_template(&id(), bad, None).await.unwrap_err();
        assert!(error.is_invalid_input() && !error.is_unavailable(), "{bad:?}");
    }
    assert_eq!(server.requests().len(), sent);
}

#[tokio::test]
async fn what_is_out_of_range_is_not_sent() {
    let (client, server) = answering([Canned::Hang]).await;
    for lifetime in [
        Duration::ZERO,
        Duration::from_secs(29),
        Duration::from_millis(30_500),
        Duration::from_secs(315_360_001),
        Duration::MAX,
    ] {
        let error = client.create_token(&id(), Some(lifetime)).await.unwrap_err();
        assert!(error.is_invalid_input(), "{lifetime:?}");
    }
    for limit in [0, 501] {
        let error = client.list(&ListSessions::new().limit(limit)).await.unwrap_err();
        assert!(error.is_invalid_input(), "{limit}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn refresh_tells_clerk_about_the_request_and_reads_both_forms() {
    let (client, server) = answering([
        Canned::ok(&json!({"object": "token", "jwt": "a.b.c"})),
        Canned::ok(&json!({"object": "cookies", "cookies": ["__session=hush; Path=/"]})),
        Canned::ok(&json!({"object": "cookies", "cookies": ["hush\r\nset-cookie: x"]})),
    ])
    .await;
    let plain = RefreshSession::new("old.hush.jwt", "hush", "https://app.example");
    let Refreshed::Token(token) = client.refresh(&id(), &plain).await.unwrap() else { panic!() };
    assert_eq!(token.as_str(), "a.b.c");

    let mut headers = HeaderMap::new();
    headers.append("x-a", "1".parse().unwrap());
    headers.append("x-a", "2".parse().unwrap());
    let full = plain
        .clone()
        .request_headers(&headers)
        .format(RefreshFormat::Cookie)
        .request_originating_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let refreshed = client.refresh(&id(), &full).await.unwrap();
    assert!(!format!("{refreshed:?} {full:?} {token:?}").contains("hush"));
    let Refreshed::Cookies(cookies) = refreshed else { panic!() };
    assert_eq!(cookies, ["__session=hush; Path=/"]);

    let error = client.refresh(&id(), &full).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hush"));

    let requests = server.requests();
    assert_eq!(requests[0].line, "POST /v1/sessions/sess_1/refresh");
    let body = |i: usize| serde_json::from_str::<Value>(&requests[i].body).unwrap();
    let mut expected = json!({
        "expired_token": "old.hush.jwt",
        "refresh_token": "hush",
        "request_origin": "https://app.example",
    });
    assert_eq!(body(0), expected);
    expected["request_headers"] = json!({"x-a": ["1", "2"]});
    expected["format"] = json!("cookie");
    expected["request_originating_ip"] = json!("127.0.0.1");
    assert_eq!(body(1), expected);
}

#[tokio::test]
async fn jwks_are_read_up_to_a_number_of_keys() {
    let key =
        json!({"kty": "RSA", "kid": "ins_1", "alg": "RS256", "use": "sig", "n": "AQ", "e": "AQAB"});
    let (client, server) = answering([
        Canned::ok(&json!({"keys": [key]})),
        Canned::ok(&json!({"keys": vec![key.clone(); 33]})),
    ])
    .await;
    assert_eq!(client.jwks().await.unwrap().keys[0].kid.as_deref(), Some("ins_1"));
    assert!(client.jwks().await.unwrap_err().is_unavailable());
    assert_eq!(server.requests()[0].line, "GET /v1/jwks");
}

#[tokio::test]
async fn the_user_agent_can_be_replaced_and_the_hook_adds_to_requests() {
    let server = TestServer::start([Canned::ok(&session("sess_1", "active"))]).await;
    let client = builder(&server)
        .user_agent("app/1")
        .http(|http| {
            http.default_headers(
                [("x-a".parse().unwrap(), "1".parse().unwrap())].into_iter().collect(),
            )
        })
        .build()
        .unwrap();
    client.get(&id()).await.unwrap();
    let headers = server.only_request().headers;
    assert_eq!((&*headers["user-agent"], &*headers["x-a"]), ("app/1", "1"));
}
