//! The emulator over its socket, in process.

use std::{error::Error, io::ErrorKind, net::TcpStream, sync::LazyLock, time::Duration};

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tower_clerk::testing::{Fault, Operation, SessionsApi};

type Outcome = Result<(), Box<dyn Error>>;

/// One for all tests: to make one takes longer than most of them.
static HTTP: LazyLock<Client> = LazyLock::new(Client::new);

async fn ask(api: &SessionsApi, method: Method, path: &str) -> reqwest::Result<Response> {
    let url = format!("{}/v1{path}", api.base_url());
    HTTP.request(method, url).bearer_auth(api.secret_key()).send().await
}

/// A control request; the status and the body, or the error's code.
async fn control(
    api: &SessionsApi,
    method: Method,
    path: &str,
    body: Value,
) -> reqwest::Result<(u16, Value)> {
    let url = format!("{}/emulator/{path}", api.base_url());
    let answer = HTTP.request(method, url).json(&body).send().await?;
    let status = answer.status().as_u16();
    let body: Value = answer.json().await?;
    Ok((status, if status < 300 { body } else { body["errors"][0]["code"].clone() }))
}

/// The claims of a token, unverified.
fn claims(token: &str) -> Value {
    part(token, 1)
}

fn part(token: &str, index: usize) -> Value {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = token.split('.').nth(index).expect("a part");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

#[tokio::test]
async fn two_emulators_are_two_instances() {
    let (one, two) = (SessionsApi::start().await, SessionsApi::start().await);
    assert_ne!(one.base_url(), two.base_url());
    assert_ne!(one.secret_key(), two.secret_key());
    assert_ne!(one.issuer(), two.issuer());
    assert_ne!(one.jwt_key(), two.jwt_key());
    assert_ne!(one.jwk_set().keys[0].kid, two.jwk_set().keys[0].kid);
    assert_ne!(one.sign_in("user_1"), two.sign_in("user_1"));
}

#[tokio::test]
async fn a_dropped_emulator_is_gone_and_its_connections_are_cut() -> Outcome {
    let api = SessionsApi::start().await;
    let addr = api.base_url().trim_start_matches("http://").to_owned();
    api.fail_all(Fault::hang());
    let hanging = tokio::spawn({
        let request = HTTP.get(format!("{}/v1/jwks", api.base_url()));
        request.bearer_auth(api.secret_key()).send()
    });
    while api.requests().total() == 0 {
        tokio::task::yield_now().await;
    }
    drop(api);
    assert!(hanging.await?.is_err());
    assert_eq!(TcpStream::connect(addr).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    Ok(())
}

#[tokio::test]
async fn it_listens_on_loopback_only_and_wants_settings_that_make_sense() {
    for builder in [
        SessionsApi::builder().addr(([0, 0, 0, 0], 0).into()),
        SessionsApi::builder().secret_key("sk_test_"),
        SessionsApi::builder().secret_key("pk_test_1"),
        SessionsApi::builder().secret_key("sk_test_a b"),
        SessionsApi::builder().user("1"),
    ] {
        assert_eq!(builder.start().await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_runtime_does_not_stop_it() -> Outcome {
    let api = SessionsApi::start().await;
    assert_eq!(ask(&api, Method::GET, "/jwks").await?.status(), 200);
    Ok(())
}

#[tokio::test]
async fn each_fault_is_felt_at_the_other_end() -> Outcome {
    let api = SessionsApi::start().await;
    let jwks = || ask(&api, Method::GET, "/jwks");

    api.fail(Operation::Jwks, Fault::reset().times(1));
    assert!(error_chain(&jwks().await.unwrap_err()).contains("reset"));

    api.fail(Operation::Jwks, Fault::truncate().times(1));
    let answer = jwks().await?;
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err());

    api.fail(Operation::Jwks, Fault::garbage().times(1));
    assert!(jwks().await?.json::<Value>().await.is_err());

    api.fail(Operation::Jwks, Fault::content_type().times(1));
    assert_eq!(jwks().await?.headers()["content-type"], "text/html; charset=utf-8");

    api.fail(Operation::Jwks, Fault::status(429).retry_after(Duration::from_secs(7)).times(1));
    let answer = jwks().await?;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &"7".parse()?));

    api.fail(Operation::Jwks, Fault::delay(Duration::from_millis(50)).times(1));
    let start = std::time::Instant::now();
    assert_eq!(jwks().await?.status(), 200);
    assert!(start.elapsed() >= Duration::from_millis(50));

    api.fail(Operation::Jwks, Fault::hang());
    let patience = Duration::from_millis(50);
    assert!(tokio::time::timeout(patience, jwks()).await.is_err());
    api.clear_faults();
    assert_eq!(jwks().await?.status(), 200);
    Ok(())
}

fn error_chain(error: &dyn Error) -> String {
    let source = error.source().map(error_chain).unwrap_or_default();
    format!("{error}: {source}")
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() -> Outcome {
    let api = SessionsApi::start().await;
    let url = format!("{}/v1/sessions", api.base_url());
    let request = HTTP.post(url).bearer_auth(api.secret_key());
    let answer = request.body(vec![b' '; 64 * 1024 + 1]).send().await?;
    assert_eq!(answer.status(), 413);
    Ok(())
}

#[tokio::test]
async fn the_clock_of_the_emulator_ends_sessions() -> Outcome {
    let api = SessionsApi::start().await;
    let session = api.sign_in("user_1");
    let eight_days = 8 * 24 * 60 * 60 * 1000;
    let (status, _) =
        control(&api, Method::POST, "clock", json!({ "advance_ms": eight_days })).await?;
    assert_eq!(status, 200);
    let body: Value = ask(&api, Method::GET, &format!("/sessions/{session}")).await?.json().await?;
    assert_eq!(body["status"], "expired");
    let beyond = json!({ "advance_ms": u64::MAX });
    let refused = control(&api, Method::POST, "clock", beyond).await?;
    assert_eq!(refused, (422, json!("form_param_value_invalid")));
    Ok(())
}

#[tokio::test]
async fn keys_rotate_and_old_ones_are_withdrawn() {
    let api = SessionsApi::start().await;
    let session = api.sign_in("user_1");
    let before = part(&api.token(&session), 0)["kid"].clone();
    api.rotate_keys();
    let after = part(&api.token(&session), 0)["kid"].clone();
    assert_ne!(before, after);
    let published = || api.jwk_set().keys.into_iter().map(|key| json!(key.kid)).collect::<Vec<_>>();
    assert_eq!(published(), [after.clone(), before]);
    api.withdraw_retired_keys();
    assert_eq!(published(), [after]);
}

#[tokio::test]
async fn a_mint_makes_what_clerk_would_not() {
    let api = SessionsApi::start().await;
    let session = api.sign_in("user_1");
    let token = api
        .mint(&session)
        .authorized_party("https://app.example.com")
        .issued_at(std::time::UNIX_EPOCH + Duration::from_secs(1000))
        .expires_in(Duration::from_secs(5))
        .claim("plan", json!(["a"]))
        .without_claim("jti")
        .without_claim("fva")
        .category("cl_other")
        .kid("ins_other")
        .sign();
    let expected = json!({
        "iss": api.issuer(), "sub": "user_1", "sid": session, "sts": "active", "v": 2, "pla": "u:free",
        "azp": "https://app.example.com", "iat": 1000, "nbf": 990, "exp": 1005, "plan": ["a"],
    });
    assert_eq!(claims(&token), expected);
    let header = json!({ "alg": "RS256", "typ": "JWT", "cat": "cl_other", "kid": "ins_other" });
    assert_eq!(part(&token, 0), header);

    let kid = |token: &str| part(token, 0)["kid"].clone();
    let ours = kid(&api.token(&session));
    assert_ne!(kid(&api.mint(&session).signed_by_unknown_key().sign()), ours);
    assert_eq!(kid(&api.mint(&session).forged().sign()), ours);
    assert_eq!(claims(&api.mint(&session).tampered().sign())["sub"], "user_somebody_else");
    assert!(claims(&api.mint(&session).version_1().sign()).get("v").is_none());
    assert!(claims(&api.mint(&session).template().sign()).get("sid").is_none());
    assert_eq!(claims(&api.mint(&session).machine().sign())["sub"], "mch_1");
    api.set_status(&session, "pending");
    assert_eq!(claims(&api.token(&session))["sts"], "pending");
}

#[tokio::test]
async fn only_a_genuine_token_verifies() -> Outcome {
    let api = SessionsApi::start().await;
    let session = api.sign_in("user_1");
    for (token, status) in [
        (api.token(&session), 200),
        (api.mint(&session).expired().sign(), 200),
        (api.mint(&session).tampered().sign(), 400),
        (api.mint(&session).forged().sign(), 400),
        (api.mint(&session).signed_by_unknown_key().sign(), 400),
    ] {
        let url = format!("{}/v1/sessions/{session}/verify", api.base_url());
        let request = HTTP.post(url).bearer_auth(api.secret_key());
        let answer = request.json(&json!({ "token": token })).send().await?;
        assert_eq!(answer.status(), status);
    }
    Ok(())
}

#[tokio::test]
async fn the_control_endpoints_give_what_the_api_does_not() -> Outcome {
    let api = SessionsApi::builder().secret_key("sk_live_1").start().await?;
    let user = json!({ "user_id": "user_1" });
    let (_, session) = control(&api, Method::POST, "sessions", user).await?;
    let id = session["session_id"].clone();

    let minted = json!({
        "session_id": id, "authorized_party": "https://a.test", "expires_in_seconds": 3600,
        "claims": { "role": "x", "sub": "user_2" },
    });
    let (status, token) = control(&api, Method::POST, "session-tokens", minted).await?;
    assert_eq!(status, 200);
    let claims = claims(token["jwt"].as_str().ok_or("no token")?);
    assert_eq!((&claims["azp"], &claims["role"]), (&json!("https://a.test"), &json!("x")));
    assert_eq!(claims["sub"], "user_2");
    assert_eq!(claims["exp"].as_u64(), claims["iat"].as_u64().map(|iat| iat + 3600));

    let body = json!({ "session_id": id });
    let (_, refresh) = control(&api, Method::POST, "refresh-tokens", body.clone()).await?;
    assert!(refresh["refresh_token"].is_string());

    ask(&api, Method::POST, &format!("/sessions/{}/revoke", id.as_str().ok_or("no id")?)).await?;
    for path in ["session-tokens", "refresh-tokens"] {
        let refused = control(&api, Method::POST, path, body.clone()).await?;
        assert_eq!(refused, (404, json!("resource_not_found")), "{path}");
    }

    let (_, counts) = control(&api, Method::GET, "requests", json!({})).await?;
    assert_eq!((&counts["revoke"], &counts["get"]), (&json!(1), &json!(0)));

    let (_, key) = control(&api, Method::POST, "keys", json!({ "keep_old": false })).await?;
    assert_eq!(json!([api.jwk_set().keys[0].kid]), json!([key["kid"]]));
    Ok(())
}

#[tokio::test]
async fn faults_are_set_and_cleared_from_outside() -> Outcome {
    let api = SessionsApi::start().await;
    let jwks =
        || async { ask(&api, Method::GET, "/jwks").await.map(|answer| answer.status().as_u16()) };
    let fault = json!({ "operation": "jwks", "kind": "status", "status": 503, "retry_after": 1 });
    assert_eq!(control(&api, Method::POST, "faults", fault).await?.0, 200);
    assert_eq!(jwks().await?, 503);
    assert_eq!(control(&api, Method::DELETE, "faults", json!({})).await?.0, 200);
    assert_eq!(jwks().await?, 200);

    let fault = json!({ "operation": "all", "kind": "status", "status": 500, "for_ms": 60_000 });
    control(&api, Method::POST, "faults", fault).await?;
    assert_eq!(jwks().await?, 500);
    api.clock().advance(Duration::from_secs(60));
    assert_eq!(jwks().await?, 200);
    Ok(())
}

#[tokio::test]
async fn control_requests_that_make_no_sense_are_refused() -> Outcome {
    let api = SessionsApi::start().await;
    let session = api.sign_in("user_1");
    for (path, body, expected) in [
        ("faults", json!({ "kind": "hang" }), (422, "form_param_missing")),
        ("faults", json!({ "operation": "all" }), (422, "form_param_missing")),
        ("faults", json!({ "operation": "x", "kind": "hang" }), (422, "form_param_value_invalid")),
        ("faults", json!({ "operation": "all", "kind": "x" }), (422, "form_param_value_invalid")),
        ("faults", json!({ "operation": "all", "kind": "status" }), (422, "form_param_missing")),
        (
            "faults",
            json!({ "operation": "all", "kind": "status", "status": 200 }),
            (422, "form_param_value_invalid"),
        ),
        ("faults", json!({ "operation": "all", "kind": "delay" }), (422, "form_param_missing")),
        (
            "faults",
            json!({ "operation": "all", "kind": "hang", "times": -1 }),
            (422, "form_param_format_invalid"),
        ),
        ("session-tokens", json!({}), (422, "form_param_missing")),
        ("session-tokens", json!({ "session_id": "x" }), (422, "form_param_format_invalid")),
        ("session-tokens", json!({ "session_id": "sess_1" }), (404, "resource_not_found")),
        (
            "session-tokens",
            json!({ "session_id": session, "claims": [] }),
            (422, "form_param_format_invalid"),
        ),
        (
            "session-tokens",
            json!({ "session_id": session, "expires_in_seconds": 0 }),
            (422, "form_param_value_invalid"),
        ),
        ("session-tokens", json!([]), (400, "request_body_invalid")),
        ("clock", json!({ "advance_ms": -1 }), (422, "form_param_format_invalid")),
        ("clock", json!({ "back_ms": 1 }), (422, "form_param_unknown")),
        ("nothing", json!({}), (404, "resource_not_found")),
        ("requests", json!({}), (405, "method_not_allowed")),
    ] {
        let context = format!("{path} {body}");
        let refused = control(&api, Method::POST, path, body).await?;
        assert_eq!(refused, (expected.0, json!(expected.1)), "{context}");
    }
    assert_eq!(ask(&api, Method::GET, "/jwks").await?.status(), 200);
    Ok(())
}

#[tokio::test]
async fn the_quota_is_kept_where_that_is_asked_for() -> Outcome {
    let api = SessionsApi::builder().enforce_quota(true).start().await?;
    for _ in 0..100 {
        assert_eq!(ask(&api, Method::GET, "/sessions").await?.status(), 200);
    }
    let answer = ask(&api, Method::GET, "/sessions").await?;
    assert_eq!(answer.status(), 429);
    let wait: u64 = answer.headers()["retry-after"].to_str()?.parse()?;
    assert!((1..=10).contains(&wait));
    api.clock().advance(Duration::from_secs(wait));
    assert_eq!(ask(&api, Method::GET, "/sessions").await?.status(), 200);
    Ok(())
}
