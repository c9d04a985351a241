//! What a refused request is answered.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use serde::Serialize;

use super::Protocol;
use crate::{Rejection, RejectionKind, Reverification};

impl Rejection {
    /// The answer to the refused request.
    ///
    /// Over HTTP: the [status](Rejection::status), `WWW-Authenticate` as [RFC 6750 §3] has it, and problem
    /// details ([RFC 9457]) with the [public reason](Rejection::public_reason). Over gRPC: status 200, the
    /// [code](Rejection::grpc_code) in `grpc-status`, and no body.
    ///
    /// [RFC 6750 §3]: https://www.rfc-editor.org/rfc/rfc6750#section-3
    /// [RFC 9457]: https://www.rfc-editor.org/rfc/rfc9457
    #[must_use]
    pub fn to_response(&self, protocol: Protocol) -> Response<Bytes> {
        let mut response = match protocol {
            Protocol::Http => self.to_http(),
            Protocol::Grpc => self.to_grpc(),
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(after) = self.retry_after() {
            let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0));
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }

    fn to_http(&self) -> Response<Bytes> {
        let mut response = Response::new(self.problem_details());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.reserve(4);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(challenge) = self.challenge() {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }

    fn to_grpc(&self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert("grpc-status", HeaderValue::from(self.grpc_code()));
        headers.insert("grpc-message", HeaderValue::from_static(self.detail()));
        if let Some(challenge) = self.challenge() {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }

    /// `WWW-Authenticate`, with the error code only where a credential was sent (RFC 6750 §3.1).
    fn challenge(&self) -> Option<HeaderValue> {
        let challenge = match self.kind() {
            RejectionKind::MissingCredential => "Bearer",
            RejectionKind::InvalidCredential => {
                r#"Bearer error="invalid_token", error_description="the session token was refused""#
            }
            RejectionKind::InactiveSession => {
                r#"Bearer error="invalid_token", error_description="the session is not active""#
            }
            RejectionKind::Forbidden => return Some(self.step_up_challenge()),
            RejectionKind::CrossSite
            | RejectionKind::Unavailable
            | RejectionKind::Misconfigured => return None,
        };
        Some(HeaderValue::from_static(challenge))
    }

    /// For somebody who is known: what they may not, or that they must prove again who they are (RFC 9470 §3).
    fn step_up_challenge(&self) -> HeaderValue {
        const INSUFFICIENT_SCOPE: HeaderValue =
            HeaderValue::from_static(r#"Bearer error="insufficient_scope""#);
        let Some(reverification) = self.reverification() else { return INSUFFICIENT_SCOPE };
        let max_age = reverification.max_age().as_secs();
        let challenge =
            format!(r#"Bearer error="insufficient_user_authentication", max_age="{max_age}""#);
        HeaderValue::try_from(challenge).unwrap_or(INSUFFICIENT_SCOPE)
    }

    fn problem_details(&self) -> Bytes {
        if self.is_missing_credential() {
            return Bytes::from_static(MISSING_CREDENTIAL);
        }
        self.write_problem_details()
    }

    fn write_problem_details(&self) -> Bytes {
        #[derive(Serialize)]
        struct ProblemDetails {
            title: &'static str,
            status: u16,
            detail: &'static str,
            reason: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            clerk_error: Option<ClerkError>,
        }

        let title = self.status().canonical_reason().unwrap_or_default();
        let problem = ProblemDetails {
            title,
            status: self.status().as_u16(),
            detail: self.detail(),
            reason: self.public_reason(),
            clerk_error: self.reverification().map(ClerkError::new),
        };
        serde_json::to_vec(&problem).map(Bytes::from).unwrap_or_default()
    }
}

/// What Clerk's `useReverification` looks for in an answer, to let the user prove again who they are.
#[derive(Serialize)]
struct ClerkError {
    r#type: &'static str,
    reason: &'static str,
    metadata: Metadata,
}

#[derive(Serialize)]
struct Metadata {
    reverification: Reverification,
}

impl ClerkError {
    fn new(reverification: Reverification) -> Self {
        let metadata = Metadata { reverification };
        Self { r#type: "forbidden", reason: "reverification-error", metadata }
    }
}

/// The problem details that anybody can have for nothing, and so cost nothing to write.
const MISSING_CREDENTIAL: &[u8] = br#"{"title":"Unauthorized","status":401,"detail":"a session token is required","reason":"session-token-missing"}"#;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;

    use super::*;

    fn header(response: &Response<Bytes>, name: &str) -> Option<String> {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn an_absent_credential_is_challenged_without_an_error() {
        let response = Rejection::missing_credential().to_response(Protocol::Http);
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(header(&response, "www-authenticate").unwrap(), "Bearer");
        assert_eq!(header(&response, "content-type").unwrap(), "application/problem+json");
        assert_eq!(header(&response, "cache-control").unwrap(), "no-store");
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "title": "Unauthorized",
                "status": 401,
                "detail": "a session token is required",
                "reason": "session-token-missing",
            })
        );
    }

    #[test]
    fn what_is_written_in_advance_is_what_would_be_written() {
        let missing = Rejection::missing_credential();
        assert_eq!(missing.problem_details(), missing.write_problem_details());
        let of_our_own = Rejection::new(RejectionKind::MissingCredential, "no-badge");
        assert_eq!(of_our_own.problem_details(), of_our_own.write_problem_details());
        assert_ne!(of_our_own.problem_details(), missing.problem_details());
    }

    #[test]
    fn a_fault_of_clerks_says_when_to_come_back_and_challenges_nobody() {
        let rejection = Rejection::unavailable();
        let response = rejection.to_response(Protocol::Http);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(header(&response, "retry-after").unwrap(), "1");
        assert_eq!(header(&response, "www-authenticate"), None);

        let later = rejection.with_retry_after(Duration::from_millis(7001));
        assert_eq!(header(&later.to_response(Protocol::Http), "retry-after").unwrap(), "8");
    }

    #[test]
    fn over_grpc_the_answer_is_trailers_only() {
        let response = Rejection::missing_credential().to_response(Protocol::Grpc);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "grpc-status").unwrap(), "16");
        assert!(response.body().is_empty());
    }

