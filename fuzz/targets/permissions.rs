//! `fea`, `per` and `fpm`, a line each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tower_clerk::fuzzing::permissions;

fuzz_target!(|claims: &str| {
    let mut lines = claims.splitn(3, '\n').map(|line| line.trim_end_matches('\n'));
    let mut line = || lines.next().unwrap_or_default();
    permissions(line(), line(), line());
});
