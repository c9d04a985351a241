use std::process::Command;

use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, WWW_AUTHENTICATE},
};
use serde_json::Value;

use crate::{
    http::{Caller, header},
    process::{Running, Server, example},
};

#[tokio::test]
async fn a_person_signs_in_asks_who_they_are_and_signs_out() {
    let app = Server::start("axum");
    let caller = Caller::of(&app);
    let token = sign_in(&caller).await;
    caller.is_admitted_until_it_signs_out(&token, "user_ada").await;

    let again = sign_in(&caller).await;
    assert_eq!(caller.get("/me", Some(&again)).await.status(), StatusCode::OK);
    app.stops_when_asked_to();
}

#[tokio::test]
async fn a_session_that_was_ended_in_the_dashboard_is_refused_by_the_next_request() {
    let app = Server::start("axum");
    let caller = Caller::of(&app);
    let (token, other) = (sign_in(&caller).await, sign_in(&caller).await);
    for token in [&token, &other] {
        assert_eq!(caller.get("/me", Some(token)).await.status(), StatusCode::OK);
    }
    let ended = caller.post("/demo/end-elsewhere", Some(&token)).await;
    assert_eq!(ended.status(), StatusCode::OK);
    let refused = caller.get("/me", Some(&token)).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["reason"], "session-revoked");
    assert_eq!(caller.get("/me", Some(&other)).await.status(), StatusCode::OK);

    let forged = caller.post("/webhooks/clerk", None).await;
    assert_eq!(forged.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_person_signs_out_everywhere() {
    let app = Server::start("axum");
    let caller = Caller::of(&app);
    let (token, other) = (sign_in(&caller).await, sign_in(&caller).await);
    let everywhere = async || caller.post("/sign-out-everywhere", Some(&token)).await.status();
    assert_eq!(everywhere().await, StatusCode::NO_CONTENT);
    for token in [&token, &other] {
        assert_eq!(caller.get("/me", Some(token)).await.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(everywhere().await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_token_of_the_demonstration_is_good_for_an_hour() {
    let app = Server::start("axum");
    let caller = Caller::of(&app);
    let token = sign_in(&caller).await;
    let me: Value = caller.get("/me", Some(&token)).await.json().await.unwrap();
    let time = |name: &str| me["claims"][name].as_u64().unwrap();
    assert_eq!(time("exp") - time("iat"), 60 * 60);
}

#[tokio::test]
async fn the_events_tick_until_the_session_ends() {
    let app = Server::start("axum");
    let caller = Caller::of(&app);
    let token = sign_in(&caller).await;
    let mut events = caller.get("/events", Some(&token)).await;
    assert_eq!(header(&events, &CONTENT_TYPE), "text/event-stream");
    for _ in 0..2 {
        assert_eq!(events.chunk().await.unwrap().unwrap(), "data: tick\n\n");
    }
    caller.post("/sign-out", Some(&token)).await;
    let since = std::time::Instant::now();
    while events.chunk().await.unwrap().is_some() {}
    assert!(since.elapsed() < std::time::Duration::from_secs(1), "{:?}", since.elapsed());
    let again = caller.get("/events", Some(&token)).await;
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED);

    // By webhook, of an end in the dashboard.
    let token = sign_in(&caller).await;
    let mut events = caller.get("/events", Some(&token)).await;
    assert_eq!(events.chunk().await.unwrap().unwrap(), "data: tick\n\n");
    caller.post("/demo/end-elsewhere", Some(&token)).await;
    while events.chunk().await.unwrap().is_some() {}
}

#[tokio::test]
async fn strangers_are_greeted_where_they_may_be_and_forgers_nowhere() {
    let app = Server::start("axum");
    let caller = Caller::of(&app);
    let token = sign_in(&caller).await;
    let greeting = async |token| caller.get("/maybe", token).await.text().await.unwrap();
    assert_eq!(greeting(None).await, "hello, stranger\n");
    assert_eq!(greeting(Some(&token)).await, "hello, user_ada\n");
    for path in ["/maybe", "/me"] {
        let forged = caller.get(path, Some("a.b.c")).await;
        assert_eq!(forged.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn the_admins_route_is_for_admins() {
    let app = Server::start("axum");
    let caller = Caller::of(&app);
    let member = sign_in(&caller).await;
    let admin = caller.post("/demo/sign-in-as-admin", None).await.text().await.unwrap();
    assert_eq!(caller.get("/admin", None).await.status(), StatusCode::UNAUTHORIZED);
    let refused = caller.get("/admin", Some(&member)).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(header(&refused, &WWW_AUTHENTICATE), r#"Bearer error="insufficient_scope""#);
    assert_eq!(caller.get("/admin", Some(&admin)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn billing_asks_for_a_proof_and_takes_it() {
    let app = Server::start("axum");
    let caller = Caller::of(&app);
    let token = sign_in(&caller).await;
    let refused = caller.get("/billing", Some(&token)).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["clerk_error"]["reason"], "reverification-error");
    assert_eq!(problem["clerk_error"]["metadata"]["reverification"], "strict");

    let proved = caller.post("/demo/prove", Some(&token)).await.text().await.unwrap();
    assert_eq!(caller.get("/billing", Some(&proved)).await.status(), StatusCode::OK);
    let again = caller.get("/billing", Some(&token)).await;
    assert_eq!(again.status(), StatusCode::FORBIDDEN, "the old token proves nothing new");
    assert_eq!(caller.post("/demo/prove", None).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_page_is_html_and_offers_what_the_app_can_do() {
    let app = Server::start("axum");
    let page = Caller::of(&app).get("/", None).await;
    assert_eq!(page.status(), StatusCode::OK);
    assert!(header(&page, &CONTENT_TYPE).starts_with("text/html"));
    let html = page.text().await.unwrap();
    assert!(html.starts_with("<!doctype html>"));
    for path in [
        "/demo/sign-in",
        "/demo/prove",
        "/demo/end-elsewhere",
        "/me",
        "/maybe",
        "/admin",
        "/billing",
        "/events",
        "/sign-out",
        "/sign-out-everywhere",
    ] {
        assert!(html.contains(path), "{path}");
    }
}

#[tokio::test]
async fn it_prints_the_lines_to_try_it_with() {
    let app = Server::start("axum");
    let curl = app.process.line_after("  curl -i ");
    assert!(curl.starts_with(&format!("{}/me", app.url)), "{curl}");
    let token = app.process.line_after("  TOKEN=");
    assert_eq!(token, format!("$(curl -sX POST {}/demo/sign-in)", app.url));
}

/// As they would be pasted, if there is a shell and curl.
#[test]
fn the_lines_of_the_readme_do_what_they_say() {
    let app = Server::start("axum");
    let readme = include_str!("../../README.md");
    let (_, lines) = readme.split_once("```sh\nTOKEN=").unwrap();
    let (lines, _) = lines.split_once("\n```").unwrap();
    let lines: Vec<_> = lines.lines().collect();
    let [sign_in, me, sign_out] = lines[..] else { panic!("{lines:?}") };
    assert!(me.ends_with("# 200") && sign_out.contains("# 204; from now on /me answers 401"));

    let script = format!("TOKEN={sign_in}\n{me}\n{sign_out}\n{me}\n");
    let script = script.replace("http://127.0.0.1:3000", &app.url);
    let Ok(shell) = Command::new("sh").arg("-c").arg(script).output() else { return };
    if shell.status.code() == Some(127) {
        return eprintln!("left out: the lines of the README need curl");
    }
    let answers = String::from_utf8(shell.stdout).unwrap();
    let statuses: Vec<_> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "204", "401"], "{answers}");
}

#[tokio::test]
async fn the_health_page_tells_of_keys_clerk_and_the_log() {
    let alone = Server::start("axum");
    let answer = Caller::of(&alone).get("/healthz", None).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let health: Value = answer.json().await.unwrap();
    assert_eq!(health["keys"]["usable"], true);
    assert_eq!(health["revocation_log"], Value::Null);

    let mut command = example("axum");
    command.env("TOWER_CLERK_REDIS_URL", "unix:///nowhere/at/all");
    let joined = Server::of(command);
    let caller = Caller::of(&joined);
    let answer = caller.get("/healthz", None).await;
    assert_eq!(answer.status(), StatusCode::OK, "a log that is down stops nobody");
    let health: Value = answer.json().await.unwrap();
    assert_eq!(health["revocation_log"]["usable"], false);
    let token = sign_in(&caller).await;
    assert_eq!(caller.get("/me", Some(&token)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn whoever_joins_the_log_says_so_in_one_line_at_the_start() {
    for name in ["axum", "hyper", "tonic"] {
        let mut command = example(name);
        command.env("TOWER_CLERK_REDIS_URL", "unix:///nowhere/at/all");
        let process = Running::start(command);
        let line = process.line();
        assert!(line.contains("TOWER_CLERK_REDIS_URL"), "{name}: {line}");
        let alone = Running::start(example(name));
        assert!(alone.line().starts_with("listening on "), "{name} on its own has nothing to say");
    }
}

async fn sign_in(caller: &Caller<'_>) -> String {
    let answer = caller.post("/demo/sign-in", None).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(header(&answer, &CONTENT_TYPE).starts_with("text/plain"));
    answer.text().await.unwrap()
}
