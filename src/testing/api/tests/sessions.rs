//! Sessions, and lists of them.

use super::*;

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

    let mut live = State::new(Some("sk_live_1".to_owned()), None, Names::new([1; 16]));
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
        .map(|(user, seconds)| state.begin_session(user, |_| {}, at(seconds)).id)
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
