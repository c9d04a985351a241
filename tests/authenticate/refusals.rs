//! A refusal reads the same wherever it is made: what a layer was told of refusals holds for all that this crate
//! refuses behind it.

use axum::{
    Router,
    body::{Body, to_bytes},
    routing::{any, post},
};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use tonic::Code;
use tower::{Layer, ServiceExt, service_fn};
use tower_clerk::{
    AuthenticateLayer, Authorization, Claims, Protocol, Rejection, RevokeSession, Session,
    SessionCheck,
    for_tonic::RequestExt,
    testing::{Fault, Operation, SessionsApi},
};

/// An envelope of somebody's own.
fn enveloped(rejection: &Rejection, protocol: Protocol) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(format!("mine: {}", rejection.public_reason())));
    *response.status_mut() = StatusCode::IM_A_TEAPOT;
    response.headers_mut().insert("x-protocol", format!("{protocol:?}").parse().unwrap());
    if protocol == Protocol::Grpc {
        *response.status_mut() = StatusCode::OK;
        response.headers_mut().insert("grpc-status", rejection.grpc_code().into());
        response.headers_mut().insert("grpc-message", "mine".parse().unwrap());
    }
    response
}

/// A handler that asks by itself.
async fn admin(claims: Claims) -> Result<(), Rejection> {
    claims.require(&Authorization::role("org:admin").unwrap())
}

struct Asked<'a> {
    clerk: &'a SessionsApi,
    layer: AuthenticateLayer,
    sign_out: RevokeSession,
}

impl Asked<'_> {
    async fn ask(&self, path: &str, request: http::request::Builder) -> Response<Body> {
        let app = Router::new()
            .route("/session", any(async |_: Session| ()))
            .route("/claims", any(async |_: Claims| ()))
            .route("/maybe", any(async |_: Option<Session>| ()))
            .route("/admin", any(admin))
            .route_service("/sign-out", self.sign_out.clone())
            .route("/plain", post(async || ()))
            .layer(self.layer.clone());
        app.oneshot(request.uri(path).body(Body::empty()).unwrap()).await.unwrap()
    }

    fn cookie(&self) -> String {
        format!("__session={}", self.clerk.token(&self.clerk.sign_in("user_ada")))
    }
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1000).await.unwrap().into()).unwrap()
}

