//! What cannot work is refused before anything is served, in words that say what to change.

use std::process::Stdio;

use crate::process::{Running, Server, example};

const KEY: (&str, &str) = ("CLERK_SECRET_KEY", "sk_test_hush");

#[test]
fn a_configuration_that_cannot_work_ends_the_process_and_says_what_to_change() {
    for (variables, told) in [
        (&[("ADDR", "nowhere")][..], "ADDR"),
        (&[("CLERK_SECRET_KEY", "")], "CLERK_SECRET_KEY"),
        (&[("CLERK_SECRET_KEY", "hush")], "CLERK_SECRET_KEY"),
        (&[KEY, ("CLERK_API_URL", "http://hush.example.com")], "CLERK_API_URL"),
        (&[KEY, ("CLERK_PUBLISHABLE_KEY", "hush")], "CLERK_PUBLISHABLE_KEY"),
        (
            &[KEY, ("CLERK_PUBLISHABLE_KEY", "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k")],
            "`CLERK_PUBLISHABLE_KEY` and `CLERK_SECRET_KEY`",
        ),
        (&[KEY, ("CLERK_JWT_KEY", "hush")], "CLERK_JWT_KEY"),
        (&[("TOWER_CLERK_REDIS_URL", "http://hush")], "TOWER_CLERK_REDIS_URL"),
        (&[KEY, ("TOWER_CLERK_REDIS_URL", "hush")], "TOWER_CLERK_REDIS_URL"),
        (&[KEY, ("CLERK_AUTHORIZED_PARTIES", "app.hush.example.com")], "CLERK_AUTHORIZED_PARTIES"),
    ] {
        for name in ["axum", "hyper", "tonic"] {
            let mut command = example(name);
            command.envs(variables.iter().copied()).stderr(Stdio::piped());
            let (status, told_all) = Running::start(command).end();
            // What is logged meanwhile may come last.
            let mut told_last = told_all.lines().filter(|line| !line.contains(" WARN "));
            let why = told_last.next_back().unwrap_or_default();
            assert_eq!(status.code(), Some(1), "{name} with {variables:?}: {why}");
            assert!(why.contains(told), "{name} with {variables:?}: {why}");
            assert!(!why.contains("hush"), "{name} repeats a secret: {why}");
        }
    }
}

/// As in a container with nothing in it but the program.
#[cfg(target_os = "linux")]
#[test]
fn where_there_are_no_certificates_what_to_install_is_said_and_the_emulator_needs_none() {
    let bare = || {
        let mut command = example("hyper");
        command.envs([("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")]);
        command
    };
    let mut command = bare();
    command.envs([KEY]).stderr(Stdio::piped());
    let (status, told) = Running::start(command).end();
    assert_eq!(status.code(), Some(1), "{told}");
    assert!(told.contains("ca-certificates"), "{told}");

    assert!(Server::of(bare()).process.line().starts_with("token: "));
}
