//! The stand-alone emulator, as a process.
#![cfg(unix)]

use std::{
    error::Error,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

type Outcome = Result<(), Box<dyn Error>>;

/// Cargo builds the examples beside the tests.
fn emulator(arguments: &[&str]) -> Command {
    let test = std::env::current_exe().expect("a test has a path");
    let target: PathBuf = test.ancestors().nth(2).expect("tests are below the target").into();
    let mut command = Command::new(target.join("examples/sessions_api"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Ends the process also when an assertion fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn it_says_where_it_is_serves_and_stops_on_sigterm() -> Outcome {
    let arguments = "--addr 127.0.0.1:0 --secret-key sk_test_1 --user user_1 --template hasura";
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let mut process = Running(emulator(&arguments).spawn()?);
    let mut lines = BufReader::new(process.0.stdout.take().ok_or("no stdout")?).lines();
    let ready: Value = serde_json::from_str(&lines.next().ok_or("no line")??)?;
    assert_eq!(ready["secret_key"], "sk_test_1");
    assert!(ready["publishable_key"].as_str().is_some_and(|key| key.starts_with("pk_test_")));
    assert!(ready["issuer"].as_str().is_some_and(|issuer| issuer.starts_with("https://")));

    let http = reqwest::Client::new();
    let sessions = format!("{}/v1/sessions", ready["base_url"].as_str().ok_or("no URL")?);
    let post = |url: &str, body: Value| http.post(url).bearer_auth("sk_test_1").json(&body).send();
    let created: Value = post(&sessions, json!({ "user_id": "user_1" })).await?.json().await?;
    assert_eq!(post(&sessions, json!({ "user_id": "user_2" })).await?.status(), 404);
    let template = format!("{sessions}/{}/tokens/hasura", created["id"].as_str().ok_or("no ID")?);
    assert_eq!(post(&template, json!({})).await?.status(), 200);
    let mut statuses = Vec::new();
    for _ in 0..100 {
        statuses.push(http.get(&sessions).bearer_auth("sk_test_1").send().await?.status().as_u16());
    }
    assert!(statuses.contains(&429), "alone it keeps the quota");

    let kill = Command::new("kill").arg(process.0.id().to_string()).status()?;
    assert!(kill.success());
    assert!(process.0.wait()?.success());
    assert!(lines.next().is_none(), "one line and no more");
    Ok(())
}

#[test]
fn arguments_that_make_no_sense_end_it_with_status_2_and_a_reason() -> Outcome {
    for (arguments, reason) in [
        (&["--addr"][..], "needs a value"),
        (&["--addr", "here"], "no address"),
        (&["--addr", "0.0.0.0:0"], "loopback"),
        (&["--secret-key", "secret"], "secret key"),
        (&["--user", "1"], "user ID"),
        (&["--port", "1"], "no argument"),
        (&["--webhook-url", "http://127.0.0.1:1"], "belong together"),
        (&["--webhook-url", "x", "--webhook-secret", "whsec_"], "webhooks want"),
    ] {
        let output = emulator(arguments).output()?;
        let why = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {why}");
        assert!(why.contains(reason) && why.contains("usage:"), "{arguments:?}: {why}");
        assert!(output.stdout.is_empty());
    }
    Ok(())
}
