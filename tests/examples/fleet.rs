//! Three processes on a server, where there is one.

use std::{env, process::Stdio};

use crate::process::{Running, example};

#[test]
fn three_processes_refuse_whom_one_signed_out_and_survive_a_log_that_stands_still() {
    let mut command = example("fleet");
    command.stderr(Stdio::piped());
    let process = Running::start(command);
    let first = process.line();
    if first.starts_with("there is no Redis here") {
        assert!(env::var_os("TOWER_CLERK_REQUIRE_REDIS").is_none(), "{first}");
        assert!(process.end().0.success());
        return;
    }
    assert!(first.starts_with("three processes share a log"), "{first}");
    for said in ["ada signed out at process 1", "eve signed out at process 1"] {
        process.line_after(said);
        if said.starts_with("eve") {
            process.line_after("process 2 still admits her");
            process.line_after("process 3 still admits her");
            process.line_after("the server goes on");
        }
        for number in 1..=3 {
            process.line_after(&format!("process {number} refuses, seen after "));
        }
    }
    let (status, told) = process.end();
    assert!(status.success(), "{told}");
}

#[test]
fn without_a_server_it_says_in_one_line_how_to_get_one() {
    let mut command = example("fleet");
    command.env("PATH", "/nowhere");
    let process = Running::start(command);
    assert!(process.line().contains("install redis-server or valkey-server"));
    assert!(process.end().0.success());
}
