//! A token as it is; or, on three lines, its header and payload before they are encoded, and its
//! signature.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tower_clerk::fuzzing::{token, token_of};

fuzz_target!(|data: &[u8]| {
    let lines: Vec<_> = data.splitn(3, |byte| *byte == b'\n').collect();
    match lines[..] {
        [header, payload, signature] => token_of(header, payload, signature),
        _ => token(data),
    }
});
