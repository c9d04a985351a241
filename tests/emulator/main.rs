//! The emulator over its socket, in process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod authorization;
mod control;
mod faults;
mod keys;
mod paused;
mod resolving;
mod tokens;
mod webhooks;

use std::{error::Error, io::ErrorKind, net::TcpStream, sync::LazyLock, time::Duration};

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use tower_clerk::{
    Clock, Credential, Policy,
    testing::{Fault, Operation, SessionsApi},
};

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
