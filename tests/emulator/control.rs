//! The endpoints for other processes.

use super::*;

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
