//! What callers are told.

use http::{StatusCode, header};
use tower_clerk::{
    AuthenticateLayer,
    testing::{Fault, Operation, SessionsApi},
};

use crate::stacks::{self, Outcome, admitted};

#[tokio::test]
async fn a_request_is_refused_without_a_credential_and_admitted_with_one() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    for stack in stacks::all(&AuthenticateLayer::new(clerk.resolver()).unwrap()).await {
        assert_eq!(stack.with(&[]).await, Outcome::Missing, "{}", stack.name);
        assert_eq!(stack.bearer(&token).await, admitted("user_ada"), "{}", stack.name);
        assert_eq!(stack.bearer("nonsense").await, Outcome::Invalid, "{}", stack.name);
    }
}

#[tokio::test]
async fn a_refusal_over_http_is_problem_details_that_nobody_stores() {
    let clerk = SessionsApi::start().await;
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    for stack in [stacks::axum(layer.clone()).await, stacks::hyper(layer).await] {
        let answer = stack.ask(&[]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(answer.reason(), "session-token-missing");
    }
}

#[tokio::test]
async fn a_refusal_over_grpc_is_trailers_only() {
    let clerk = SessionsApi::start().await;
    let stack = stacks::tonic(AuthenticateLayer::new(clerk.resolver()).unwrap()).await;
    let answer = stack.ask(&[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/grpc");
    assert_eq!(answer.headers["grpc-status"], "16");
    assert_eq!(answer.headers["grpc-message"], "a session token is required");
    assert!(answer.body.is_empty() && answer.trailers.is_none());
}

#[tokio::test]
async fn whether_it_can_be_grpc_decides_the_form_of_the_answer_and_nothing_else() {
    let clerk = SessionsApi::start().await;
    let stack = stacks::hyper(AuthenticateLayer::new(clerk.resolver()).unwrap()).await;
    for (content_type, status) in [
        ("application/grpc", StatusCode::OK),
        ("application/grpc+proto", StatusCode::OK),
        ("application/grpc-web", StatusCode::UNAUTHORIZED),
        ("application/json", StatusCode::UNAUTHORIZED),
    ] {
        let mut request = stack.request();
        *request.method_mut() = http::Method::POST;
        request.headers_mut().insert(header::TE, "trailers".parse().unwrap());
        request.headers_mut().insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        let answer = stack.send_raw(request).await;
        assert_eq!(answer.status(), status, "{content_type}");
        assert_eq!(answer.headers().contains_key("grpc-status"), status == StatusCode::OK);
        assert!(answer.headers().contains_key(header::WWW_AUTHENTICATE), "{content_type}");
    }
}

#[tokio::test]
async fn a_bad_signature_and_an_unknown_key_are_told_apart_by_nobody_outside() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let forged = clerk.mint(&session).forged().sign();
    let unknown = clerk.mint(&session).signed_by_unknown_key().sign();
    for stack in stacks::all(&AuthenticateLayer::new(clerk.resolver()).unwrap()).await {
        let bearer = |token: &str| format!("Bearer {token}").into_bytes();
        let forged = stack.ask(&[("authorization", &bearer(&forged))]).await;
        let unknown = stack.ask(&[("authorization", &bearer(&unknown))]).await;
        assert_eq!(forged.outcome, Outcome::Invalid);
        assert_eq!(forged.body, unknown.body, "{}", stack.name);
        let mut headers = [forged.headers, unknown.headers];
        headers.iter_mut().for_each(|headers| drop(headers.remove(header::DATE)));
        assert_eq!(headers[0], headers[1], "{}", stack.name);
    }
}

#[tokio::test]
async fn a_fault_of_clerks_is_503_and_never_a_sign_out() {
    for fault in [
        Fault::status(500),
        Fault::status(503),
        Fault::status(429),
        Fault::status(400),
        Fault::status(410),
        Fault::status(422),
        Fault::status(302),
        Fault::reset(),
        Fault::truncate(),
        Fault::garbage(),
        Fault::content_type(),
    ] {
        let clerk = SessionsApi::start().await;
        let token = clerk.token(&clerk.sign_in("user_ada"));
        let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
        clerk.fail(Operation::Get, fault.clone());
        for stack in stacks::all(&layer).await {
            let answer =
                stack.ask(&[("authorization", format!("Bearer {token}").as_bytes())]).await;
            assert_eq!(answer.outcome, Outcome::Unavailable, "{} {fault:?}", stack.name);
            assert!(answer.headers.contains_key(header::RETRY_AFTER), "{} {fault:?}", stack.name);
        }
    }
}

#[tokio::test]
async fn what_clerk_asks_for_in_retry_after_is_passed_on() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let stack = stacks::axum(AuthenticateLayer::new(clerk.resolver()).unwrap()).await;
    let after = std::time::Duration::from_secs(17);
    clerk.fail(Operation::Get, Fault::status(429).retry_after(after).times(1));
    let answer = stack.ask(&[("authorization", format!("Bearer {token}").as_bytes())]).await;
    assert_eq!(answer.headers[header::RETRY_AFTER], "17");
}

#[tokio::test]
async fn our_own_wrong_key_is_500_and_told_to_nobody() {
    for code in
        ["clerk_key_invalid", "authentication_invalid", "authorization_header_format_invalid"]
    {
        let clerk = SessionsApi::start().await;
        let token = clerk.token(&clerk.sign_in("user_ada"));
        let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
        clerk.fail(Operation::Get, Fault::status(401).code(code));
        for stack in stacks::all(&layer).await {
            let answer =
                stack.ask(&[("authorization", format!("Bearer {token}").as_bytes())]).await;
            assert_eq!(answer.outcome, Outcome::Misconfigured, "{}", stack.name);
            assert!(!answer.headers.contains_key(header::WWW_AUTHENTICATE), "{}", stack.name);
            assert!(!String::from_utf8_lossy(&answer.body).contains("secret"), "{}", stack.name);
        }
        assert_eq!(clerk.requests().count(Operation::Get), 1, "asked at most every 10 s");

        clerk.clear_faults();
        clerk.clock().advance(std::time::Duration::from_secs(10));
        let stack = stacks::axum(layer).await;
        assert_eq!(stack.bearer(&token).await, admitted("user_ada"));
    }
}

#[tokio::test]
async fn the_rejection_is_in_the_extensions_for_the_layers_outside() {
    use tower::{Layer, ServiceExt, service_fn};
    use tower_clerk::{Rejection, RejectionKind};

    let clerk = SessionsApi::start().await;
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    let service = layer.layer(service_fn(async |_: http::Request<()>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Empty::new()))
    }));
    let response = service.oneshot(http::Request::new(())).await.unwrap();
    let rejection = response.extensions().get::<Rejection>().unwrap();
    assert_eq!(rejection.kind(), RejectionKind::MissingCredential);
}

#[tokio::test]
async fn answers_to_refusals_can_be_replaced() {
    let clerk = SessionsApi::start().await;
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    let layer = layer.rejection_response(|rejection, _| {
        let mut response = http::Response::new(rejection.reason().to_owned());
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        response
    });
    let stack = stacks::axum(layer).await;
    let answer = stack.ask(&[]).await;
    assert_eq!(answer.outcome, Outcome::Other(StatusCode::IM_A_TEAPOT));
    assert_eq!(answer.body, "session-token-missing");
}