#[tokio::test]
async fn an_envelope_of_ones_own_holds_for_the_layer_its_extractors_and_its_sign_out() {
    let clerk = SessionsApi::start().await;
    let resolver = clerk.resolver();
    let networkless = clerk.resolver_builder().check(SessionCheck::Networkless).build().unwrap();
    let layer = |resolver: &tower_clerk::SessionResolver| {
        let layer = AuthenticateLayer::new(resolver.clone()).unwrap();
        layer.allow_anonymous().rejection_response(enveloped)
    };
    let sign_out = RevokeSession::new(resolver.clone());
    let ours = Asked { clerk: &clerk, layer: layer(&resolver), sign_out: sign_out.clone() };
    let exempt = Asked {
        clerk: &clerk,
        layer: layer(&resolver).exempt(|_| true),
        sign_out: sign_out.clone(),
    };
    let networkless = Asked { clerk: &clerk, layer: layer(&networkless), sign_out };

    let cookie = ours.cookie();
    let post = || Request::post("/");
    let with_cookie = || post().header(header::COOKIE, &cookie);
    let here = || with_cookie().header("sec-fetch-site", "same-origin");
    for (asked, path, request, reason) in [
        (&ours, "/plain", post().header("authorization", "Bearer x"), "token-invalid"),
        (&ours, "/session", post(), "session-token-missing"),
        (&ours, "/claims", post(), "session-token-missing"),
        (&ours, "/sign-out", post(), "session-token-missing"),
        (&ours, "/sign-out", with_cookie(), "cross-site-request"),
        (&ours, "/admin", with_cookie(), "authorization-insufficient"),
        (&networkless, "/admin", with_cookie(), "authorization-insufficient"),
        (&exempt, "/session", post(), "internal-error"),
        (&exempt, "/claims", post(), "internal-error"),
        (&exempt, "/sign-out", post(), "internal-error"),
        (&networkless, "/session", with_cookie(), "internal-error"),
        (&networkless, "/sign-out", here(), "internal-error"),
    ] {
        let response = asked.ask(path, request).await;
        assert_eq!(response.status(), StatusCode::IM_A_TEAPOT, "{path} {reason}");
        assert_eq!(response.headers()["x-protocol"], "Http", "{path} {reason}");
        assert!(response.extensions().get::<Rejection>().is_some(), "{path} {reason}");
        assert_eq!(text(response).await, format!("mine: {reason}"), "{path}");
    }

    clerk.fail(Operation::Revoke, Fault::status(500));
    let response = ours.ask("/sign-out", here()).await;
    assert_eq!(text(response).await, "mine: clerk-unavailable");

    // The control: what is not refused is not in the envelope.
    assert_eq!(ours.ask("/session", with_cookie()).await.status(), StatusCode::OK);
    assert_eq!(ours.ask("/maybe", post()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_refuses_behind_the_layer_speaks_the_protocol_that_the_layer_speaks() {
    let clerk = SessionsApi::start().await;
    let resolver = clerk.resolver();
    let layer = AuthenticateLayer::new(resolver.clone()).unwrap().allow_anonymous();
    let sign_out = RevokeSession::new(resolver);
    let grpc = || {
        let request = Request::post("/").header(header::CONTENT_TYPE, "application/grpc");
        request.header(header::TE, "trailers")
    };
    let told = layer.clone().protocol(Protocol::Http);
    let told = Asked { clerk: &clerk, layer: told, sign_out: sign_out.clone() };
    let untold = Asked { clerk: &clerk, layer, sign_out };
    for path in ["/session", "/claims", "/sign-out"] {
        let response = untold.ask(path, grpc()).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()["grpc-status"], "16", "{path}");

        let response = told.ask(path, grpc()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert!(!response.headers().contains_key("grpc-status"), "{path}");
    }
}

#[tokio::test]
async fn the_layer_closest_to_the_handler_decides_how_it_is_answered() {
    let clerk = SessionsApi::start().await;
    let layer = || AuthenticateLayer::new(clerk.resolver()).unwrap().allow_anonymous();
    let app = Router::new()
        .route("/", any(async |_: Session| ()))
        .layer(layer())
        .layer(layer().rejection_response(enveloped));
    let response = app.oneshot(Request::new(Body::empty())).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_status_says_what_the_envelope_says_over_grpc() {
    let clerk = SessionsApi::start().await;
    let layer = || AuthenticateLayer::new(clerk.resolver()).unwrap().allow_anonymous();
    let status = asked_by_tonic(layer().rejection_response(enveloped)).await;
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "mine"));
    assert_eq!(status.metadata().get("x-protocol").unwrap(), "Grpc");
    let source = std::error::Error::source(&status).unwrap();
    assert!(source.downcast_ref::<Rejection>().is_some());

    // So does one that comes of what a method asked by itself.
    let by_itself = layer().rejection_response(enveloped).layer(service_fn(admin_by_itself));
    let bearer = format!("Bearer {}", clerk.token(&clerk.sign_in("user_ada")));
    let request = Request::post("/").header("authorization", bearer).body(()).unwrap();
    let response = by_itself.oneshot(request).await.unwrap();
    let status = response.extensions().get::<tonic::Status>().unwrap();
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "mine"));

    // One that knows nothing of gRPC leaves the status as it is.
    let status =
        asked_by_tonic(layer().rejection_response(|_, _| Response::<String>::default())).await;
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(status.message(), "a session token is required");
}

async fn admin_by_itself(request: Request<()>) -> Result<Response<Body>, std::convert::Infallible> {
    let claims = request.extensions().get::<Claims>().unwrap();
    let refused = claims.require(&Authorization::role("org:admin").unwrap()).unwrap_err();
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(tonic::Status::from(refused));
    Ok(response)
}

/// What a method behind this layer is told that asks for the session of nobody.
async fn asked_by_tonic(layer: AuthenticateLayer) -> tonic::Status {
    let service = layer.layer(service_fn(async |request: Request<()>| {
        let mut asked = tonic::Request::new(());
        *asked.extensions_mut() = request.into_parts().0.extensions;
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(asked.session().unwrap_err());
        Ok::<_, std::convert::Infallible>(response)
    }));
    let response = service.oneshot(Request::new(())).await.unwrap();
    response.extensions().get::<tonic::Status>().unwrap().clone()
}
