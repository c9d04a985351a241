//! What belongs to an instance holds for everything that is made from it.

use std::{sync::Arc, time::Duration};

use http::{Request, StatusCode};
use tower::{Layer, ServiceExt};
use tower_clerk::{
    AuthenticateLayer, ConfigError, Credential, Instance, InstanceBuilder, OwnedCredential, Policy,
    Rejection, RejectionKind, ResolveSession, Resolved, RevokeSession, SessionCheck,
    SessionResolver, TokenVerifier,
    testing::{Fault, Operation, SessionsApi},
};

use crate::stacks::{self, Outcome, admitted};

const APP: &str = "https://app.example.com";
const EVIL: &str = "https://evil.example.com";

/// What a layer was asked of, in its own words.
fn for_the_app(builder: InstanceBuilder) -> Instance {
    builder.authorized_parties([APP]).unwrap().build().unwrap()
}

#[tokio::test]
async fn a_policy_that_says_nothing_of_parties_does_not_drop_those_of_the_instance() {
    let clerk = SessionsApi::start().await;
    let instance = for_the_app(clerk.instance_builder());
    let session = clerk.sign_in("user_ada");
    let of = |party: &str| clerk.mint(&session).authorized_party(party).sign();
    let layer = || {
        let resolver = clerk.resolver_builder_of(&instance).build().unwrap();
        AuthenticateLayer::new(resolver).unwrap()
    };
    let hasty = Policy::new().max_age(Duration::from_secs(60));
    let elsewhere = Policy::new().authorized_parties([EVIL]).unwrap();
    for (layer, ours, theirs) in [
        (layer(), true, false),
        (layer().policy(Policy::new()).unwrap(), true, false),
        (layer().policy(hasty).unwrap(), true, false),
        (layer().policy(Policy::new().accept_pending()).unwrap(), true, false),
        (layer().policy(elsewhere.clone()).unwrap(), false, true),
        (layer().policy(elsewhere.any_party()).unwrap(), true, true),
        (layer().policy(Policy::new().any_party()).unwrap(), true, true),
    ] {
        let outcome = |admits| if admits { admitted("user_ada") } else { Outcome::Invalid };
        let stack = stacks::axum(layer.clone()).await;
        assert_eq!(stack.bearer(&of(APP)).await, outcome(ours), "{layer:?}");
        assert_eq!(stack.bearer(&of(EVIL)).await, outcome(theirs), "{layer:?}");
    }
}

#[tokio::test]
async fn a_verifier_and_a_resolver_ask_for_the_parties_of_their_instance_too() {
    let clerk = SessionsApi::start().await;
    let instance = for_the_app(clerk.instance_builder());
    let session = clerk.sign_in("user_ada");
    let of = |party: &str| clerk.mint(&session).authorized_party(party).sign();
    let resolver = clerk.resolver_builder_of(&instance).build().unwrap();
    let verifier = TokenVerifier::builder(&instance).clock(clerk.clock());
    let strict = verifier.build().unwrap();
    let verifier = TokenVerifier::builder(&instance).clock(clerk.clock());
    let lenient = verifier.policy(Policy::new().any_party()).build().unwrap();
    strict.verify(&of(APP)).await.unwrap();
    assert!(strict.verify(&of(EVIL)).await.is_err());
    lenient.verify(&of(EVIL)).await.unwrap();
    for (policy, admits) in [(Policy::new(), false), (Policy::new().any_party(), true)] {
        let token = of(EVIL);
        let credential = Credential::session_token(token.as_bytes());
        let resolved = resolver.resolve(credential, &policy).await;
        assert_eq!(resolved.is_ok(), admits);
    }
}

/// A resolver of somebody's own around one of this crate's, for the same instance.
struct Around {
    inner: SessionResolver,
    instance: Instance,
    evaluates_policies: bool,
}

impl ResolveSession for Around {
    async fn resolve_uncached(
        self: Arc<Self>,
        credential: OwnedCredential,
        policy: Policy,
    ) -> Result<Resolved, Rejection> {
        self.inner.resolve(credential.borrow(), &policy).await
    }

