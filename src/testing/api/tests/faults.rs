//! The quota, faults, and what is recorded.

use super::*;

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
