//! The core: a state and a request give an answer. No I/O, no clock.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use super::{
    answer::{self, Refusal},
    api_version::ApiVersion,
    fault::{Failure, Kind},
    operation::{Operation, Route},
    operations,
    request::Request,
    state::State,
};

/// An answer, and what the connection is to do to it.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) answer: Response<Bytes>,
    pub(super) mishap: Option<Mishap>,
}

/// What happens to an answer on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mishap {
    Delay(Duration),
    Hang,
    Reset,
    Truncate,
}

/// Answers a request for a path under `/v1`, or of the Frontend API.
pub(super) fn handle(state: &mut State, request: &Request, now: SystemTime) -> Reply {
    let segments = request.segments();
    let route = Route::of(&request.method, &segments);
    state.requests.record(route.operation(), request, now);
    let fault = state.faults.strike(route.operation(), now);
    if let Some(Kind::Status(failure)) = fault {
        return Reply { answer: broken(state, &failure), mishap: None };
    }
    let answer = match respond(state, request, &route, now) {
        Ok(body) => answer::json(StatusCode::OK, &body),
        Err(refusal) => refusal.into_answer(&state.trace_id()),
    };
    spoil(answer, fault.as_ref())
}

fn respond(
    state: &mut State,
    request: &Request,
    route: &Route<'_>,
    now: SystemTime,
) -> Result<Value, Refusal> {
    let operation = route.operation();
    if operation != Some(Operation::PublicJwks) {
        authenticate(&request.headers, &state.instance.secret_key)?;
    }
    if !matches!(operation, Some(Operation::Jwks | Operation::PublicJwks))
        && let Some(quota) = &mut state.quota
    {
        quota.admit(now).map_err(Refusal::too_many_requests)?;
    }
    let version = ApiVersion::asked_for(request)?;
    match *route {
        Route::To { operation, session_id, template } => {
            let call = operations::Call { request, version, session_id, template, now };
            call.perform(operation, state)
        }
        Route::WrongMethod => Err(Refusal::wrong_method()),
        Route::Nowhere => Err(Refusal::not_found("The requested path does not exist")),
    }
}

/// Every path but that of the public keys wants the key, those that do not exist too.
fn authenticate(headers: &HeaderMap, secret_key: &str) -> Result<(), Refusal> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let field = fields.next().ok_or_else(Refusal::no_key)?;
    if fields.next().is_some() {
        return Err(Refusal::malformed_authorization());
    }
    let (scheme, key) = field
        .to_str()
        .ok()
        .and_then(|field| field.trim().split_once(' '))
        .ok_or_else(Refusal::malformed_authorization)?;
    let key = key.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || key.is_empty() || key.contains(' ') {
        return Err(Refusal::malformed_authorization());
    }
    if key == secret_key { Ok(()) } else { Err(Refusal::wrong_key()) }
}

/// What Clerk says when it is not itself.
fn broken(state: &mut State, failure: &Failure) -> Response<Bytes> {
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (code, message) = match status {
        StatusCode::TOO_MANY_REQUESTS => {
            ("too_many_requests", "Too many requests. Please try again in a bit.")
        }
        _ => ("internal_clerk_error", "Oops, an unexpected error occurred"),
    };
    let code = failure.code.clone().map_or(Cow::Borrowed(code), Cow::Owned);
    let refusal = Refusal::new(status, code, message);
    let refusal = match failure.retry_after {
        Some(after) => refusal.retry_after(after),
        None => refusal,
    };
    let mut answer = refusal.into_answer(&state.trace_id());
    if status.is_redirection() {
        answer.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/v1/elsewhere"));
    }
    answer
}

fn spoil(mut answer: Response<Bytes>, fault: Option<&Kind>) -> Reply {
    let mishap = match fault {
        None | Some(Kind::Status(_)) => None,
        Some(Kind::Delay(by)) => Some(Mishap::Delay(*by)),
        Some(Kind::Hang) => Some(Mishap::Hang),
        Some(Kind::Reset) => Some(Mishap::Reset),
        Some(Kind::Truncate) => Some(Mishap::Truncate),
        Some(Kind::Garbage) => {
            *answer.status_mut() = StatusCode::OK;
            *answer.body_mut() = Bytes::from_static(b"{\"object\": \xff\xfe garbage");
            None
        }
        Some(Kind::ContentType) => {
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            answer.headers_mut().insert(header::CONTENT_TYPE, html);
            None
        }
    };
    Reply { answer, mishap }
}

#[cfg(test)]
mod tests;