    fn evaluates_policies(&self) -> bool {
        self.evaluates_policies
    }

    fn instance(&self) -> Option<&Instance> {
        Some(&self.instance)
    }
}

#[tokio::test]
async fn a_layer_takes_cookies_and_parties_from_the_instance_of_a_resolver_of_ones_own_too() {
    let clerk = SessionsApi::start().await;
    let around = |evaluates_policies| Around {
        // It knows of no parties itself.
        inner: clerk.resolver(),
        instance: for_the_app(clerk.instance_builder()),
        evaluates_policies,
    };
    let stack = stacks::axum(AuthenticateLayer::new(around(true)).unwrap()).await;
    let shared = AuthenticateLayer::new(Arc::new(around(true))).unwrap();
    let shared = stacks::axum(shared).await;
    let session = clerk.sign_in("user_ada");
    let suffix = clerk.instance().publishable_key().unwrap().cookie_suffix();
    for (party, outcome) in [(APP, admitted("user_ada")), (EVIL, Outcome::Invalid)] {
        let token = clerk.mint(&session).authorized_party(party).sign();
        let cookie = format!("__session_{suffix}={token}");
        for stack in [&stack, &shared] {
            assert_eq!(stack.bearer(&token).await, outcome);
            assert_eq!(stack.with(&[("cookie", cookie.as_bytes())]).await, outcome);
        }
    }
    let error = AuthenticateLayer::new(around(false)).unwrap_err();
    assert!(error.to_string().contains("Policy::evaluate"), "{error}");
}

#[tokio::test]
async fn native_apps_have_no_party_and_a_cookie_must_have_one_all_the_same() {
    let clerk = SessionsApi::start().await;
    let instance = for_the_app(clerk.instance_builder());
    let resolver = clerk.resolver_builder_of(&instance).build().unwrap();
    let strict = AuthenticateLayer::new(resolver).unwrap();
    let shared = strict.clone().policy(Policy::new().accept_absent_party()).unwrap();
    let session = clerk.sign_in("user_ada");
    let of_an_app = clerk.token(&session);
    let of_a_page = clerk.mint(&session).authorized_party(APP).sign();
    let of_another = clerk.mint(&session).authorized_party(EVIL).sign();
    let suffix = clerk.instance().publishable_key().unwrap().cookie_suffix();
    for (layer, app) in [(strict, Outcome::Invalid), (shared, admitted("user_ada"))] {
        for stack in stacks::all(&layer).await {
            assert_eq!(stack.bearer(&of_an_app).await, app, "{}", stack.name);
            assert_eq!(stack.bearer(&of_a_page).await, admitted("user_ada"), "{}", stack.name);
            assert_eq!(stack.bearer(&of_another).await, Outcome::Invalid, "{}", stack.name);
            for name in ["__session", &format!("__session_{suffix}")] {
                let cookie = async |token: &str| {
                    stack.with(&[("cookie", format!("{name}={token}").as_bytes())]).await
                };
                assert_eq!(cookie(&of_an_app).await, Outcome::Invalid, "{} {name}", stack.name);
                assert_eq!(cookie(&of_a_page).await, admitted("user_ada"), "{}", stack.name);
                assert_eq!(cookie(&of_another).await, Outcome::Invalid, "{}", stack.name);
            }
        }
    }
}

/// Without the secret key.
fn networkless(builder: InstanceBuilder) -> Result<SessionResolver, ConfigError> {
    SessionResolver::builder(&builder.build()?).check(SessionCheck::Networkless).build()
}

#[tokio::test]
async fn without_a_secret_key_a_pem_or_a_set_of_keys_verifies_and_clerk_is_not_asked() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let instance = || Instance::builder().publishable_key(clerk.publishable_key().parse().unwrap());
    for instance in [
        instance().jwt_key(clerk.jwt_key()),
        instance().jwk_set(clerk.jwk_set()),
        // As the environment says it.
        Instance::builder().jwt_key(clerk.jwt_key().trim().replace('\n', "\\n")),
    ] {
        let layer = AuthenticateLayer::new(networkless(instance).unwrap()).unwrap();
        for stack in stacks::all(&layer).await {
            assert_eq!(stack.bearer(&token).await, admitted("user_ada"), "{}", stack.name);
        }
    }
    assert_eq!(clerk.requests().total(), 0);
}

