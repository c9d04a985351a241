use http::StatusCode;
use serde_json::{Value, json};

use crate::client::Error;

/// The longest that a text of `n` characters can become, each being written as `\u{10ffff}`, and
/// one more said to be missing.
const fn longest(n: usize) -> usize {
    n * 10 + 1
}

/// Clerk's error JSON, whatever is in it, becomes an error whose texts are short and can be printed
/// on one line. Only its own code says that a session does not exist, and an error that is written
/// as JSON reads the same again.
pub fn error_json(status: u16, body: &[u8]) {
    let Ok(status) = StatusCode::from_u16(status) else { return };
    let error = Error::answered(status, body);
    assert_eq!(error.status(), Some(status));
    assert!(error.errors().count() <= 8);
    for told in error.errors() {
        assert_printable(told.code(), longest(64));
        assert_printable(told.message(), longest(300));
        assert_printable(told.long_message(), longest(300));
    }
    assert_printable(error.clerk_trace_id().unwrap_or_default(), longest(64));
    assert_printable(&error.to_string(), longest(64 + 300 + 64 + 100));

    if error.is_not_found() {
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(names_not_found(body));
    }
    if error.errors().all(|told| told.message().len() <= 300 && told.long_message().len() <= 300) {
        let again = Error::answered(status, write(&error).to_string().as_bytes());
        if error.codes().all(|code| code.len() <= 64) {
            assert!(again.errors().eq(error.errors()));
        }
    }
}

fn assert_printable(text: &str, max: usize) {
    assert!(text.chars().count() <= max, "{} characters", text.chars().count());
    let harmful = |c: char| c.is_control() || "\u{2028}\u{2029}\u{61c}\u{200e}\u{200f}".contains(c);
    let reordering =
        |c| ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
    assert!(!text.chars().any(|c| harmful(c) || reordering(c)), "{text:?}");
}

fn names_not_found(body: &[u8]) -> bool {
    // What has no meaning here may still be nonsense to the stricter reader.
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return true };
    let errors = body["errors"].as_array();
    errors.is_some_and(|it| it.iter().any(|error| error["code"] == "resource_not_found"))
}

fn write(error: &Error) -> Value {
    let errors: Vec<_> = error
        .errors()
        .map(|told| {
            json!({
                "code": told.code(), "message": told.message(), "long_message": told.long_message(),
            })
        })
        .collect();
    json!({ "errors": errors })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_clerk_answers_can_be_printed(
            status in prop_oneof![Just(404_u16), 100_u16..600],
            codes in proptest::collection::vec("(resource_not_found|[a-z_]{0,70}|\\PC{0,5}|[\r\n\0\u{1b}\u{202e}\u{200f}]{0,80})", 0..10),
            message in ".{0,320}",
            trace in proptest::option::of("[\\x00-\\x7f]{0,70}"),
        ) {
            let errors: Vec<_> = codes
                .iter()
                .map(|code| json!({ "code": code, "message": message, "long_message": code }))
                .collect();
            let body = json!({ "errors": errors, "clerk_trace_id": trace });
            error_json(status, body.to_string().as_bytes());
        }

        #[test]
        fn what_is_no_error_says_nothing(body in "[\\[\\]{}\":,a1]{0,12}") {
            error_json(404, body.as_bytes());
            error_json(404, format!(r#"{{"errors":{body}}}"#).as_bytes());
        }
    }
}
