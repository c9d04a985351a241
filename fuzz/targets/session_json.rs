//! The JSON as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tower_clerk::fuzzing::session_json;

fuzz_target!(|json: &[u8]| session_json(json));
