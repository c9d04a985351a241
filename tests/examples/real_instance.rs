//! With `CLERK_SECRET_KEY` the examples run against an instance, for which the stand-alone emulator stands in.

use std::{process::Command, time::SystemTime};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::{
    http,
    process::{Running, Server, example},
    tonic,
};

#[tokio::test]
async fn axum_and_hyper_admit_the_users_of_the_instance_until_they_sign_out() {
    let instance = Instance::start();
    for name in ["axum", "hyper"] {
        let app = Server::of(instance.described_to(example(name)));
        let caller = http::Caller::of(&app);
        caller.is_admitted_until_it_signs_out(&instance.sign_in().await, "user_grace").await;
        app.stops_when_asked_to();
    }
    assert!(instance.process.stop().success());
}

#[tokio::test]
async fn tonic_admits_the_users_of_the_instance_until_they_sign_out() {
    let instance = Instance::start();
    let app = Server::of(instance.described_to(example("tonic")));
    let mut caller = tonic::Caller::of(&app).await;
    caller.is_admitted_until_it_signs_out(&instance.sign_in().await, "user_grace").await;
}

#[tokio::test]
async fn the_demonstration_signs_nobody_in_at_an_instance() {
    let instance = Instance::start();
    let app = Server::of(instance.described_to(example("axum")));
    let refused = http::Caller::of(&app).post("/demo/sign-in", None).await;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn where_the_secret_of_an_endpoint_is_known_webhooks_are_taken_and_else_they_are_not() {
    const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    let instance = Instance::start();
    let without = Server::of(instance.described_to(example("axum")));
    let answer = http::Caller::of(&without).post("/webhooks/clerk", None).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);

    let mut command = instance.described_to(example("axum"));
    command.env("CLERK_WEBHOOK_SIGNING_SECRET", SECRET);
    let app = Server::of(command);
    let body = r#"{"type": "session.ended", "data": {"id": "sess_1"}}"#;
    let secret = SECRET.parse().unwrap();
    let headers =
        tower_clerk::testing::sign_webhook(&secret, "msg_1", SystemTime::now(), body.as_bytes());
    let url = format!("{}/webhooks/clerk", app.url);
    let message = || instance.http.post(&url).body(body);
    let genuine = message().headers(headers).send().await.unwrap();
    assert_eq!(genuine.status(), StatusCode::NO_CONTENT);
    assert_eq!(message().send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    let elsewhere = http::Caller::of(&app).post("/demo/end-elsewhere", None).await;
    assert_eq!(elsewhere.status(), StatusCode::NOT_FOUND, "that is for the real dashboard");
}

#[tokio::test]
async fn keys_parties_and_issuer_are_taken_from_the_environment() {
    let instance = Instance::start();
    let mut command = instance.described_to(example("axum"));
    command.env("CLERK_AUTHORIZED_PARTIES", "https://app.example.com, http://localhost:3000");
    let app = Server::of(command);
    let caller = http::Caller::of(&app);
    for (party, status) in [
        ("https://app.example.com", StatusCode::OK),
        ("http://localhost:3000", StatusCode::OK),
        ("https://evil.example.com", StatusCode::UNAUTHORIZED),
    ] {
        let token = instance.sign_in_at(party).await;
        assert_eq!(caller.get("/me", Some(&token)).await.status(), status, "{party}");
    }

    let stranger = Instance::start();
    let token = stranger.sign_in_at("https://app.example.com").await;
    assert_eq!(caller.get("/me", Some(&token)).await.status(), StatusCode::UNAUTHORIZED);
}

/// An instance of Clerk.
struct Instance {
    process: Running,
    http: Client,
    base_url: String,
    publishable_key: String,
}

const SECRET_KEY: &str = "sk_test_instance";

impl Instance {
    fn start() -> Self {
        let mut command = example("sessions_api");
        command.args(["--addr", "127.0.0.1:0", "--secret-key", SECRET_KEY, "--user", "user_grace"]);
        let process = Running::start(command);
        let ready: Value = serde_json::from_str(&process.line()).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self {
            process,
            http: Client::builder().no_proxy().build().unwrap(),
            base_url: text("base_url"),
            publishable_key: text("publishable_key"),
        }
    }

    fn described_to(&self, mut command: Command) -> Command {
        command
            .env("CLERK_SECRET_KEY", SECRET_KEY)
            .env("CLERK_API_URL", &self.base_url)
            .env("CLERK_PUBLISHABLE_KEY", &self.publishable_key);
        command
    }

    /// The session token of a new session.
    async fn sign_in(&self) -> String {
        self.sign_in_at("http://localhost:3000").await
    }

    async fn sign_in_at(&self, origin: &str) -> String {
        let session = self.post("/v1/sessions", json!({ "user_id": "user_grace" })).await;
        let wanted = json!({ "session_id": session["id"], "authorized_party": origin });
        let token = self.post("/emulator/session-tokens", wanted).await;
        token["jwt"].as_str().unwrap().to_owned()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.base_url)).bearer_auth(SECRET_KEY);
        let response = request.json(&body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }
}
