//! `/emulator`: what Clerk's API cannot give, for those who use the emulator from another process.

mod faults;
mod sign_in;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::{Map, Value, json};

use self::faults::{set_fault, set_webhook_fault};
use super::{
    answer::{self, Refusal},
    operation::Operation,
    parameters::{flag, only, optional, required, session_id, whole},
    request::Request,
    session::SessionRecord,
    signer::SigningKey,
    state::State,
    token::{Assembled, TokenPlan},
};
use crate::{clock::Clock, id::UserId};

/// The end of the year 9999: no clock goes beyond.
const END_OF_TIME: Duration = Duration::from_secs(253_402_300_799);
/// The longest that a single setting may last, in milliseconds: a year.
const LONGEST_MILLIS: u64 = 365 * 24 * 60 * 60 * 1000;

/// Answers a request for a path under `/emulator`.
pub(super) fn handle(state: &mut State, request: &Request, clock: &Clock) -> Response<Bytes> {
    match respond(state, request, clock) {
        Ok(body) => answer::json(StatusCode::OK, &body),
        Err(refusal) => refusal.into_answer(&state.trace_id()),
    }
}

fn respond(state: &mut State, request: &Request, clock: &Clock) -> Result<Value, Refusal> {
    let now = clock.now();
    let segments = request.segments();
    let path = segments.get(1..).unwrap_or_default();
    let parameters = || request.object_of_any_type();
    match (&request.method, path) {
        (&Method::POST, ["sessions"]) => begin_session(state, &parameters()?, now),
        (&Method::POST, ["session-statuses"]) => set_status(state, &parameters()?, now),
        (&Method::POST, ["users"]) => change_user(state, &parameters()?, now),
        (&Method::POST, ["memberships"]) => change_membership(state, &parameters()?, now),
        (&Method::POST, ["webhook-faults"]) => set_webhook_fault(state, &parameters()?),
        (&Method::POST, ["session-tokens"]) => mint(state, &parameters()?, now),
        (&Method::POST, ["edge-renewals"]) => renew_at_edge(state, &parameters()?, now),
        (&Method::POST, ["refresh-tokens"]) => issue_refresh_token(state, &parameters()?, now),
        (&Method::POST, ["faults"]) => set_fault(state, &parameters()?, now),
        (&Method::DELETE, ["faults"]) => {
            state.faults.clear();
            state.webhooks.clear_faults();
            Ok(json!({}))
        }
        (&Method::GET, ["requests"]) => Ok(counts(state)),
        (&Method::POST, ["clock"]) => advance(clock, &parameters()?, now),
        (&Method::POST, ["keys"]) => rotate(state, &parameters()?),
        (
            _,
            [
                "sessions" | "session-statuses" | "users" | "memberships" | "webhook-faults"
                | "session-tokens" | "edge-renewals" | "refresh-tokens" | "faults" | "requests"
                | "clock" | "keys",
            ],
        ) => Err(Refusal::wrong_method()),
        _ => Err(Refusal::not_found("The emulator has no such path")),
    }
}

/// A sign-in, also where the API creates no sessions: in a production instance. The user is known from then on.
fn begin_session(
    state: &mut State,
    parameters: &Map<String, Value>,
    now: SystemTime,
) -> Result<Value, Refusal> {
    only(parameters, &["user_id", "organization", "features", "plans", "factor_ages"])?;
    let user_id = user_id(parameters)?;
    let change = sign_in::read(parameters, now)?;
    state.users.insert(user_id.clone());
    let session = state.begin_session(user_id, change, now);
    Ok(json!({ "session_id": session.id, "client_id": session.client_id }))
}

fn user_id(parameters: &Map<String, Value>) -> Result<UserId, Refusal> {
    let id = required(parameters, "user_id")?;
    id.parse().map_err(|_| Refusal::format("user_id", "the ID of a user"))
}

fn set_status(
    state: &mut State,
    parameters: &Map<String, Value>,
    now: SystemTime,
) -> Result<Value, Refusal> {
    only(parameters, &["session_id", "status"])?;
    let id = session_id(parameters)?;
    let status = required(parameters, "status")?;
    state.set_status(&id, status, now).ok_or_else(|| Refusal::no_session(id.as_str()))?;
    Ok(json!({}))
}

fn change_user(
    state: &mut State,
    parameters: &Map<String, Value>,
    now: SystemTime,
) -> Result<Value, Refusal> {
    only(parameters, &["user_id", "action"])?;
    let id = user_id(parameters)?;
    match required(parameters, "action")? {
        "delete" => state.delete_user(&id, now),
        "ban" => state.set_banned(&id, true, now),
        "unban" => state.set_banned(&id, false, now),
        _ => return Err(Refusal::value("action", "delete, ban or unban")),
    }
    Ok(json!({}))
}

fn change_membership(
    state: &mut State,
    parameters: &Map<String, Value>,
    now: SystemTime,
) -> Result<Value, Refusal> {
    only(parameters, &["user_id", "organization_id", "role"])?;
    let user = user_id(parameters)?;
    let organization = required(parameters, "organization_id")?
        .parse()
        .map_err(|_| Refusal::format("organization_id", "the ID of an organization"))?;
    match optional(parameters, "role")? {
        Some(role) => state.change_role(&user, organization, role, now),
        None => state.remove_member(&user, organization, now),
    }
    Ok(json!({}))
}

