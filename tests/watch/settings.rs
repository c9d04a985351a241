//! Whom the layer watches for, and what it says where it does not.

use std::sync::Arc;

use axum::{Router, body::Body, routing::get};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use tower::ServiceExt;
use tower_clerk::{
    AuthenticateLayer, Credential, OwnedCredential, Policy, Rejection, ResolveSession, Resolved,
    SessionCheck, SessionResolver, SessionWatch,
};

use crate::world::{World, end};

async fn ask(layer: Option<AuthenticateLayer>, token: Option<&str>) -> (StatusCode, String) {
    let app: Router = Router::new()
        .route("/", get(async |watch: SessionWatch| format!("{:?}", watch.is_over().is_some())))
        .route(
            "/optional",
            get(async |watch: Option<SessionWatch>| format!("{}", watch.is_some())),
        );
    ask_app(app, layer, "/", token).await
}

async fn ask_app(
    app: Router,
    layer: Option<AuthenticateLayer>,
    path: &str,
    token: Option<&str>,
) -> (StatusCode, String) {
    let app = match layer {
        Some(layer) => app.layer(layer),
        None => app,
    };
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    if let Some(token) = token {
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
    }
    let response = app.oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_handler_that_wants_a_watch_of_a_layer_that_does_not_watch_is_told_what_to_add() {
    for check in [SessionCheck::Get, SessionCheck::Networkless] {
        let world = World::with(|builder| builder.check(check)).await;
        let token = world.clerk.token(&world.clerk.sign_in("user_ada"));
        let layer = AuthenticateLayer::new(world.resolver.clone()).unwrap().allow_anonymous();
        let (status, body) = ask(Some(layer.clone()), Some(&token)).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{check:?}");
        assert!(body.contains(".watch()"), "{body}");
        let (status, body) = ask(None, Some(&token)).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(body.contains("add `tower_clerk::AuthenticateLayer`"), "{body}");

        let layer = layer.watch().unwrap();
        assert_eq!(ask(Some(layer.clone()), Some(&token)).await, (StatusCode::OK, "false".into()));
        assert_eq!(ask(Some(layer), None).await.0, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn an_anonymous_caller_has_no_watch_and_whoever_is_known_must_have_one() {
    let world = World::new().await;
    let token = world.clerk.token(&world.clerk.sign_in("user_ada"));
    let layer = AuthenticateLayer::new(world.resolver.clone()).unwrap().allow_anonymous();
    let optional = async |layer: &AuthenticateLayer, token| {
        let handler = async |watch: Option<SessionWatch>| watch.is_some().to_string();
        let app = Router::new().route("/", get(handler));
        ask_app(app, Some(layer.clone()), "/", token).await
    };
    let (status, body) = optional(&layer, Some(&*token)).await;
    assert!(status == StatusCode::INTERNAL_SERVER_ERROR && body.contains(".watch()"), "{body}");
    assert_eq!(optional(&layer, None).await, (StatusCode::OK, "false".into()));
    let layer = layer.watch().unwrap();
    assert_eq!(optional(&layer, Some(&token)).await, (StatusCode::OK, "true".into()));
    assert_eq!(optional(&layer, None).await, (StatusCode::OK, "false".into()));
}

#[tokio::test]
async fn a_watch_that_somebody_planted_is_removed() {
    let world = World::new().await;
    let planted = world.watch(&world.clerk.sign_in("user_mallory")).await;
    let layer = AuthenticateLayer::new(world.resolver.clone()).unwrap().allow_anonymous();
    let request = Request::get("/").extension(planted).body(()).unwrap();
    let (mut parts, ()) = request.into_parts();
    layer.authenticate(&mut parts).await.unwrap();
    assert!(parts.extensions.get::<SessionWatch>().is_none());
}

#[tokio::test]
async fn who_is_in_no_stack_is_watched_too() {
    let world = World::new().await;
    let session = world.clerk.sign_in("user_ada");
    let layer = AuthenticateLayer::new(world.resolver.clone()).unwrap().watch().unwrap();
    let bearer = format!("Bearer {}", world.clerk.token(&session));
    let request = Request::get("/").header(header::AUTHORIZATION, bearer).body(()).unwrap();
    let (mut parts, ()) = request.into_parts();
    layer.authenticate(&mut parts).await.unwrap();
    let watch = parts.extensions.get::<SessionWatch>().unwrap();
    assert!(watch.is_over().is_none());
    world.resolver.revoke(&session).await.unwrap();
    assert_eq!(end(watch).await.reason(), "session-revoked");
}

/// A resolver of one's own in front of another.
struct Wrapped {
    inner: SessionResolver,
    watches: bool,
    is_lying: bool,
}

impl ResolveSession for Wrapped {
    fn resolve_cached(
        &self,
        credential: &Credential<'_>,
        policy: &Policy,
    ) -> Option<Result<Resolved, Rejection>> {
        self.inner.resolve_cached(credential, policy)
    }

    async fn resolve_uncached(
        self: Arc<Self>,
        credential: OwnedCredential,
        policy: Policy,
    ) -> Result<Resolved, Rejection> {
        Arc::new(self.inner.clone()).resolve_uncached(credential, policy).await
    }

    fn watches(&self) -> bool {
        self.watches
    }

    fn watch_resolved(&self, resolved: &Resolved, policy: &Policy) -> Option<SessionWatch> {
        (!self.is_lying).then(|| self.inner.watch(resolved, policy))
    }
}

#[tokio::test]
async fn a_resolver_that_cannot_watch_is_refused_at_start_up_where_it_is_to() {
    let world = World::new().await;
    let layer = |watches, is_lying| {
        let inner = world.resolver.clone();
        AuthenticateLayer::new(Wrapped { inner, watches, is_lying }).unwrap()
    };
    for refused in [layer(false, false).end_streams(), layer(false, false).watch()] {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("`ResolveSession::watches`"), "{error}");
    }
    let session = world.clerk.sign_in("user_ada");
    let token = world.clerk.token(&session);
    let watching = layer(true, false).watch().unwrap();
    assert_eq!(ask(Some(watching), Some(&token)).await.0, StatusCode::OK);
    // One that says so and does not admits nobody unwatched.
    let lying = layer(true, true).watch().unwrap();
    assert_eq!(ask(Some(lying), Some(&token)).await.0, StatusCode::INTERNAL_SERVER_ERROR);
}
