//! Behind a gateway's sub-request (nginx `auth_request`, Traefik ForwardAuth, Envoy ext_authz), which reads nothing
//! but the status: what the layer refuses is never answered 200.

use std::net::SocketAddr;

use ::axum::{Router, body::Body, routing::any};
use http::{Request, StatusCode, Version, header};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;
use tower_clerk::{
    AuthenticateLayer, Claims, Protocol, RevokeSession, Session, testing::SessionsApi,
};

use crate::{raw, stacks};

#[tokio::test]
async fn nginx_never_reads_a_yes_from_a_refusal_whatever_the_caller_says_it_sends() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    for stack in [stacks::axum(layer.clone()).await, stacks::hyper(layer).await] {
        // As nginx asks: GET, HTTP/1.0 or 1.1, the caller's headers, no body.
        for version in ["1.0", "1.1"] {
            for content_type in ["application/grpc", "application/grpc+proto", "application/grpc;x"]
            {
                let ask = |credential: &str| {
                    format!(
                        "GET /me HTTP/{version}\r\nhost: x\r\nconnection: close\r\n\
                         content-type: {content_type}\r\nte: trailers\r\n{credential}\r\n"
                    )
                };
                let answer = raw::http1(stack.addr, ask("").as_bytes()).await;
                assert_eq!(status(&answer), "401", "{} {content_type}: {answer}", stack.name);
                let forged =
                    raw::http1(stack.addr, ask("authorization: Bearer x\r\n").as_bytes()).await;
                assert_eq!(status(&forged), "401", "{} {content_type}: {forged}", stack.name);
                let good = ask(&format!("authorization: Bearer {token}\r\n"));
                let answer = raw::http1(stack.addr, good.as_bytes()).await;
                assert_eq!(status(&answer), "200", "{} {content_type}: {answer}", stack.name);
            }
        }
    }
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

/// What Envoy sends: the caller's method and headers, over HTTP/2.
async fn ask_as_envoy(addr: SocketAddr, path: &str) -> StatusCode {
    let client: Client<_, Body> =
        Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let request = Request::post(format!("http://{addr}{path}"))
        .version(Version::HTTP_2)
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers");
    client.request(request.body(Body::empty()).unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn a_layer_that_is_told_its_protocol_refuses_envoy_too_and_so_does_all_behind_it() {
    let clerk = SessionsApi::start().await;
    let resolver = clerk.resolver();
    let strict = AuthenticateLayer::new(resolver.clone()).unwrap();
    let lenient = strict.clone().allow_anonymous();
    let serve = |layer: fn(AuthenticateLayer) -> AuthenticateLayer| {
        let anonymous = Router::new()
            .route("/session", any(async |_: Session| ()))
            .route("/claims", any(async |_: Claims| ()))
            .route_service("/sign-out", RevokeSession::new(resolver.clone()))
            .layer(layer(lenient.clone()));
        let app = Router::new().route("/auth", any(async || ())).layer(layer(strict.clone()));
        listen(app.merge(anonymous))
    };
    let told = serve(|layer| layer.protocol(Protocol::Http)).await;
    // The control: without being told, a layer cannot tell it from a gRPC client.
    let untold = serve(|layer| layer).await;
    for path in ["/auth", "/session", "/claims", "/sign-out"] {
        assert_eq!(ask_as_envoy(told, path).await, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(ask_as_envoy(untold, path).await, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_layer_that_is_told_grpc_answers_so_whoever_asks() {
    let clerk = SessionsApi::start().await;
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap().protocol(Protocol::Grpc);
    let stack = stacks::hyper(layer).await;
    let answer = stack.send_raw(stack.request()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["grpc-status"], "16");
}

async fn listen(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { ::axum::serve(listener, app).await.unwrap() });
    addr
}
