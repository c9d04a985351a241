use http::StatusCode;
use serde_json::{Value, json};

use crate::client::{ApiError, Error};

/// Clerk's error JSON, whatever is in it, becomes an error whose texts are short and can be printed
/// on one line. Only its own code says that a session does not exist, and an error that is written
/// as JSON reads the same again.
pub fn error_json(status: u16, body: &[u8]) {
    let Ok(status) = StatusCode::from_u16(status) else { return };
    let error = Error::answered(status, body);
    assert_eq!(error.status(), Some(status));
    assert!(error.errors().count() <= 8);
    for told in error.errors() {
        let texts = [told.code(), told.message(), told.long_message()];
        texts.into_iter().for_each(assert_printable);
    }
    // A code, a message and a trace, with each character escaped at the worst: `\u{202e}`.
    assert!(error.to_string().chars().count() < (64 + 300 + 64) * 8 + 100);
    assert_printable(&error.to_string());
    // Members without a meaning may hold what is too deep or too large for a value.
    if let Ok(body) = serde_json::from_slice::<Value>(body)
        && error.errors().next().is_some()
    {
        assert_tells(&error, &body);
    }

    if error.is_not_found() {
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(names_not_found(body));
    }
    let is_short = |told: &ApiError| {
        told.code().len() <= 64 && told.message().len() <= 300 && told.long_message().len() <= 300
    };
    if error.errors().all(is_short) {
        let again = Error::answered(status, write(&error).to_string().as_bytes());
        assert!(again.errors().eq(error.errors()));
    }
}

fn assert_printable(text: &str) {
    assert!(!text.chars().any(is_harmful), "{text:?}");
}

/// Breaks the line, controls a terminal, or turns the text around it.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || "\u{2028}\u{2029}\u{61c}\u{200e}\u{200f}".contains(c)
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

fn assert_tells(error: &Error, body: &Value) {
    let bodies = body["errors"].as_array().expect("errors are a list");
    for (told, body) in error.errors().zip(bodies) {
        let expected = [("code", 64), ("message", 300), ("long_message", 300)]
            .map(|(name, max)| naive(body[name].as_str().unwrap_or_default(), max));
        assert_eq!(
            [told.code(), told.message(), told.long_message()],
            expected.each_ref().map(|it| &**it)
        );
    }
    let trace = body["clerk_trace_id"].as_str().map(|id| naive(id, 64));
    assert_eq!(error.clerk_trace_id(), trace.as_deref());
}

fn naive(text: &str, max: usize) -> String {
    let shown = text.chars().take(max).map(|c| match c {
        c if is_harmful(c) => c.escape_default().to_string(),
        c => c.to_string(),
    });
    let rest = if text.chars().count() > max { "…" } else { "" };
    shown.chain([rest.to_owned()]).collect()
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
