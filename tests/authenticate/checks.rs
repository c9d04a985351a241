//! The four ways to check, on every stack.

use std::time::Duration;

use http::HeaderName;
use serde_json::Value;
use tower_clerk::{
    AuthenticateLayer, Policy, SessionCheck, SessionsClient,
    client::ApiVersion,
    extract::TrustedSessionId,
    testing::{Operation, SessionsApi},
};

use crate::stacks::{self, Outcome, admitted};

#[tokio::test]
async fn get_reads_the_session_and_shows_both() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.token(&session);
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    for stack in stacks::all(&layer).await {
        assert_eq!(stack.bearer(&token).await, admitted("user_ada"), "{}", stack.name);
    }
    let answer = stacks::axum(layer).await.ask(&[bearer(&token).pair()]).await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["session"]["id"], session.as_str());
    assert_eq!(body["claims"]["sid"], session.as_str());
    assert_eq!(body["stale"], Value::Null);
    assert_eq!(clerk.requests().count(Operation::Get), 1);
}

#[tokio::test]
async fn verify_sends_the_token_to_the_deprecated_endpoint() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.token(&session);
    let resolver = clerk.resolver_builder().check(SessionCheck::Verify).build().unwrap();
    for stack in stacks::all(&AuthenticateLayer::new(resolver).unwrap()).await {
        assert_eq!(stack.bearer(&token).await, admitted("user_ada"), "{}", stack.name);
    }
    assert_eq!(clerk.requests().count(Operation::Get), 0);
    assert_eq!(clerk.requests().count(Operation::Verify), 1);
    let requests = clerk.requests();
    let sent = requests.last(Operation::Verify).unwrap();
    assert_eq!(sent.headers()["clerk-api-version"], "2025-03-12");
    let body: Value = serde_json::from_slice(sent.body()).unwrap();
    assert_eq!(body["token"], token);

    clerk.set_status(&session, "revoked");
    clerk.clock().advance(Duration::from_secs(30));
    let resolver = clerk.resolver_builder().check(SessionCheck::Verify).build().unwrap();
    let stack = stacks::axum(AuthenticateLayer::new(resolver).unwrap()).await;
    assert_eq!(stack.bearer(&token).await, Outcome::Invalid);
}

#[tokio::test]
async fn a_verification_endpoint_that_is_gone_signs_nobody_out() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    clerk.fail(Operation::Verify, tower_clerk::testing::Fault::status(410));
    let resolver = clerk.resolver_builder().check(SessionCheck::Verify).build().unwrap();
    for stack in stacks::all(&AuthenticateLayer::new(resolver).unwrap()).await {
        assert_eq!(stack.bearer(&token).await, Outcome::Unavailable, "{}", stack.name);
    }
}

#[tokio::test]
async fn networkless_shows_claims_and_asks_clerk_for_keys_alone() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let resolver = clerk.resolver_builder().check(SessionCheck::Networkless).build().unwrap();
    let layer = AuthenticateLayer::new(resolver).unwrap();
    for stack in stacks::all(&layer).await {
        assert_eq!(stack.bearer(&token).await, admitted("user_ada"), "{}", stack.name);
    }
    let answer = stacks::axum(layer).await.ask(&[bearer(&token).pair()]).await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["session"], Value::Null);
    assert_eq!(body["claims"]["sub"], "user_ada");
    assert_eq!(clerk.requests().count(Operation::Jwks), clerk.requests().total());
}

#[tokio::test]
async fn networkless_with_a_key_of_its_own_asks_clerk_for_nothing() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    for keys in ["pem", "jwk set"] {
        let instance = match keys {
            "pem" => clerk.instance_builder().jwt_key(clerk.jwt_key()),
            _ => clerk.instance_builder().jwk_set(clerk.jwk_set()),
        };
        let builder = clerk.resolver_builder_of(&instance.build().unwrap());
        let builder = builder.check(SessionCheck::Networkless);
        let stack = stacks::hyper(AuthenticateLayer::new(builder.build().unwrap()).unwrap()).await;
        assert_eq!(stack.bearer(&token).await, admitted("user_ada"), "{keys}");
    }
    assert_eq!(clerk.requests().total(), 0);
}

