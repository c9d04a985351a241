use std::time::UNIX_EPOCH;

use serde_json::json;

use super::*;
use crate::{
    id::{SessionId, UserId},
    testing::{
        fault::Fault,
        quota::Quota,
        session::{Membership, SessionRecord},
        state::Names,
        token::TokenPlan,
    },
};

const KEY: &str = "sk_test_1";
const NOW: SystemTime = UNIX_EPOCH;

fn state() -> State {
    let mut state = State::new(Some(KEY.to_owned()), Names::new([1; 16]));
    state.users.insert("user_1".parse().unwrap());
    state.templates.insert("hasura".to_owned());
    state
}

fn user() -> UserId {
    "user_1".parse().unwrap()
}

fn begin(state: &mut State) -> SessionRecord {
    state.begin_session(user(), None, NOW)
}

fn request(method: &str, path: &str) -> http::request::Builder {
    http::Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {KEY}"))
        .header("clerk-api-version", "2025-03-12")
}

fn ask_at(state: &mut State, at: SystemTime, request: http::request::Builder, body: &str) -> Reply {
    let request = request.body(Bytes::from(body.to_owned())).unwrap();
    handle(state, &Request::new(request), at)
}

/// The status and the body, or the error's code.
fn ask(state: &mut State, method: &str, path: &str, body: &str) -> (u16, Value) {
    read(&ask_at(state, NOW, request(method, path), body))
}

fn read(reply: &Reply) -> (u16, Value) {
    assert_eq!(reply.answer.headers()["content-type"], "application/json");
    let body: Value = serde_json::from_slice(reply.answer.body()).unwrap();
    let status = reply.answer.status().as_u16();
    if status < 300 {
        return (status, body);
    }
    assert!(body["clerk_trace_id"].is_string());
    (status, body["errors"][0]["code"].clone())
}

fn refusal(status: u16, code: &str) -> (u16, Value) {
    (status, json!(code))
}

#[test]
fn without_the_right_key_nothing_is_answered() {
    let mut state = state();
    for (authorization, code) in [
        (None, "authentication_invalid"),
        (Some("Bearer sk_test_2"), "clerk_key_invalid"),
        (Some("bearer sk_test_12"), "clerk_key_invalid"),
        (Some("sk_test_1"), "authorization_header_format_invalid"),
        (Some("Basic sk_test_1"), "authorization_header_format_invalid"),
        (Some("Bearer "), "authorization_header_format_invalid"),
        (Some("Bearer a b"), "authorization_header_format_invalid"),
    ] {
        for path in ["/v1/sessions/sess_1", "/v1/jwks", "/v1/no/such/path"] {
            let request = http::Request::get(path);
            let request = match authorization {
                Some(field) => request.header("authorization", field),
                None => request,
            };
            let answer = read(&ask_at(&mut state, NOW, request, ""));
            assert_eq!(answer, refusal(401, code), "{authorization:?} {path}");
        }
    }
}

#[test]
fn two_keys_are_none() {
    let request = request("GET", "/v1/jwks").header("authorization", format!("Bearer {KEY}"));
    let answer = read(&ask_at(&mut state(), NOW, request, ""));
    assert_eq!(answer, refusal(401, "authorization_header_format_invalid"));
}

#[test]
fn the_scheme_is_read_in_any_case() {
    let request = http::Request::get("/v1/jwks").header("authorization", "bEARER sk_test_1");
    assert_eq!(read(&ask_at(&mut state(), NOW, request, "")).0, 200);
}

#[test]
fn what_does_not_exist_is_said_to_be_so() {
    let mut state = state();
    assert_eq!(ask(&mut state, "GET", "/v1/users", ""), refusal(404, "resource_not_found"));
    assert_eq!(ask(&mut state, "GET", "/v1", ""), refusal(404, "resource_not_found"));
    assert_eq!(ask(&mut state, "DELETE", "/v1/sessions", ""), refusal(405, "method_not_allowed"));
    assert_eq!(
        ask(&mut state, "GET", "/v1/sessions/sess_none", ""),
        refusal(404, "resource_not_found")
    );
}

