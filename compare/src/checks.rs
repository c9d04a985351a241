//! What the README says that each layer admits and refuses: `cargo test --release`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{StatusCode, header};
use tower::ServiceExt;
use tower_clerk::{
    SessionCheck,
    testing::{Fault, TokenMint},
};

use crate::{
    clerk_rs, dioxus_clerk,
    scenario::request,
    scene::{Scene, value},
    tower_clerk::{self as this_crate, Room},
};

const ADMITTED: StatusCode = StatusCode::OK;
const REFUSED: StatusCode = StatusCode::UNAUTHORIZED;
const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// By `Get`, `Networkless`, clerk-rs and dioxus-clerk.
type Answers = [StatusCode; 4];

#[test]
fn each_layer_admits_and_refuses_what_the_readme_says() {
    let scene = Scene::start();
    let session = scene.clerk.sign_in("user_ada");
    let is_answered = |kind, token: fn(TokenMint<'_>) -> TokenMint<'_>, answers: Answers| {
        let token = token(scene.clerk.mint(&session)).sign();
        assert_eq!(asked(&scene, &token), answers, "{kind}");
    };
    is_answered("ordinary", |mint| mint, [ADMITTED; 4]);
    is_answered("forged", |mint| mint.forged(), [REFUSED; 4]);
    is_answered("expired", |mint| mint.expired(), [REFUSED; 4]);
    is_answered(
        "expired half a minute ago",
        |mint| mint.issued_at(SystemTime::now() - Duration::from_secs(90)),
        [REFUSED, REFUSED, ADMITTED, REFUSED],
    );
    is_answered(
        "issued in the future",
        |mint| mint.claim("iat", in_an_hour()).claim("exp", in_an_hour() + 60),
        [REFUSED, REFUSED, ADMITTED, REFUSED],
    );
    is_answered(
        "of another issuer",
        |mint| mint.claim("iss", "https://clerk.example.com"),
        [REFUSED, REFUSED, ADMITTED, REFUSED],
    );
    is_answered(
        "with an audience",
        |mint| mint.claim("aud", "https://api.example.com"),
        [ADMITTED, ADMITTED, REFUSED, ADMITTED],
    );
    is_answered("of a template", |mint| mint.template(), [REFUSED, REFUSED, ADMITTED, REFUSED]);
    is_answered(
        "with sign-in tasks left",
        |mint| mint.claim("sts", "pending"),
        [REFUSED, REFUSED, ADMITTED, ADMITTED],
    );
}

#[test]
fn only_who_asks_clerk_notices_that_a_session_was_revoked() {
    let scene = Scene::start();
    let session = scene.clerk.sign_in("user_ada");
    scene.clerk.set_status(&session, "revoked");
    let answers = [REFUSED, ADMITTED, ADMITTED, ADMITTED];
    assert_eq!(asked(&scene, &scene.clerk.token(&session)), answers);
}

#[test]
fn keys_that_cannot_be_fetched_are_the_callers_fault_in_clerk_rs() {
    let scene = Scene::start();
    let token = scene.clerk.token(&scene.clerk.sign_in("user_ada"));
    scene.clerk.fail_all(Fault::status(503));
    assert_eq!(asked(&scene, &token), [UNAVAILABLE, UNAVAILABLE, REFUSED, UNAVAILABLE]);
}

fn asked(scene: &Scene, token: &str) -> Answers {
    let credential = (header::AUTHORIZATION, value(&format!("Bearer {token}")));
    let request = || request(Some(&credential));
    scene.runtime.block_on(async {
        let Ok(get) =
            this_crate::service(scene, SessionCheck::Get, Room::Ample).oneshot(request()).await;
        let Ok(networkless) = this_crate::service(scene, SessionCheck::Networkless, Room::Ample)
            .oneshot(request())
            .await;
        let Ok(clerk_rs) = clerk_rs::service(scene).oneshot(request()).await;
        let Ok(dioxus_clerk) = dioxus_clerk::service(scene).oneshot(request()).await;
        [get.status(), networkless.status(), clerk_rs.status(), dioxus_clerk.status()]
    })
}

fn in_an_hour() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    now.as_secs() + 60 * 60
}
