//! Errors as Clerk words them.

use std::fmt;

use http::StatusCode;
use serde::Deserialize;

use crate::{json_object::JsonObject, printable::printable};

/// One of the things that Clerk found wrong with a request.
///
/// The texts are Clerk's, shortened where they are very long, with control characters escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    code: Box<str>,
    message: Box<str>,
    long_message: Box<str>,
}

impl ApiError {
    /// What is wrong, for programs: `resource_not_found`.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What is wrong, in short.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What is wrong, at length.
    #[must_use]
    pub fn long_message(&self) -> &str {
        &self.long_message
    }
}

/// An answer other than 200.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) errors: Vec<ApiError>,
    pub(super) clerk_trace_id: Option<Box<str>>,
}

const MAX_ERRORS: usize = 8;
const MAX_CODE: usize = 64;
const MAX_MESSAGE: usize = 300;

impl Refusal {
    /// An answer whose body says nothing.
    pub(super) fn bare(status: StatusCode) -> Self {
        Self { status, errors: Vec::new(), clerk_trace_id: None }
    }

    /// Reads Clerk's error JSON. A body that is something else says nothing.
    pub(super) fn read(status: StatusCode, body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Body {
            errors: Vec<JsonObject<Item>>,
            clerk_trace_id: Option<String>,
        }

        #[derive(Deserialize)]
        struct Item {
            code: String,
            #[serde(default)]
            message: Option<String>,
            #[serde(default)]
            long_message: Option<String>,
        }

        let Ok(JsonObject(body)) = serde_json::from_slice::<JsonObject<Body>>(body) else {
            return Self::bare(status);
        };
        let errors = body.errors.into_iter().take(MAX_ERRORS).map(|JsonObject(item)| ApiError {
            code: printable(&item.code, MAX_CODE),
            message: printable(&item.message.unwrap_or_default(), MAX_MESSAGE),
            long_message: printable(&item.long_message.unwrap_or_default(), MAX_MESSAGE),
        });
        Self {
            status,
            errors: errors.collect(),
            clerk_trace_id: body.clerk_trace_id.map(|id| printable(&id, MAX_CODE)),
        }
    }

    pub(super) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && self.has_code("resource_not_found")
    }

    /// Clerk does not know the secret key.
    pub(super) fn is_about_the_key(&self) -> bool {
        const CODES: [&str; 3] =
            ["clerk_key_invalid", "authentication_invalid", "authorization_header_format_invalid"];
        self.status == StatusCode::UNAUTHORIZED && CODES.iter().any(|code| self.has_code(code))
    }

    /// Clerk does not allow this, maybe because of the secret key and maybe because of what it is
    /// used for.
    pub(super) fn may_be_about_the_key(&self) -> bool {
        self.status == StatusCode::FORBIDDEN && self.has_code("authorization_invalid")
    }

    pub(super) fn has_code(&self, code: &str) -> bool {
        self.errors.iter().any(|error| error.code() == code)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status.as_u16())?;
        if let Some(error) = self.errors.first() {
            write!(f, " {}: {}", error.code(), error.message())?;
        }
        if let Some(id) = &self.clerk_trace_id {
            write!(f, " (trace {id})")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clerks_errors_are_read() {
        let body = br#"{"errors": [
            {"message": "short", "long_message": "long", "code": "a", "meta": {"param": 1}},
            {"code": "b"}
        ], "meta": {}, "clerk_trace_id": "trace_1"}"#;
        let refusal = Refusal::read(StatusCode::BAD_REQUEST, body);
        assert_eq!(refusal.to_string(), "400 a: short (trace trace_1)");
        assert_eq!(refusal.errors[0].long_message(), "long");
        assert!(refusal.has_code("b") && !refusal.has_code("c"));
    }

    #[test]
    fn only_a_404_with_clerks_own_code_means_not_found() {
        let body = br#"{"errors": [{"code": "resource_not_found"}]}"#;
        assert!(Refusal::read(StatusCode::NOT_FOUND, body).is_not_found());
        assert!(!Refusal::read(StatusCode::GONE, body).is_not_found());
        for other in [
            &b""[..],
            b"not found",
            b"[]",
            b"{}",
            br#"{"errors": []}"#,
            br#"{"errors": [{"code": "other"}]}"#,
            br#"{"errors": [{"code": 404}]}"#,
            br#"{"errors": "resource_not_found"}"#,
            br#"{"errors": [["resource_not_found"]]}"#,
            br#"[[{"code": "resource_not_found"}]]"#,
        ] {
            assert!(!Refusal::read(StatusCode::NOT_FOUND, other).is_not_found());
        }
    }

    #[test]
    fn texts_are_bounded_and_printable() {
        assert_eq!(&*printable("a\r\n\u{1b}[31mé\u{202e}", 20), "a\\r\\n\\u{1b}[31mé\\u{202e}");
        assert_eq!(&*printable("\u{200f}\u{2028}", 20), "\\u{200f}\\u{2028}");
        assert_eq!(&*printable("abc", 3), "abc");
        assert_eq!(&*printable("abcd", 3), "abc…");
        let errors = vec![r#"{"code":"x"}"#; 1000].join(",");
        let body = format!(r#"{{"errors":[{errors}]}}"#);
        assert_eq!(
            Refusal::read(StatusCode::BAD_REQUEST, body.as_bytes()).errors.len(),
            MAX_ERRORS
        );
    }
}