fn mint(
    state: &mut State,
    parameters: &Map<String, Value>,
    now: SystemTime,
) -> Result<Value, Refusal> {
    const KNOWN: [&str; 5] =
        ["session_id", "authorized_party", "expires_in_seconds", "claims", "oiat"];
    only(parameters, &KNOWN)?;
    let session = signed_in(state, parameters, now)?;
    let mut plan = TokenPlan::session(now);
    plan.authorized_party = optional(parameters, "authorized_party")?.map(str::to_owned);
    match parameters.get("expires_in_seconds") {
        None | Some(Value::Null) => {}
        Some(seconds) => match seconds.as_u64() {
            Some(seconds @ 1..=315_360_000) => plan.lifetime = Duration::from_secs(seconds),
            _ => return Err(Refusal::value("expires_in_seconds", "from 1 to 315360000")),
        },
    }
    plan.assembled = match parameters.get("oiat") {
        None | Some(Value::Null) => Assembled::UponIssue,
        Some(Value::Bool(false)) => Assembled::Untold,
        Some(oiat) => match oiat.as_u64().map(Duration::from_secs) {
            Some(oiat) if oiat <= END_OF_TIME => Assembled::At(UNIX_EPOCH + oiat),
            _ => return Err(Refusal::format("oiat", "a time in seconds, or false")),
        },
    };
    let mut claims = state.claims(&plan, &session);
    match parameters.get("claims") {
        None | Some(Value::Null) => {}
        Some(Value::Object(more)) => claims.extend(more.clone()),
        Some(_) => return Err(Refusal::format("claims", "an object")),
    }
    let key = state.keys.current();
    Ok(json!({ "jwt": key.sign(&plan.header(key.kid(), &session), &claims) }))
}

fn renew_at_edge(
    state: &mut State,
    parameters: &Map<String, Value>,
    now: SystemTime,
) -> Result<Value, Refusal> {
    only(parameters, &["token"])?;
    let renewed = state.renew_at_edge(required(parameters, "token")?, now);
    let jwt = renewed.ok_or_else(|| Refusal::value("token", "a session token of this instance"))?;
    Ok(json!({ "jwt": jwt }))
}

fn issue_refresh_token(
    state: &mut State,
    parameters: &Map<String, Value>,
    now: SystemTime,
) -> Result<Value, Refusal> {
    only(parameters, &["session_id"])?;
    let session = signed_in(state, parameters, now)?;
    Ok(json!({ "refresh_token": state.issue_refresh_token(session.id) }))
}

/// A front end has tokens of active and pending sessions only.
fn signed_in(
    state: &mut State,
    parameters: &Map<String, Value>,
    now: SystemTime,
) -> Result<SessionRecord, Refusal> {
    let id = session_id(parameters)?;
    match state.session(id.as_str(), now) {
        Some(session) if session.is_active() || session.is_pending() => Ok(session.clone()),
        _ => Err(Refusal::no_session(id.as_str())),
    }
}

/// The number of requests per operation, and of those for nothing that exists under `unknown`.
fn counts(state: &State) -> Value {
    let count = |operation: Operation| {
        (operation.name().to_owned(), Value::from(state.requests.count(operation)))
    };
    let unknown = ("unknown".to_owned(), Value::from(state.requests.unknown()));
    Value::Object(Operation::ALL.into_iter().map(count).chain([unknown]).collect())
}

fn advance(
    clock: &Clock,
    parameters: &Map<String, Value>,
    now: SystemTime,
) -> Result<Value, Refusal> {
    only(parameters, &["advance_ms"])?;
    let millis =
        whole(parameters, "advance_ms", u64::MAX)?.ok_or_else(|| Refusal::missing("advance_ms"))?;
    let by = Duration::from_millis(millis);
    let then = now.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_add(by);
    if then > END_OF_TIME {
        return Err(Refusal::value("advance_ms", "a time that ends before the year 10000"));
    }
    clock.advance(by);
    Ok(json!({ "now_ms": super::session::millis(clock.now()) }))
}

/// A new signing key. The one before stays published unless `keep_old` is false, or the new one takes its name.
fn rotate(state: &mut State, parameters: &Map<String, Value>) -> Result<Value, Refusal> {
    only(parameters, &["keep_old", "keep_kid"])?;
    let keep_old = flag(parameters, "keep_old")?;
    let keep_kid = flag(parameters, "keep_kid")?.unwrap_or(false);
    if keep_kid && keep_old == Some(true) {
        return Err(Refusal::value("keep_old", "false where keep_kid is true"));
    }
    let kid = if keep_kid { state.keys.current().kid().to_owned() } else { state.fresh_kid() };
    let next = SigningKey::generate(kid.clone());
    if keep_kid {
        state.keys.replace(next);
    } else {
        state.keys.rotate(next);
    }
    if keep_old == Some(false) {
        state.keys.withdraw_retired();
    }
    Ok(json!({ "kid": kid }))
}
