//! A sign-out takes effect here, or says that it cannot.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
};
use http::{HeaderName, Request, Response, StatusCode};
use tower::ServiceExt;
use tower_clerk::{
    AuthenticateLayer, Credential, OwnedCredential, Policy, Rejection, ResolveSession, Resolved,
    RevokeSession, SessionCheck, SessionResolver,
    extract::{BearerToken, Or, TrustedSessionId},
    testing::{Operation, SessionsApi},
};

const MISMATCH: &str = "revoke-session-resolver-mismatch";

async fn sign_out(
    layer: AuthenticateLayer,
    through: &SessionResolver,
    header: (&str, &str),
) -> Response<Body> {
    let app = Router::new().route_service("/", RevokeSession::new(through.clone())).layer(layer);
    let request = Request::post("/").header(header.0, header.1).body(Body::empty()).unwrap();
    app.oneshot(request).await.unwrap()
}

async fn assert_is_mismatch(response: Response<Body>, case: &str) {
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "{case}");
    assert_eq!(response.extensions().get::<Rejection>().unwrap().reason(), MISMATCH, "{case}");
    let body = to_bytes(response.into_body(), 1000).await.unwrap();
    assert!(String::from_utf8_lossy(&body).contains("different resolvers"), "{case}: {body:?}");
}

/// What an outer layer let pass as nobody's is the inner layer's to look at anew.
#[tokio::test]
async fn a_sign_out_within_two_layers_goes_by_the_inner_one() {
    let clerk = SessionsApi::start().await;
    let resolver = clerk.resolver();
    let outer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    for outer in [outer.clone(), outer.exempt(|_| true)] {
        let session = clerk.sign_in("user_ada");
        let bearer = format!("Bearer {}", clerk.token(&session));
        let app = Router::new()
            .route_service("/", RevokeSession::new(resolver.clone()))
            .layer(AuthenticateLayer::new(resolver.clone()).unwrap())
            .layer(outer);
        let request = Request::post("/").header("authorization", &bearer);
        let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn a_sign_out_through_another_resolver_than_the_layers_is_500_and_signs_nobody_out() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let bearer = format!("Bearer {}", clerk.token(&session));
    let id = HeaderName::from_static("x-session-id");
    for check in [SessionCheck::Get, SessionCheck::Verify, SessionCheck::Networkless] {
        let resolver = || clerk.resolver_builder().check(check).build().unwrap();
        let (ours, other) = (resolver(), resolver());
        let layer = AuthenticateLayer::new(ours).unwrap();
        // The first time Clerk is asked, the second time the caller is known.
        for time in ["cold", "warm"] {
            let response = sign_out(layer.clone(), &other, ("authorization", &bearer)).await;
            assert_is_mismatch(response, &format!("{check:?}, {time}")).await;
        }
        if check == SessionCheck::Get {
            let by_id = Or::new(BearerToken::new(), TrustedSessionId::header(id.clone()));
            let layer = layer.extractor(by_id).unwrap();
            let response = sign_out(layer, &other, ("x-session-id", session.as_str())).await;
            assert_is_mismatch(response, "by ID").await;
        }
    }
    assert_eq!(clerk.requests().count(Operation::Revoke), 0);
}

#[tokio::test]
async fn clones_of_one_resolver_are_one_resolver() {
    let id = HeaderName::from_static("x-session-id");
    for check in [SessionCheck::Get, SessionCheck::Verify, SessionCheck::Networkless] {
        let clerk = SessionsApi::start().await;
        let session = clerk.sign_in("user_ada");
        let bearer = format!("Bearer {}", clerk.token(&session));
        let resolver = clerk.resolver_builder().check(check).build().unwrap();
        let layer = AuthenticateLayer::new(resolver.clone()).unwrap();
        let response = sign_out(layer, &resolver.clone(), ("authorization", &bearer)).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{check:?}");
    }
    let clerk = SessionsApi::start().await;
    let resolver = Arc::new(clerk.resolver());
    let layer = AuthenticateLayer::new(Arc::clone(&resolver)).unwrap();
    let layer = layer.extractor(TrustedSessionId::header(id)).unwrap();
    let session = clerk.sign_in("user_ada");
    let response = sign_out(layer, &resolver, ("x-session-id", session.as_str())).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
}

/// A resolver of somebody's own that asks ours, and hands on what it says, or makes its own of it.
struct Wrapper {
    inner: SessionResolver,
    hands_on: bool,
}

impl ResolveSession for Wrapper {
    fn resolve_cached(
        &self,
        _: &Credential<'_>,
        _: &Policy,
    ) -> Option<Result<Resolved, Rejection>> {
        None
    }

    async fn resolve_uncached(
        self: Arc<Self>,
        credential: OwnedCredential,
        policy: Policy,
    ) -> Result<Resolved, Rejection> {
        let resolved = self.inner.resolve(credential.borrow(), &policy).await?;
        if self.hands_on {
            return Ok(resolved);
        }
        let made = Resolved::default().with_session(resolved.session().cloned());
        Ok(made.with_claims(resolved.claims().cloned()))
    }
}

#[tokio::test]
async fn a_resolver_of_ones_own_hands_on_whose_word_it_is() {
    let clerk = SessionsApi::start().await;
    let bearer = format!("Bearer {}", clerk.token(&clerk.sign_in("user_ada")));
    let inner = clerk.resolver();
    let layer =
        |hands_on| AuthenticateLayer::new(Wrapper { inner: inner.clone(), hands_on }).unwrap();
    let response = sign_out(layer(false), &inner, ("authorization", &bearer)).await;
    assert_is_mismatch(response, "made anew").await;
    let response = sign_out(layer(true), &inner, ("authorization", &bearer)).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
}