#[tokio::test]
async fn a_publishable_key_alone_is_not_reason_enough_to_believe_public_keys() {
    let clerk = SessionsApi::start().await;
    let instance = Instance::builder().publishable_key(clerk.publishable_key().parse().unwrap());
    let error = networkless(instance).unwrap_err().to_string();
    assert!(error.contains("keys_from_frontend_api"), "{error}");
    for check in [SessionCheck::Get, SessionCheck::Verify] {
        let instance = Instance::builder().jwt_key(clerk.jwt_key()).build().unwrap();
        let error = SessionResolver::builder(&instance).check(check).build().unwrap_err();
        assert!(error.to_string().contains("CLERK_SECRET_KEY"), "{error}");
    }
}

async fn on_loopback() -> SessionsApi {
    SessionsApi::builder().frontend_api_on_loopback(true).start().await.unwrap()
}

/// Of nothing but the publishable key.
fn public(clerk: &SessionsApi) -> InstanceBuilder {
    let publishable_key = clerk.publishable_key().parse().unwrap();
    Instance::builder().publishable_key(publishable_key).keys_from_frontend_api()
}

#[tokio::test]
async fn a_service_with_only_a_publishable_key_verifies_tokens_through_a_key_rotation() {
    let clerk = on_loopback().await;
    let session = clerk.sign_in("user_ada");
    let resolver = SessionResolver::builder(&public(&clerk).build().unwrap())
        .check(SessionCheck::Networkless)
        .clock(clerk.clock())
        .build()
        .unwrap();
    let layer = AuthenticateLayer::new(resolver).unwrap();
    let stacks = stacks::all(&layer).await;
    for stack in &stacks {
        assert_eq!(stack.bearer(&clerk.token(&session)).await, admitted("user_ada"));
    }
    clerk.rotate_keys();
    for stack in &stacks {
        let before = clerk.mint(&session);
        assert_eq!(stack.bearer(&before.sign()).await, admitted("user_ada"), "{}", stack.name);
    }
    let old = clerk.token(&session);
    clerk.clock().advance(Duration::from_secs(31));
    clerk.replace_key();
    let new = clerk.token(&session);
    for stack in &stacks {
        assert_eq!(stack.bearer(&new).await, admitted("user_ada"), "{}", stack.name);
        assert_eq!(stack.bearer(&old).await, Outcome::Invalid, "{}", stack.name);
    }
    let requests = clerk.requests();
    assert_eq!(requests.count(Operation::PublicJwks), requests.total(), "and asks nothing else");
    let last = requests.last(Operation::PublicJwks).unwrap();
    assert_eq!(last.headers().get("authorization"), None);
}

#[tokio::test]
async fn tokens_of_a_proxied_frontend_api_are_verified_by_the_keys_behind_the_proxy() {
    let clerk = on_loopback().await;
    let session = clerk.sign_in("user_ada");
    // The emulator itself stands in for the proxy.
    let instance = public(&clerk).frontend_api(clerk.base_url()).unwrap().build().unwrap();
    let verifier = TokenVerifier::builder(&instance).clock(clerk.clock()).build().unwrap();
    for (issuer, is_ours) in
        [(clerk.issuer(), true), (clerk.base_url(), true), ("https://other.example.com", false)]
    {
        let token = clerk.mint(&session).claim("iss", issuer).sign();
        assert_eq!(verifier.verify(&token).await.is_ok(), is_ours, "{issuer}");
    }
}