    #[test]
    fn who_may_not_is_told_so_and_not_what_they_lack() {
        let rejection = Rejection::forbidden();
        let response = rejection.to_response(Protocol::Http);
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(
            header(&response, "www-authenticate").unwrap(),
            r#"Bearer error="insufficient_scope""#
        );
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "title": "Forbidden",
                "status": 403,
                "detail": "the user may not do this",
                "reason": "authorization-insufficient",
            })
        );
        let response = rejection.to_response(Protocol::Grpc);
        assert_eq!(header(&response, "grpc-status").unwrap(), "7");
    }

    #[test]
    fn who_must_prove_again_who_they_are_is_told_how_lately() {
        let rejection = Rejection::reverify(Reverification::Strict);
        let response = rejection.to_response(Protocol::Http);
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(
            header(&response, "www-authenticate").unwrap(),
            r#"Bearer error="insufficient_user_authentication", max_age="600""#
        );
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["reason"], "reverification-error");
        assert_eq!(
            body["clerk_error"],
            serde_json::json!({
                "type": "forbidden",
                "reason": "reverification-error",
                "metadata": { "reverification": "strict" },
            })
        );
        let response = rejection.to_response(Protocol::Grpc);
        assert_eq!(header(&response, "grpc-status").unwrap(), "7");
        assert!(header(&response, "www-authenticate").unwrap().contains("insufficient_user"));
    }

    #[test]
    fn a_misconfiguration_is_not_told_to_the_caller() {
        let response = Rejection::misconfigured("secret-key-invalid").to_response(Protocol::Http);
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!String::from_utf8_lossy(response.body()).contains("key"));
    }
}
