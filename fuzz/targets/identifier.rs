//! The text as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tower_clerk::fuzzing::identifier;

fuzz_target!(|text: &str| identifier(text));
