//! What Clerk's answers look like, errors above all.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// An answer with a JSON body. The content type bears no charset: Clerk's JavaScript SDK compares it whole.
pub(super) fn json(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(body.to_string()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// A request that is refused, in Clerk's words.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    status: StatusCode,
    code: Cow<'static, str>,
    message: String,
    long_message: String,
    parameter: Option<String>,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        let message = message.into();
        let long_message = message.clone();
        let code = code.into();
        Self { status, code, message, long_message, parameter: None, retry_after: None }
    }

    pub(super) fn no_key() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "authentication_invalid", "Invalid authentication")
            .at_length("Unable to authenticate the request, you need to supply a secret key")
    }

    pub(super) fn malformed_authorization() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "authorization_header_format_invalid",
            "Invalid Authorization header format",
        )
        .at_length("Invalid Authorization header format. Must be \"Bearer <YOUR_API_KEY>\"")
    }

    pub(super) fn wrong_key() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "clerk_key_invalid",
            "The provided Clerk Secret Key is invalid. Make sure that your Clerk Secret Key is correct.",
        )
    }

    pub(super) fn api_version(why: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "api_version_invalid", "Invalid API version")
            .at_length(format!("The API version of the request is invalid: {why}"))
    }

    pub(super) fn no_session(id: &str) -> Self {
        Self::not_found(format!("No session was found with id {id}"))
    }

    pub(super) fn not_found(long_message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "resource_not_found", "not found").at_length(long_message)
    }

    pub(super) fn wrong_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed")
    }

    pub(super) fn endpoint_gone() -> Self {
        Self::new(StatusCode::GONE, "operation_deprecated", "Operation deprecated").at_length(
            "This endpoint is deprecated and is not available in this API version. Use networkless verification instead.",
        )
    }

    pub(super) fn wrong_environment() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "request_invalid_for_environment",
            "Request only valid for development instances",
        )
    }

    pub(super) fn content_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_content_type",
            "Content-Type is not supported. Use application/json.",
        )
    }

    pub(super) fn malformed_body() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "request_body_invalid", "Request body invalid")
            .at_length("The request body is invalid. Send a JSON object.")
    }

    pub(super) fn body_too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request_body_too_large", "Request body too large")
    }

    pub(super) fn missing(parameter: &str) -> Self {
        Self::unprocessable("form_param_missing", "is missing", parameter)
            .at_length(format!("{parameter} must be included."))
    }

    pub(super) fn unknown_parameter(parameter: &str) -> Self {
        Self::unprocessable("form_param_unknown", "is unknown", parameter)
            .at_length(format!("{parameter} is not a valid parameter for this request."))
    }

    pub(super) fn format(parameter: &str, expected: &str) -> Self {
        Self::unprocessable("form_param_format_invalid", "is invalid", parameter)
            .at_length(format!("{parameter} must be {expected}."))
    }

    pub(super) fn value(parameter: &str, expected: &str) -> Self {
        Self::unprocessable("form_param_value_invalid", "is invalid", parameter)
            .at_length(format!("{parameter} must be {expected}."))
    }

    pub(super) fn refresh(long_message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "authentication_invalid", "Invalid authentication")
            .at_length(long_message)
    }

    pub(super) fn too_many_requests(retry_after: Duration) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "Too many requests. Please try again in a bit.",
        )
        .retry_after(retry_after)
    }

    fn unprocessable(code: &'static str, message: &str, parameter: &str) -> Self {
        let refusal = Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message);
        Self { parameter: Some(parameter.to_owned()), ..refusal }
    }

    fn at_length(mut self, long_message: impl Into<String>) -> Self {
        self.long_message = long_message.into();
        self
    }

    /// The same refusal under another status, for operations that do not know 422.
    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(super) fn retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> &str {
        &self.code
    }

    pub(super) fn into_answer(self, trace_id: &str) -> Response<Bytes> {
        let mut error = json!({ "message": self.message, "long_message": self.long_message, "code": self.code });
        if let Some(parameter) = self.parameter {
            error["meta"] = json!({ "param_name": parameter });
        }
        let mut answer =
            json(self.status, &json!({ "errors": [error], "clerk_trace_id": trace_id }));
        if let Some(after) = self.retry_after {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}