#[tokio::test]
async fn an_id_is_taken_from_the_trusted_header_and_from_nowhere_else() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let header = TrustedSessionId::header(HeaderName::from_static("x-session-id"));
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap().extractor(header).unwrap();
    for stack in stacks::all(&layer).await {
        let id = session.as_str().as_bytes();
        assert_eq!(stack.with(&[("x-session-id", id)]).await, admitted("user_ada"));
        assert_eq!(stack.with(&[("x-session-id", b"sess_unknown")]).await, Outcome::Invalid);
        assert_eq!(stack.with(&[("x-session-id", b"user_ada")]).await, Outcome::Invalid);
        assert_eq!(stack.bearer(session.as_str()).await, Outcome::Missing);
    }
    let default = stacks::axum(AuthenticateLayer::new(clerk.resolver()).unwrap()).await;
    assert_eq!(default.bearer(session.as_str()).await, Outcome::Invalid);
    assert_eq!(
        default.with(&[("x-session-id", session.as_str().as_bytes())]).await,
        Outcome::Missing
    );
}

#[tokio::test]
async fn a_session_that_is_not_active_is_refused_whatever_its_state() {
    let clerk = SessionsApi::start().await;
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    let stack = stacks::axum(layer).await;
    for status in ["revoked", "ended", "expired", "removed", "abandoned", "replaced", "pending"] {
        let session = clerk.sign_in("user_ada");
        let token = clerk.token(&session);
        clerk.set_status(&session, status);
        let answer = stack.ask(&[bearer(&token).pair()]).await;
        assert_eq!(answer.outcome, Outcome::Invalid, "{status}");
        assert_eq!(answer.reason(), format!("session-{status}"));
    }
    let session = clerk.sign_in("user_ada");
    let token = clerk.token(&session);
    clerk.remove(&session);
    let answer = stack.ask(&[bearer(&token).pair()]).await;
    assert_eq!(
        (answer.outcome.clone(), answer.reason().as_str()),
        (Outcome::Invalid, "session-not-found")
    );
}

#[tokio::test]
async fn pending_sessions_are_admitted_where_they_are_accepted_and_there_alone() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    clerk.set_status(&session, "pending");
    let token = clerk.token(&session);
    let resolver = clerk.resolver();
    let strict = AuthenticateLayer::new(resolver.clone()).unwrap();
    let lenient =
        AuthenticateLayer::new(resolver).unwrap().policy(Policy::new().accept_pending()).unwrap();
    let (strict, lenient) = (stacks::axum(strict).await, stacks::axum(lenient).await);
    for _ in 0..2 {
        assert_eq!(strict.bearer(&token).await, Outcome::Invalid);
        assert_eq!(lenient.bearer(&token).await, admitted("user_ada"));
    }
}

#[tokio::test]
async fn template_tokens_are_admitted_by_networkless_layers_that_accept_them() {
    let clerk = SessionsApi::start().await;
    let token = clerk.mint(&clerk.sign_in("user_ada")).template().sign();
    let resolver = clerk.resolver_builder().check(SessionCheck::Networkless).build().unwrap();
    let strict = AuthenticateLayer::new(resolver.clone()).unwrap();
    let lenient =
        AuthenticateLayer::new(resolver).unwrap().policy(Policy::new().accept_templates()).unwrap();
    let (strict, lenient) = (stacks::axum(strict).await, stacks::axum(lenient).await);
    for _ in 0..2 {
        let answer = strict.ask(&[bearer(&token).pair()]).await;
        assert_eq!(answer.reason(), "token-type-mismatch");
        assert_eq!(lenient.bearer(&token).await, admitted("user_ada"));
    }
    let get = AuthenticateLayer::new(clerk.resolver()).unwrap();
    let error = get.policy(Policy::new().accept_templates()).unwrap_err();
    assert!(error.to_string().contains("Networkless"), "{error}");
}

#[tokio::test]
async fn layers_with_different_policies_share_a_resolver() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.mint(&session).authorized_party("https://app.example.com").sign();
    let nameless = clerk.mint(&session).without_claim("azp").sign();
    let resolver = clerk.resolver();
    let layer = |party: &str| {
        let policy = Policy::new().authorized_parties([party]).unwrap();
        AuthenticateLayer::new(resolver.clone()).unwrap().policy(policy).unwrap()
    };
    let app = stacks::axum(layer("https://app.example.com")).await;
    let admin = stacks::axum(layer("https://admin.example.com")).await;
    for _ in 0..2 {
        assert_eq!(app.bearer(&token).await, admitted("user_ada"));
        let answer = admin.ask(&[bearer(&token).pair()]).await;
        assert_eq!(answer.reason(), "token-invalid-authorized-parties");
        assert_eq!(app.bearer(&nameless).await, Outcome::Invalid);
    }
    assert_eq!(clerk.requests().count(Operation::Get), 1);
}

