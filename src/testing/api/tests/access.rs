//! Keys, paths and versions.

use super::*;

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