#[test]
fn the_version_is_chosen_by_header_or_query_and_must_exist() {
    let mut state = state();
    let get = |path: &str| http::Request::get(path).header("authorization", "Bearer sk_test_1");
    for (request, status) in [
        (get("/v1/jwks"), 200),
        (get("/v1/jwks").header("clerk-api-version", "2026-05-12"), 200),
        (get("/v1/jwks?__clerk_api_version=2024-10-01"), 200),
        (get("/v1/jwks").header("clerk-api-version", "2020-01-01"), 400),
        (get("/v1/jwks").header("clerk-api-version", "v1"), 400),
        (
            get("/v1/jwks?__clerk_api_version=2024-10-01")
                .header("clerk-api-version", "2024-10-01"),
            400,
        ),
    ] {
        let described = format!("{request:?}");
        assert_eq!(read(&ask_at(&mut state, NOW, request, "")).0, status, "{described}");
    }
}

#[test]
fn a_created_session_can_be_got() {
    let mut state = state();
    let body = r#"{"user_id":"user_1","active_organization_id":"org_1"}"#;
    let (status, created) = ask(&mut state, "POST", "/v1/sessions", body);
    assert_eq!((status, &created["status"]), (200, &json!("active")));
    assert_eq!(created["last_active_organization_id"], "org_1");
    let path = format!("/v1/sessions/{}", created["id"].as_str().unwrap());
    assert_eq!(ask(&mut state, "GET", &path, ""), (200, created));
}