#[tokio::test]
async fn configurations_that_cannot_work_are_refused_at_start_up() {
    let clerk = SessionsApi::start().await;
    let builder = || clerk.resolver_builder();
    let networkless = builder().check(SessionCheck::Networkless).build().unwrap();
    let verify = builder().check(SessionCheck::Verify).build().unwrap();
    let layer =
        |resolver: &tower_clerk::SessionResolver| AuthenticateLayer::new(resolver.clone()).unwrap();
    let trusted = || TrustedSessionId::header(HeaderName::from_static("x-session-id"));

    assert!(layer(&networkless).policy(Policy::new().max_age(Duration::from_secs(1))).is_err());
    assert!(layer(&networkless).extractor(trusted()).is_err());
    assert!(layer(&verify).extractor(trusted()).is_err());
    assert!(Policy::new().authorized_parties(["app.example.com"]).is_err());
    assert!(Policy::new().authorized_parties([""; 0]).is_err());
    assert!(builder().capacity(0).build().is_err());
    let junk = clerk.instance_builder().jwt_key("junk").build().unwrap();
    assert!(clerk.resolver_builder_of(&junk).build().is_err());
    assert!(clerk.instance_builder().further_issuers(["clerk.example.com"]).is_err());
    let other = SessionsApi::start().await;
    let error = builder().client(other.client()).build().unwrap_err();
    assert!(error.to_string().contains("another instance"), "{error}");
    assert!(builder().client(clerk.client()).build().is_ok(), "whatever handle it is made from");
    let long = Duration::from_secs(1 << 20);
    assert!(builder().ttl(long).build().is_err());
    assert!(builder().session_ttl(long).build().is_err());
    assert!(builder().patience(Duration::MAX).build().is_err());
    let fallback = || builder().networkless_if_error();
    assert!(fallback().build().is_ok());
    assert!(fallback().evidence_from_answers_only().build().is_err());
    assert!(fallback().check(SessionCheck::Networkless).build().is_err());
    let stale = Duration::from_secs(60);
    let networkless = || builder().check(SessionCheck::Networkless);
    assert!(networkless().stale_if_error(stale).build().is_err());
    assert!(networkless().evidence_from_answers_only().build().is_err());
}

#[tokio::test]
async fn the_own_client_of_another_version_still_verifies() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let client = SessionsClient::builder(&clerk.instance())
        .api_version(ApiVersion::V2021_02_05)
        .build()
        .unwrap();
    let resolver = tower_clerk::SessionResolver::builder(&clerk.instance())
        .client(client)
        .clock(clerk.clock())
        .check(SessionCheck::Verify)
        .build()
        .unwrap();
    let stack = stacks::axum(AuthenticateLayer::new(resolver).unwrap()).await;
    assert_eq!(stack.bearer(&token).await, admitted("user_ada"));
    let requests = clerk.requests();
    let version = &requests.last(Operation::Verify).unwrap().headers()["clerk-api-version"];
    assert_eq!(version, "2021-02-05");
}

struct Bearer(String);

fn bearer(token: &str) -> Bearer {
    Bearer(format!("Bearer {token}"))
}

impl Bearer {
    fn pair(&self) -> (&str, &[u8]) {
        ("authorization", self.0.as_bytes())
    }
}

#[tokio::test]
async fn a_policy_that_a_resolver_cannot_keep_admits_nobody() {
    let clerk = SessionsApi::start().await;
    let template = clerk.mint(&clerk.sign_in("user_ada")).template().sign();
    let policy = Policy::new().accept_templates();
    let resolver = clerk.resolver();
    for _ in 0..2 {
        let credential = tower_clerk::Credential::session_token(template.as_bytes());
        let rejection = resolver.resolve(credential, &policy).await.unwrap_err();
        assert_eq!(rejection.kind(), tower_clerk::RejectionKind::Misconfigured);
    }
}
