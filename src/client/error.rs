//! What can go wrong in a call to Clerk.

use std::{error::Error as StdError, fmt, iter, sync::Arc, time::Duration};

use http::StatusCode;

pub use super::api_error::ApiError;
use super::{api_error::Refusal, operation::Operation};

/// A call to Clerk's API failed.
///
/// Ask the predicates what to do about it: [`is_not_found`](Self::is_not_found),
/// [`is_unauthorized`](Self::is_unauthorized), [`is_invalid_input`](Self::is_invalid_input) and
/// [`is_unavailable`](Self::is_unavailable) exclude each other. Cloning is one atomic increment, so that many callers
/// can share one result. No secret key, token or URL is part of it.
#[derive(Debug, Clone)]
pub struct Error(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    operation: Operation,
    kind: Kind,
    retry_after: Option<Duration>,
    /// Clerk answered 2xx to what is to change something.
    was_accepted: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

#[derive(Debug)]
enum Kind {
    /// The arguments cannot be sent.
    InvalidInput(&'static str),
    /// Clerk asked this client to wait.
    Quiet,
    /// The client's share of the quota is used up for longer than the time-out.
    Quota,
    /// Too many calls are under way, and none of them ended in time.
    Crowded,
    Timeout,
    /// The connection could not be made or broke.
    Transport,
    /// Clerk answered something other than 200.
    Refused(Refusal),
    /// Clerk answered 200 and nonsense.
    InvalidResponse(&'static str),
    /// The call came to no end that counts.
    Interrupted,
    /// There is no secret key to call with.
    NoSecretKey,
}

impl Error {
    /// The status of Clerk's answer, when it was not 200.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.refusal().map(|refusal| refusal.status)
    }

    /// What Clerk found wrong, in its order.
    pub fn errors(&self) -> impl Iterator<Item = &ApiError> {
        self.refusal().into_iter().flat_map(|refusal| &refusal.errors)
    }

    /// Clerk's codes for what it found wrong, such as `resource_not_found`.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.errors().map(ApiError::code)
    }

    /// What Clerk's support asks for.
    #[must_use]
    pub fn clerk_trace_id(&self) -> Option<&str> {
        self.refusal()?.clerk_trace_id.as_deref()
    }

    /// How long to wait before the next call, at most a minute: what Clerk asked for, or what is
    /// left of it, or the time until this client's [quota](super::Quota) allows another call.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Clerk knows no such session (or template): 404 with the code `resource_not_found`.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_not_found)
    }

    /// There is no secret key, or Clerk does not know it: 401 with a code that speaks of it (`clerk_key_invalid`,
    /// `authentication_invalid` or `authorization_header_format_invalid`). Another 401 or 403
    /// concerns this one call, or comes from a proxy on the way. When
    /// [refreshing](crate::SessionsClient::refresh), it is a 401 with any code of Clerk's, and may be
    /// about the tokens instead.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        let has_none = matches!(self.0.kind, Kind::NoSecretKey);
        has_none
            || self.refusal().is_some_and(|refusal| {
                let refreshes = self.0.operation == Operation::Refresh;
                refusal.is_about_the_key()
                    || (refreshes
                        && refusal.status == StatusCode::UNAUTHORIZED
                        && !refusal.errors.is_empty())
            })
    }

    /// Clerk allows the call not, because of the secret key or because of what it is about: whoever
    /// gets this for several sessions knows that it is the key.
    pub(crate) fn may_be_unauthorized(&self) -> bool {
        self.refusal().is_some_and(Refusal::may_be_about_the_key)
    }

    /// Clerk answered a revocation with a 2xx, and yet it is not known what became of the session.
    pub(crate) fn was_accepted(&self) -> bool {
        self.0.was_accepted
    }

    /// The arguments cannot be sent; nothing was.
    #[must_use]
    pub fn is_invalid_input(&self) -> bool {
        matches!(self.0.kind, Kind::InvalidInput(_))
    }

    /// Nothing was learned about the session: whatever is not
    /// [not found](Self::is_not_found), [unauthorized](Self::is_unauthorized) or
    /// [invalid input](Self::is_invalid_input). After a POST, it may have had its effect.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        !(self.is_not_found() || self.is_unauthorized() || self.is_invalid_input())
    }

    /// Too many calls: Clerk answered 429, or the call was not made because Clerk had asked for
    /// silence, the client's [quota](super::Quota) is used up or too many calls are under way.
    #[must_use]
    pub fn is_rate_limited(&self) -> bool {
        matches!(self.0.kind, Kind::Quiet | Kind::Quota | Kind::Crowded) || self.is_too_many()
    }

    /// The answer did not come in time.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, Kind::Timeout)
    }

    /// [Verifying](crate::SessionsClient::verify) is no longer offered. This says nothing about
    /// the session.
    #[must_use]
    pub fn is_endpoint_gone(&self) -> bool {
        self.0.operation == Operation::Verify
            && self.refusal().is_some_and(|refusal| {
                let missing = refusal.status == StatusCode::NOT_FOUND && !refusal.is_not_found();
                missing
                    || refusal.status == StatusCode::GONE
                    || refusal.has_code("operation_deprecated")
            })
    }

    pub(super) fn invalid_input(operation: Operation, why: &'static str) -> Self {
        Self::new(operation, Kind::InvalidInput(why), None)
    }

    pub(super) fn quiet(operation: Operation, left: Duration) -> Self {
        Self::new(operation, Kind::Quiet, Some(left))
    }

    pub(super) fn quota(operation: Operation, wait: Duration) -> Self {
        Self::new(operation, Kind::Quota, Some(wait))
    }

    pub(super) fn crowded(operation: Operation) -> Self {
        Self::new(operation, Kind::Crowded, None)
    }

    pub(super) fn timeout(operation: Operation) -> Self {
        Self::new(operation, Kind::Timeout, None)
    }

    pub(super) fn transport(operation: Operation, error: reqwest::Error) -> Self {
        let kind = if error.is_timeout() { Kind::Timeout } else { Kind::Transport };
        Self::caused(operation, kind, error.without_url().into())
    }

    pub(super) fn refused(
        operation: Operation,
        refusal: Refusal,
        retry_after: Option<Duration>,
    ) -> Self {
        Self::new(operation, Kind::Refused(refusal), retry_after)
    }

    pub(super) fn invalid_response(operation: Operation, why: &'static str) -> Self {
        Self::new(operation, Kind::InvalidResponse(why), None)
    }

    pub(super) fn invalid_json(
        operation: Operation,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::caused(
            operation,
            Kind::InvalidResponse("the body is not what it should be"),
            source.into(),
        )
    }

    /// What an answer with this status and this JSON amounts to.
    #[cfg(any(fuzzing, test))]
    pub(crate) fn answered(status: StatusCode, json: &[u8]) -> Self {
        Self::refused(Operation::Get, Refusal::read(status, json), None)
    }

    /// No answer about the session came in time, or none that was of use.
    pub(crate) fn interrupted() -> Self {
        Self::new(Operation::Get, Kind::Interrupted, None)
    }

    /// What Clerk says of a session that it does not know.
    #[cfg(test)]
    pub(crate) fn no_such_session() -> Self {
        let body = br#"{"errors":[{"message":"not found","long_message":"","code":"resource_not_found"}]}"#;
        Self::refused(Operation::Get, Refusal::read(StatusCode::NOT_FOUND, body), None)
    }

    /// Somebody accepted a revocation in Clerk's name, and did not say of what.
    #[cfg(test)]
    pub(crate) fn accepted_revocation() -> Self {
        Self::invalid_response(Operation::Revoke, "it says nothing").after_acceptance()
    }

    /// Nobody could say in time what became of a revocation.
    pub(crate) fn revocation_interrupted() -> Self {
        Self::new(Operation::Revoke, Kind::Interrupted, None)
    }

    /// There is no secret key to call Clerk with.
    pub(crate) fn without_secret_key() -> Self {
        Self::new(Operation::Get, Kind::NoSecretKey, None)
    }

    /// Clerk is asked on a Tokio runtime only.
    pub(crate) fn no_runtime() -> Self {
        Self::caused(Operation::Get, Kind::Interrupted, "call this within a Tokio runtime".into())
    }

    /// Whether the same call may fare better in a moment.
    pub(crate) fn is_transient(&self) -> bool {
        match &self.0.kind {
            Kind::Timeout | Kind::Transport => true,
            Kind::Refused(refusal) => refusal.status.is_server_error(),
            _ => false,
        }
    }

    /// The failure in a word, out of a fixed set.
    pub(super) fn label(&self) -> &'static str {
        match self.0.kind {
            Kind::InvalidInput(_) => "invalid_input",
            Kind::Quiet => "quiet",
            Kind::Quota => "quota",
            Kind::Crowded => "crowded",
            Kind::Timeout => "timeout",
            Kind::Transport => "transport",
            Kind::Refused(_) => "refused",
            Kind::InvalidResponse(_) => "invalid_response",
            Kind::Interrupted => "interrupted",
            Kind::NoSecretKey => "no_secret_key",
        }
    }

    /// What broke the connection, at the root.
    pub(super) fn broken_by(&self) -> Option<&(dyn StdError + 'static)> {
        let Kind::Transport = self.0.kind else { return None };
        iter::successors(self.source(), |error| (*error).source()).last()
    }

    /// Clerk answered 429.
    pub(super) fn is_too_many(&self) -> bool {
        self.status() == Some(StatusCode::TOO_MANY_REQUESTS)
    }

    /// How long Clerk, being out of order, asked to be left alone.
    pub(super) fn asks_for_silence(&self) -> Option<Duration> {
        let is_down = self.status() == Some(StatusCode::SERVICE_UNAVAILABLE);
        self.0.retry_after.filter(|_| is_down)
    }

    /// Whether the answer says something of the state of what the call was to change.
    pub(super) fn is_about_the_state(&self) -> bool {
        let Some(status) = self.status() else { return false };
        let about_others = [
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        status.is_client_error() && !about_others.contains(&status) && !self.is_not_found()
    }

    /// The same after Clerk had answered 2xx to the call, or to an earlier sending of it.
    pub(super) fn after_acceptance(mut self) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.was_accepted = true;
        }
        self
    }

    fn new(operation: Operation, kind: Kind, retry_after: Option<Duration>) -> Self {
        Self(Arc::new(Inner { operation, kind, retry_after, was_accepted: false, source: None }))
    }

    fn caused(operation: Operation, kind: Kind, source: Box<dyn StdError + Send + Sync>) -> Self {
        let source = Some(source);
        Self(Arc::new(Inner { operation, kind, retry_after: None, was_accepted: false, source }))
    }

    fn refusal(&self) -> Option<&Refusal> {
        match &self.0.kind {
            Kind::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { operation, kind, retry_after, .. } = &*self.0;
        write!(f, "{operation}: ")?;
        match kind {
            Kind::InvalidInput(why) => return f.write_str(why),
            Kind::Quiet => f.write_str("not sent, since Clerk asked for silence")?,
            Kind::Quota => f.write_str("not sent, to stay within this client's quota")?,
            Kind::Crowded => f.write_str("not sent, since too many calls are under way")?,
            Kind::Timeout => f.write_str("no answer from Clerk in time")?,
            Kind::Transport => f.write_str("the connection to Clerk failed")?,
            Kind::Interrupted => f.write_str("interrupted before it came to an end")?,
            Kind::NoSecretKey => {
                return f.write_str("give the instance a secret key to call Clerk with");
            }
            Kind::InvalidResponse(why) => write!(f, "Clerk's answer is of no use: {why}")?,
            Kind::Refused(refusal) => {
                write!(f, "Clerk answered {refusal}")?;
                if self.is_endpoint_gone() {
                    f.write_str("; this endpoint is gone, get the session instead")?;
                } else if self.is_unauthorized() && *operation != Operation::Refresh {
                    f.write_str("; check the secret key")?;
                }
            }
        }
        if self.0.was_accepted {
            f.write_str("; Clerk accepted it, and what became of it is not known")?;
        }
        match retry_after {
            // Rounded up: who obeys it is not too early.
            Some(wait) => write!(f, "; try again in {} s", wait.as_secs_f64().ceil()),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}
