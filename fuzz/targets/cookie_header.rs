//! A field on each line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tower_clerk::fuzzing::cookie_header;

fuzz_target!(|fields: &[u8]| {
    let fields: Vec<_> = fields.split(|byte| *byte == b'\n').collect();
    cookie_header(&fields);
});
