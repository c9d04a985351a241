use std::process::Stdio;

use tower_clerk::testing::SessionsApi;

use crate::process::{Running, Server, example};

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

#[tokio::test]
async fn what_the_emulator_tells_the_handler_understands() {
    let mut command = example("webhooks");
    command.env("CLERK_WEBHOOK_SIGNING_SECRET", SECRET);
    let app = Server::of(command);
    let clerk = SessionsApi::start().await;
    clerk.webhooks(&format!("{}/webhooks/clerk", app.url), SECRET);
    let _ = clerk.sign_in("user_ada");
    assert_eq!(app.process.line(), "session.created of user_ada");
    clerk.delete_user("user_ada");
    assert_eq!(app.process.line(), "user_ada is gone");
}

#[test]
fn without_its_secret_it_says_which_variable_is_missing() {
    let mut command = example("webhooks");
    command.stderr(Stdio::piped());
    let (status, told) = Running::start(command).end();
    assert!(!status.success());
    assert_eq!(told.trim(), "set the environment variable `CLERK_WEBHOOK_SIGNING_SECRET`");
}
