//! What the operator is told of a refused token, and its sender is not.

use http::Request;
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt};
use tower_clerk::{AuthenticateLayer, Policy, testing::SessionsApi};

use crate::{doubles::Strict, log::Log};

#[tokio::test]
async fn the_event_names_the_claim_and_the_cure_and_the_answer_neither() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let mint = || clerk.mint(&session).authorized_party("https://app.example.com");
    let policy = Policy::new().authorized_parties(["https://app.example.com"]).unwrap();
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap().policy(policy).unwrap();
    let (strict, _) = Strict::new();
    let service = layer.layer(strict);

    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _listening = tracing::subscriber::set_default(subscriber);
    for (token, reason, claim, said) in [
        (
            clerk.mint(&session).sign(),
            "token-invalid-authorized-parties",
            Some("azp"),
            "names no party",
        ),
        (
            mint().authorized_party("https://other.example.com").sign(),
            "token-invalid-authorized-parties",
            Some("azp"),
            "add its origin to the authorized parties",
        ),
        (
            mint().claim("iss", "https://other.example.com").sign(),
            "token-invalid-issuer",
            Some("iss"),
            "check that the publishable key",
        ),
        (mint().expired().sign(), "token-expired", Some("exp"), "get a new one"),
        (mint().claim("sub", 5).sign(), "token-verification-failed", Some("sub"), "`sub`"),
        (mint().claim("x", "y".repeat(8192)).sign(), "token-invalid", None, "too long"),
        ("nonsense".to_owned(), "token-invalid", None, "malformed"),
    ] {
        log.take();
        let request = Request::builder().header("authorization", format!("Bearer {token}"));
        let response = service.clone().oneshot(request.body(()).unwrap()).await.unwrap();
        let heard = log.take();
        let event = heard.lines().find(|line| line.contains("refused a request")).unwrap();
        assert!(event.contains(&format!("reason=\"{reason}\"")), "{event}");
        assert!(event.contains(said), "{event}");
        match claim {
            Some(claim) => assert!(event.contains(&format!("claim=\"{claim}\"")), "{event}"),
            None => assert!(!event.contains("claim="), "{event}"),
        }
        assert!(!event.contains("other.example.com"), "{event}");

        let headers = format!("{:?}", response.headers());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let answer = format!("{headers} {}", String::from_utf8_lossy(&body));
        assert!(answer.contains(reason), "{answer}");
        for secret in [clerk.issuer(), "example.com", said] {
            assert!(!answer.contains(secret), "{answer}");
        }
    }
}
