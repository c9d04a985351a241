//! "No route is unprotected", as one test in a user's suite.

use std::convert::Infallible;

use axum::{Router, response::Redirect, routing::get};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{Empty, Full};
use tonic::{Status, service::Routes};
use tower::{Layer, service_fn};
use tower_clerk::{
    AuthenticateLayer, Authorization, Claims, RejectionKind, RequireAuthorization,
    testing::{Coverage, CoverageOutcome, SessionsApi},
};

use crate::stacks::{IdentityServer, Reached, WhoAmI};

const WHO_AM_I: &str = "/tower_clerk.example.v1.Identity/WhoAmI";
const SIGN_OUT: &str = "/tower_clerk.example.v1.Identity/SignOut";

async fn layer() -> (SessionsApi, AuthenticateLayer) {
    let clerk = SessionsApi::start().await;
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    (clerk, layer)
}

fn outcomes(coverage: &Coverage) -> Vec<CoverageOutcome> {
    coverage.routes().iter().map(|route| route.outcome()).collect()
}

#[tokio::test]
async fn each_route_is_protected_or_not_reached_or_a_hole() {
    let (_clerk, layer) = layer().await;
    let admins = RequireAuthorization::new(Authorization::role("admin").unwrap());
    let protected =
        Router::new().route("/users/{id}", get(async || "a user")).route_layer(layer.clone());
    let anonymous = Router::new()
        .route("/extracted", get(async |_: Claims| "a user"))
        .route("/optional", get(async |_: Option<Claims>| "anybody"))
        .merge(Router::new().route("/admin", get(async || "all")).route_layer(admins.clone()))
        .route_layer(layer.allow_anonymous());
    let forgotten = Router::new()
        .route("/open", get(async || "anybody"))
        .route("/by-hand", get(async || StatusCode::UNAUTHORIZED))
        .route("/forbidden-by-hand", get(async || StatusCode::FORBIDDEN))
        .route("/sign-in", get(async || Redirect::to("/")))
        .route("/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .merge(Router::new().route("/no-layer", get(async || "all")).route_layer(admins))
        .route("/no-such-user", get(async || StatusCode::NOT_FOUND));
    let app: Router = protected.merge(anonymous).merge(forgotten);

    use CoverageOutcome::{Hole, NotReached, Protected};
    let expected = [
        (Method::GET, "/users/{id}", Protected),
        (Method::GET, "/users/1?all", Protected),
        (Method::POST, "/open", NotReached),
        (Method::GET, "/nowhere", NotReached),
        (Method::GET, "/extracted", Protected),
        (Method::GET, "/admin", Protected),
        (Method::GET, "/optional", Hole),
        (Method::GET, "/open", Hole),
        (Method::GET, "/by-hand", Hole),
        (Method::GET, "/forbidden-by-hand", Hole),
        (Method::GET, "/sign-in", Hole),
        (Method::GET, "/broken", Hole),
        (Method::GET, "/no-layer", Hole),
        (Method::GET, "/no-such-user", NotReached),
    ];
    let routes = expected.clone().map(|(method, path, _)| (method, path));
    let coverage = Coverage::of(app.clone(), routes).await;
    assert_eq!(outcomes(&coverage), expected.map(|(.., outcome)| outcome), "{coverage}");
    let told = coverage.to_string();
    assert!(told.contains("HOLE         GET     /open (200 OK, not by tower-clerk)"), "{told}");
    assert!(told.contains("protected    GET     /admin (401 Unauthorized)"), "{told}");
    assert_eq!(coverage.with(NotReached).count(), 3);

    let good = [(Method::GET, "/users/1"), (Method::GET, "/extracted")];
    Coverage::of(app, good).await.assert_protected();
}

#[tokio::test]
#[should_panic(expected = "HOLE         GET     / (200 OK, not by tower-clerk)")]
async fn a_hole_fails_the_test_and_is_named() {
    let app: Router = Router::new().route("/", get(async || "anybody"));
    Coverage::of(app, [(Method::GET, "/")]).await.assert_protected();
}

#[tokio::test]
#[should_panic(expected = "not reached  GET     /typo (404 Not Found, not by tower-clerk)")]
async fn a_route_that_was_not_reached_fails_the_test_too() {
    Coverage::of(Router::new(), [(Method::GET, "/typo")]).await.assert_protected();
}

#[tokio::test]
#[should_panic(expected = "no route was asked")]
async fn to_ask_nothing_proves_nothing() {
    let nothing: [(Method, &str); 0] = [];
    Coverage::of(Router::new(), nothing).await.assert_protected();
}

#[tokio::test]
async fn a_service_that_fails_is_a_hole() {
    let broken =
        service_fn(async |_: Request<Empty<Bytes>>| Err::<Response<()>, _>("out of order"));
    let coverage = Coverage::of(broken, [(Method::GET, "/")]).await;
    assert_eq!(outcomes(&coverage), [CoverageOutcome::Hole]);
    assert!(coverage.to_string().contains("out of order"), "{coverage}");
}

#[tokio::test]
async fn methods_of_grpc_are_covered_by_their_codes() {
    let (_clerk, layer) = layer().await;
    let identity = || IdentityServer::new(WhoAmI(Reached::default()));
    let methods = [WHO_AM_I, SIGN_OUT];
    let protected = Routes::new(layer.layer(identity())).prepare();
    Coverage::of_grpc(protected, methods).await.assert_protected();

    let open = Routes::new(identity()).prepare();
    let coverage = Coverage::of_grpc(open, methods).await;
    assert_eq!(outcomes(&coverage), [CoverageOutcome::Hole; 2], "{coverage}");
}

#[tokio::test]
async fn a_status_that_holds_our_rejection_counts_and_one_by_hand_does_not() {
    let answers = |status: fn() -> Status| {
        service_fn(move |_: Request<Empty<Bytes>>| {
            std::future::ready(Ok::<_, Infallible>(status().into_http::<Full<Bytes>>()))
        })
    };
    let refused = || {
        let kind = RejectionKind::MissingCredential;
        Status::from(tower_clerk::Rejection::new(kind, "session-token-missing"))
    };
    for (status, outcome) in [
        (refused as fn() -> Status, CoverageOutcome::Protected),
        (|| Status::unauthenticated("by hand"), CoverageOutcome::Hole),
        (|| Status::permission_denied("by hand"), CoverageOutcome::Hole),
        (|| Status::unimplemented("by hand"), CoverageOutcome::Hole),
    ] {
        let coverage = Coverage::of_grpc(answers(status), ["/a.B/C"]).await;
        assert_eq!(outcomes(&coverage), [outcome], "{coverage}");
    }
}
