//! The status on the first line, then the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tower_clerk::fuzzing::error_json;

fuzz_target!(|answer: &[u8]| {
    let end = answer.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (status, body) = answer.split_at(end);
    let status = str::from_utf8(status).ok().and_then(|status| status.parse().ok());
    error_json(status.unwrap_or(404), body);
});