#[test]
fn sessions_are_created_for_known_users_of_development_instances() {
    let mut state = state();
    for (body, answer) in [
        ("", refusal(422, "form_param_missing")),
        ("null", refusal(422, "form_param_missing")),
        (r#"{"user_id":""}"#, refusal(422, "form_param_missing")),
        (r#"{"user_id":1}"#, refusal(422, "form_param_format_invalid")),
        (r#"{"user_id":"user_2"}"#, refusal(404, "resource_not_found")),
        (r#"{"user_id":"../x"}"#, refusal(404, "resource_not_found")),
        (
            r#"{"user_id":"user_1","active_organization_id":"x"}"#,
            refusal(422, "form_param_format_invalid"),
        ),
        ("{", refusal(400, "request_body_invalid")),
    ] {
        assert_eq!(ask(&mut state, "POST", "/v1/sessions", body), answer, "{body}");
    }

    let mut live = State::new(Some("sk_live_1".to_owned()), Names::new([1; 16]));
    live.users.insert(user());
    let request = http::Request::post("/v1/sessions").header("authorization", "Bearer sk_live_1");
    let answer = read(&ask_at(&mut live, NOW, request, r#"{"user_id":"user_1"}"#));
    assert_eq!(answer, refusal(400, "request_invalid_for_environment"));
}

#[test]
fn the_list_is_newest_first_filtered_and_cut() {
    let mut state = state();
    let at = |seconds| NOW + Duration::from_secs(seconds);
    let other: UserId = "user_2".parse().unwrap();
    let ids: Vec<SessionId> = [(user(), 1), (other, 2), (user(), 3), (user(), 3)]
        .into_iter()
        .map(|(user, seconds)| state.begin_session(user, None, at(seconds)).id)
        .collect();
    let mut list = |query: &str| -> Vec<String> {
        let (status, body) = ask(&mut state, "GET", &format!("/v1/sessions?{query}"), "");
        assert_eq!(status, 200, "{query}");
        body.as_array()
            .unwrap()
            .iter()
            .map(|session| session["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let named = |indices: &[usize]| indices.iter().map(|&i| ids[i].to_string()).collect::<Vec<_>>();
    assert_eq!(list(""), named(&[3, 2, 1, 0]));
    assert_eq!(list("user_id=user_1"), named(&[3, 2, 0]));
    assert_eq!(list("user_id=user_1&limit=1&offset=1"), named(&[2]));
    assert_eq!(list("user_id=user_3"), named(&[]));
    assert_eq!(list("status=active&offset=3"), named(&[0]));
    assert_eq!(list("status=revoked"), named(&[]));
    assert_eq!(list("offset=18446744073709551615"), named(&[]));
    let client = state.session(ids[1].as_str(), NOW).unwrap().client_id.clone();
    let (_, body) = ask(&mut state, "GET", &format!("/v1/sessions?client_id={client}"), "");
    assert_eq!(body[0]["id"], json!(ids[1]));
}

#[test]
fn a_page_counts_what_the_filter_admits() {
    let mut state = state();
    let expected = begin(&mut state).id;
    begin(&mut state);
    let query = "/v1/sessions?paginated=true&user_id=user_1&limit=1&offset=1";
    let (_, page) = ask(&mut state, "GET", query, "");
    assert_eq!(page["total_count"], 2);
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
    assert_eq!(page["data"][0]["id"], json!(expected));
}

#[test]
fn list_parameters_out_of_range_are_refused() {
    let mut state = state();
    for (query, code) in [
        ("limit=0", "form_param_value_invalid"),
        ("limit=501", "form_param_value_invalid"),
        ("limit=-1", "form_param_format_invalid"),
        ("limit=+1", "form_param_format_invalid"),
        ("limit=ten", "form_param_format_invalid"),
        ("limit=99999999999999999999", "form_param_format_invalid"),
        ("offset=-1", "form_param_format_invalid"),
        ("status=signed_in", "form_param_value_invalid"),
        ("status=pending", "form_param_value_invalid"),
        ("paginated=1", "form_param_format_invalid"),
    ] {
        let answer = ask(&mut state, "GET", &format!("/v1/sessions?{query}"), "");
        assert_eq!(answer, refusal(422, code), "{query}");
    }
}

#[test]
fn a_revoked_session_stays_revoked_and_is_issued_no_token() {
    let mut state = state();
    let id = begin(&mut state).id;
    let path = |rest: &str| format!("/v1/sessions/{id}{rest}");
    let (status, revoked) = ask(&mut state, "POST", &path("/revoke"), "null");
    assert_eq!((status, &revoked["status"]), (200, &json!("revoked")));
    assert_eq!(ask(&mut state, "POST", &path("/revoke"), ""), (200, revoked));
    for rest in ["/tokens", "/tokens/hasura", "/verify"] {
        let answer = ask(&mut state, "POST", &path(rest), "");
        assert_eq!(answer, refusal(404, "resource_not_found"), "{rest}");
    }
}

#[test]
fn sessions_end_by_the_time_of_the_request() {
    let mut state = state();
    let path = format!("/v1/sessions/{}", begin(&mut state).id);
    let later = NOW + Duration::from_secs(7 * 24 * 60 * 60);
    let (_, session) = read(&ask_at(&mut state, later, request("GET", &path), ""));
    assert_eq!(session["status"], "expired");
}

#[test]
fn a_pending_session_is_not_there_for_versions_that_do_not_know_it() {
    let mut state = state();
    let session = begin(&mut state);
    state.session(session.id.as_str(), NOW).unwrap().set_status("pending", NOW);
    let get = |version: &str, path: &str| {
        http::Request::get(path)
            .header("authorization", "Bearer sk_test_1")
            .header("clerk-api-version", version)
    };
    let path = format!("/v1/sessions/{}", session.id);
    let mut ask = |version, path: &str| read(&ask_at(&mut state, NOW, get(version, path), ""));
    assert_eq!(ask("2025-03-12", &path).1["status"], "pending");
    assert_eq!(ask("2024-10-01", &path), refusal(404, "resource_not_found"));
    assert_eq!(ask("2025-03-12", "/v1/sessions").1.as_array().unwrap().len(), 1);
    assert_eq!(ask("2024-10-01", "/v1/sessions").1, json!([]));
}

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
        let claims = state.keys.read(token["jwt"].as_str().unwrap()).unwrap();
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

    let claims = state.keys.read(fresh["jwt"].as_str().unwrap()).unwrap();
    assert_eq!((&claims["azp"], &claims["iat"]), (&json!("https://a.test"), &json!(600)));
}

#[test]
fn an_organization_shows_in_the_session_and_in_its_tokens() {
    let mut state = state();
    let member = Membership::new("org_1".parse().unwrap());
    let session = state.begin_session(user(), Some(member), NOW);
    let (_, body) = ask(&mut state, "GET", &format!("/v1/sessions/{}", session.id), "");
    assert_eq!(body["last_active_organization_id"], "org_1");
    let (_, token) = ask(&mut state, "POST", &format!("/v1/sessions/{}/tokens", session.id), "");
    let claims = state.keys.read(token["jwt"].as_str().unwrap()).unwrap();
    assert_eq!(claims["o"], json!({ "id": "org_1", "slg": "1", "rol": "member" }));
}

#[test]
fn calls_beyond_the_quota_are_told_when_to_come_back() {
    let mut state = state();
    state.quota = Some(Quota::per_ten_seconds(1));
    assert_eq!(ask(&mut state, "GET", "/v1/sessions", "").0, 200);
    let later = NOW + Duration::from_millis(2500);
    let reply = ask_at(&mut state, later, request("GET", "/v1/sessions"), "");
    assert_eq!(read(&reply), refusal(429, "too_many_requests"));
    assert_eq!(reply.answer.headers()["retry-after"], "8");
    assert_eq!(ask(&mut state, "GET", "/v1/jwks", "").0, 200);
}

#[test]
fn a_status_takes_the_place_of_the_operation() {
    let mut state = state();
    let id = begin(&mut state).id;
    let fault = Fault::status(503).retry_after(Duration::from_millis(1500)).times(1);
    state.faults.set(Some(Operation::Revoke), fault, NOW);
    let path = format!("/v1/sessions/{id}/revoke");
    let reply = ask_at(&mut state, NOW, request("POST", &path), "");
    assert_eq!(read(&reply).0, 503);
    assert_eq!(reply.answer.headers()["retry-after"], "2");
    assert!(state.session(id.as_str(), NOW).unwrap().is_active());
    assert_eq!(ask(&mut state, "POST", &path, "").0, 200);
}

#[test]
fn other_faults_strike_the_answer_of_what_has_happened() {
    for (fault, mishap) in [
        (Fault::reset(), Some(Mishap::Reset)),
        (Fault::hang(), Some(Mishap::Hang)),
        (Fault::truncate(), Some(Mishap::Truncate)),
        (Fault::delay(Duration::from_secs(1)), Some(Mishap::Delay(Duration::from_secs(1)))),
        (Fault::garbage(), None),
        (Fault::content_type(), None),
    ] {
        let mut state = state();
        let id = begin(&mut state).id;
        state.faults.set(None, fault, NOW);
        let path = format!("/v1/sessions/{id}/revoke");
        let reply = ask_at(&mut state, NOW, request("POST", &path), "");
        assert_eq!(reply.mishap, mishap);
        assert_eq!(reply.answer.status(), 200);
        assert_eq!(state.session(id.as_str(), NOW).unwrap().status, "revoked");
        let is_json = reply.answer.headers()["content-type"] == "application/json"
            && serde_json::from_slice::<Value>(reply.answer.body()).is_ok();
        assert_eq!(is_json, mishap.is_some());
    }
}

#[test]
fn requests_are_recorded_without_the_key() {
    let mut state = state();
    ask(&mut state, "GET", "/v1/sessions/sess%5F1?a=b", "");
    ask(&mut state, "GET", "/v1/nothing", "");
    let last = state.requests.last(Operation::Get).unwrap();
    assert_eq!((last.path(), last.query()), ("/v1/sessions/sess%5F1", Some("a=b")));
    assert_eq!(last.headers()["clerk-api-version"], "2025-03-12");
    assert!(!last.headers().contains_key("authorization"));
    assert!(!format!("{:?}", state.requests).contains(KEY));
    assert_eq!((state.requests.total(), state.requests.unknown()), (2, 1));
}
