//! The identifier, the timestamp and the signatures, each on a line, then the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tower_clerk::fuzzing::webhook;

fuzz_target!(|message: &[u8]| {
    let mut parts = message.splitn(4, |byte| *byte == b'\n');
    let mut next = || parts.next().unwrap_or_default();
    webhook(next(), next(), next(), next());
});
