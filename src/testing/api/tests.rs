mod access;
mod faults;
mod sessions;
mod tokens;

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
    let mut state = State::new(Some(KEY.to_owned()), None, Names::new([1; 16]));
    state.users.insert("user_1".parse().unwrap());
    state.templates.insert("hasura".to_owned());
    state
}

fn user() -> UserId {
    "user_1".parse().unwrap()
}

fn begin(state: &mut State) -> SessionRecord {
    state.begin_session(user(), |_| {}, NOW)
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
