//! Tokens: issued, verified and refreshed.

use super::*;

#[test]
fn tokens_are_issued_with_the_lifetime_asked_for() {
    let mut state = state();
    let id = begin(&mut state).id;
    for (path, body, lifetime) in [
        ("tokens", "", 60),
        ("tokens", r#"{"expires_in_seconds":null}"#, 60),
        ("tokens", r#"{"expires_in_seconds":30}"#, 30),
        ("tokens/hasura", r#"{"expires_in_seconds":315360000}"#, 315_360_000),
    ] {
        let (status, token) = ask(&mut state, "POST", &format!("/v1/sessions/{id}/{path}"), body);
        assert_eq!((status, &token["object"]), (200, &json!("token")), "{path} {body}");
        let claims = state.keys.read(token["jwt"].as_str().unwrap()).unwrap().claims;
        assert_eq!(claims["exp"], lifetime);
        assert_eq!(claims.contains_key("sid"), path == "tokens");
    }
}

#[test]
fn tokens_are_refused_for_bad_lifetimes_and_unknown_templates() {
    let mut state = state();
    let id = begin(&mut state).id;
    for body in ["29", "315360001", "-30", "60.5", "\"60\"", "[]"] {
        let body = format!(r#"{{"expires_in_seconds":{body}}}"#);
        let (status, _) = ask(&mut state, "POST", &format!("/v1/sessions/{id}/tokens"), &body);
        assert_eq!(status, 422, "{body}");
    }
    let path = format!("/v1/sessions/{id}/tokens/none");
    assert_eq!(ask(&mut state, "POST", &path, ""), refusal(404, "resource_not_found"));
}

#[test]
fn an_active_session_is_verified_with_its_own_token_or_none() {
    let mut state = state();
    let session = begin(&mut state);
    let other = begin(&mut state);
    let path = format!("/v1/sessions/{}/verify", session.id);
    let token = |state: &mut State, session| state.sign(&TokenPlan::session(NOW), session);
    let own = json!({ "token": token(&mut state, &session) }).to_string();
    let foreign = json!({ "token": token(&mut state, &other) }).to_string();
    for (body, status) in [
        ("", 200),
        ("{}", 200),
        (own.as_str(), 200),
        (foreign.as_str(), 400),
        (r#"{"token":"a.b.c"}"#, 400),
        (r#"{"token":1}"#, 400),
        (r#"{"other":1}"#, 400),
    ] {
        assert_eq!(ask(&mut state, "POST", &path, body).0, status, "{body}");
    }
}

#[test]
fn verify_is_gone_from_the_version_of_april_2025_on() {
    let mut state = state();
    let path = format!("/v1/sessions/{}/verify", begin(&mut state).id);
    for version in ["2025-04-10", "2025-11-10", "2026-05-12"] {
        let request = http::Request::post(&path)
            .header("authorization", "Bearer sk_test_1")
            .header("clerk-api-version", version);
        let answer = read(&ask_at(&mut state, NOW, request, ""));
        assert_eq!(answer, refusal(410, "operation_deprecated"), "{version}");
    }
}

#[test]
fn a_session_is_refreshed_with_both_of_its_tokens() {
    let mut state = state();
    let session = begin(&mut state);
    let other = begin(&mut state);
    let token = state.sign(&TokenPlan::session(NOW), &session);
    let others_token = state.sign(&TokenPlan::session(NOW), &other);
    let refresh = state.issue_refresh_token(session.id.clone());
    let others_refresh = state.issue_refresh_token(other.id.clone());
    let later = NOW + Duration::from_secs(600);
    let path = format!("/v1/sessions/{}/refresh?suffixed_cookies=true", session.id);
    let mut ask = |token: &str, refresh: &str, format: Value| {
        let body = json!({
            "expired_token": token, "refresh_token": refresh, "request_origin": "https://a.test",
            "request_headers": { "user-agent": ["x"] }, "format": format,
        });
        read(&ask_at(&mut state, later, request("POST", &path), &body.to_string()))
    };

    let (status, fresh) = ask(&token, &refresh, json!("token"));
    assert_eq!(status, 200);
    let (_, cookies) = ask(&token, &refresh, json!("cookie"));
    assert_eq!(cookies["object"], "cookies");
    let cookies = cookies["cookies"].as_array().unwrap();
    assert!(cookies[0].as_str().unwrap().starts_with("__session=ey"));
    assert!(cookies[1].as_str().unwrap().starts_with("__session_"));

    assert_eq!(ask(&others_token, &refresh, Value::Null), refusal(401, "authentication_invalid"));
    assert_eq!(ask(&token, &others_refresh, Value::Null), refusal(401, "authentication_invalid"));
    assert_eq!(ask("", &refresh, Value::Null), refusal(400, "form_param_missing"));
    assert_eq!(ask(&token, &refresh, json!("xml")), refusal(400, "form_param_value_invalid"));

    let claims = state.keys.read(fresh["jwt"].as_str().unwrap()).unwrap().claims;
    assert_eq!((&claims["azp"], &claims["iat"]), (&json!("https://a.test"), &json!(600)));
}

#[test]
fn an_organization_shows_in_the_session_and_in_its_tokens() {
    let mut state = state();
    let member = Membership::new("org_1".parse().unwrap());
    let session = state.begin_session(user(), |session| session.organization = Some(member), NOW);
    let (_, body) = ask(&mut state, "GET", &format!("/v1/sessions/{}", session.id), "");
    assert_eq!(body["last_active_organization_id"], "org_1");
    let (_, token) = ask(&mut state, "POST", &format!("/v1/sessions/{}/tokens", session.id), "");
    let claims = state.keys.read(token["jwt"].as_str().unwrap()).unwrap().claims;
    assert_eq!(claims["o"], json!({ "id": "org_1", "slg": "1", "rol": "member" }));
}