#[tokio::test]
async fn a_frontend_api_that_asks_to_be_left_alone_is_and_one_that_redirects_is_not_followed() {
    let clerk = on_loopback().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let resolver = || {
        let builder = SessionResolver::builder(&public(&clerk).build().unwrap());
        builder.check(SessionCheck::Networkless).clock(clerk.clock()).build().unwrap()
    };
    let reason = async |resolver: &SessionResolver| {
        let credential = Credential::session_token(token.as_bytes());
        resolver.resolve(credential, &Policy::new()).await.err()
    };
    let asked = || clerk.requests().count(Operation::PublicJwks);

    let busy = Fault::status(429).retry_after(Duration::from_secs(40));
    clerk.fail(Operation::PublicJwks, busy);
    let resolver_of_a_busy_one = resolver();
    for _ in 0..3 {
        let rejection = reason(&resolver_of_a_busy_one).await.unwrap();
        assert_eq!(rejection.kind(), RejectionKind::Unavailable);
        assert_eq!(rejection.retry_after(), Some(Duration::from_secs(40)));
        clerk.clock().advance(Duration::from_secs(13));
    }
    assert_eq!(asked(), 1, "for 39 seconds");
    clerk.clear_faults();
    clerk.clock().advance(Duration::from_secs(1));
    assert!(reason(&resolver_of_a_busy_one).await.is_none());

    for status in [301, 302, 303, 307, 308, 401, 403, 404, 500] {
        clerk.fail(Operation::PublicJwks, Fault::status(status));
        let rejection = reason(&resolver()).await.unwrap();
        assert_eq!(rejection.kind(), RejectionKind::Unavailable, "{status}: never our own key");
        clerk.clear_faults();
    }
    assert_eq!(clerk.requests().unknown(), 0, "where redirects lead to");
}

#[tokio::test]
async fn without_a_secret_key_a_sign_out_is_our_own_mistake_and_says_so() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let resolver = networkless(Instance::builder().jwt_key(clerk.jwt_key())).unwrap();
    let error = resolver.revoke(&session).await.unwrap_err();
    assert!(error.is_unauthorized() && error.to_string().contains("secret key"), "{error}");

    let layer = AuthenticateLayer::new(resolver.clone()).unwrap();
    let sign_out = layer.layer(RevokeSession::new(resolver));
    let request = Request::post("/sign-out")
        .header("authorization", format!("Bearer {}", clerk.token(&session)))
        .body(())
        .unwrap();
    let response = sign_out.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(clerk.requests().total(), 0);
}

#[tokio::test]
async fn two_instances_live_in_one_process_by_path_and_by_host() {
    use axum::{Router, extract::Request, routing::get};
    use tower_clerk::Claims;

    let (shop, staff) = (SessionsApi::start().await, SessionsApi::start().await);
    let of = |clerk: &SessionsApi| {
        let app =
            Router::new().route("/", get(async |claims: Claims| claims.user_id().to_string()));
        app.layer(AuthenticateLayer::new(clerk.resolver()).unwrap())
    };
    let by_path = Router::new().nest("/shop", of(&shop)).nest("/staff", of(&staff));
    let (of_shop, of_staff) = (of(&shop), of(&staff));
    let by_host = tower::service_fn(move |request: Request| {
        let is_staff = request.headers()["host"] == "staff.example.com";
        if is_staff { of_staff.clone() } else { of_shop.clone() }.oneshot(request)
    });
    let (ada, bob) = (shop.sign_in("user_ada"), staff.sign_in("user_bob"));
    for (host, token, status) in [
        ("shop.example.com", shop.token(&ada), StatusCode::OK),
        ("shop.example.com", staff.token(&bob), StatusCode::UNAUTHORIZED),
        ("staff.example.com", staff.token(&bob), StatusCode::OK),
        ("staff.example.com", shop.token(&ada), StatusCode::UNAUTHORIZED),
    ] {
        let request = |path: &str| {
            let request = Request::get(path).header("host", host);
            let request = request.header("authorization", format!("Bearer {token}"));
            request.body(axum::body::Body::empty()).unwrap()
        };
        let path = format!("/{}", host.split('.').next().unwrap());
        let answer = by_path.clone().oneshot(request(&path)).await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        let answer = by_host.clone().oneshot(request("/")).await.unwrap();
        assert_eq!(answer.status(), status, "{host}");
    }
}
