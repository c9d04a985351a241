//! Who may, and who may not, on axum, hyper and tonic alike.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Method, Request, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_clerk::{
    AuthenticateLayer, Authorization, Claims, Protocol, Rejection, RejectionKind,
    RequireAuthorization, Reverification, SessionCheck,
    authorization::Level,
    extract::TrustedSessionId,
    testing::{Fault, Membership, Operation, SessionsApi},
};

use crate::stacks::{
    Answer, IdentityServer, Outcome, Reached, Stack, WhoAmI, admitted, axum_app, hyper_service,
    serve_axum, serve_hyper, serve_tonic,
};

fn admins() -> RequireAuthorization {
    RequireAuthorization::new(Authorization::role("org:admin").unwrap())
}

/// A token of somebody with this role in an organization.
fn token(clerk: &SessionsApi, user: &str, role: &str) -> String {
    let session = clerk.sign_in(user);
    clerk.edit(&session, |session| {
        let mut member = Membership::new("org_1".parse().unwrap());
        member.role = role.to_owned();
        member.permissions = vec!["org:reports:read".to_owned()];
        session.organization = Some(member);
    });
    clerk.token(&session)
}

fn layer(clerk: &SessionsApi) -> AuthenticateLayer {
    AuthenticateLayer::new(clerk.resolver()).unwrap()
}

/// All three stacks with an authorization required within the layer.
async fn all_authorized(layer: &AuthenticateLayer, require: RequireAuthorization) -> [Stack; 3] {
    let reached = [(); 3].map(|()| Reached::default());
    let [on_axum, on_hyper, on_tonic] = reached.clone();
    let within = ServiceBuilder::new().layer(layer.clone()).layer(require.clone());
    let app = axum_app(&on_axum).layer(require).layer(layer.clone());
    let service = within.clone().service(hyper_service(&on_hyper));
    let identity = within.service(IdentityServer::new(WhoAmI(on_tonic)));
    let addrs = [serve_axum(app).await, serve_hyper(service).await, serve_tonic(identity).await];
    let [on_axum, on_hyper, on_tonic] = reached;
    [
        Stack::new("axum", addrs[0], on_axum, false),
        Stack::new("hyper", addrs[1], on_hyper, false),
        Stack::new("tonic", addrs[2], on_tonic, true),
    ]
}

/// The header that is the same over HTTP and gRPC.
fn challenge(answer: &Answer) -> Option<&str> {
    answer.headers.get(header::WWW_AUTHENTICATE).map(|value| value.to_str().unwrap())
}

async fn ask(stack: &Stack, token: &str) -> Answer {
    stack.ask(&[("authorization", format!("Bearer {token}").as_bytes())]).await
}

#[tokio::test]
async fn who_may_passes_and_who_may_not_is_answered_403_and_never_401() {
    let clerk = SessionsApi::start().await;
    let (ada, bob) =
        (token(&clerk, "user_ada", "org:admin"), token(&clerk, "user_bob", "org:member"));
    for stack in all_authorized(&layer(&clerk), admins()).await {
        assert_eq!(stack.bearer(&ada).await, admitted("user_ada"), "{}", stack.name);
        let reached = stack.reached.times();
        let refused = ask(&stack, &bob).await;
        assert_eq!(refused.outcome, Outcome::Forbidden, "{}", stack.name);
        assert_eq!(challenge(&refused), Some(r#"Bearer error="insufficient_scope""#));
        assert_eq!(stack.reached.times(), reached, "{}", stack.name);
        assert_eq!(stack.with(&[]).await, Outcome::Missing, "{}", stack.name);
        assert_eq!(stack.bearer("bad.bad.bad").await, Outcome::Invalid, "{}", stack.name);
    }
}

#[tokio::test]
async fn a_condition_of_ones_own_is_asked_about_the_claims() {
    let clerk = SessionsApi::start().await;
    let (ada, bob) =
        (token(&clerk, "user_ada", "org:member"), token(&clerk, "user_bob", "org:admin"));
    let only_ada =
        RequireAuthorization::by(|claims: &Claims| claims.user_id().as_str() == "user_ada");
    for stack in all_authorized(&layer(&clerk), only_ada).await {
        assert_eq!(stack.bearer(&ada).await, admitted("user_ada"), "{}", stack.name);
        assert_eq!(stack.bearer(&bob).await, Outcome::Forbidden, "{}", stack.name);
    }
}

#[tokio::test]
async fn who_must_prove_again_who_they_are_is_told_so_in_clerks_own_form() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let proved =
        |first: i64, second: i64| clerk.mint(&session).claim("fva", json!([first, second])).sign();
    let thirty = Reverification::after(Level::MultiFactor, Duration::from_secs(1800)).unwrap();
    for (reverification, hint, max_age) in [
        (Reverification::Strict, json!("strict"), 600),
        (thirty, json!({ "level": "multi_factor", "afterMinutes": 30 }), 1800),
    ] {
        let require = RequireAuthorization::new(Authorization::reverification(reverification))
            .clock(clerk.clock());
        for stack in all_authorized(&layer(&clerk), require).await {
            assert_eq!(stack.bearer(&proved(5, 5)).await, admitted("user_ada"), "{}", stack.name);
            let refused = ask(&stack, &proved(5, 30)).await;
            assert_eq!(refused.outcome, Outcome::Forbidden, "{}", stack.name);
            let expected =
                format!(r#"Bearer error="insufficient_user_authentication", max_age="{max_age}""#);
            assert_eq!(challenge(&refused), Some(&*expected), "{}", stack.name);
            if stack.name != "tonic" {
                let body: Value = serde_json::from_slice(&refused.body).unwrap();
                assert_eq!(body["clerk_error"]["metadata"]["reverification"], hint);
                assert_eq!(body["reason"], "reverification-error");
            }
        }
    }
}

#[tokio::test]
async fn a_proof_grows_old_by_the_clock_that_the_layer_was_given() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.mint(&session).expires_in(Duration::from_secs(86_400)).sign();
    let strict = Authorization::reverification(Reverification::Strict);
    let require = RequireAuthorization::new(strict).clock(clerk.clock());
    let [stack, ..] = all_authorized(&layer(&clerk), require).await;
    assert_eq!(stack.bearer(&token).await, admitted("user_ada"));
    clerk.clock().advance(Duration::from_secs(8 * 60));
    assert_eq!(stack.bearer(&token).await, admitted("user_ada"));
    clerk.clock().advance(Duration::from_secs(2 * 60));
    assert_eq!(stack.bearer(&token).await, Outcome::Forbidden);
}

#[tokio::test]
async fn an_anonymous_caller_is_asked_for_a_credential() {
    let clerk = SessionsApi::start().await;
    let layer = layer(&clerk).allow_anonymous();
    let ada = token(&clerk, "user_ada", "org:admin");
    for stack in all_authorized(&layer, admins()).await {
        assert_eq!(stack.with(&[]).await, Outcome::Missing, "{}", stack.name);
        assert_eq!(stack.bearer(&ada).await, admitted("user_ada"), "{}", stack.name);
        assert_eq!(stack.reached.times(), 1, "{}", stack.name);
    }
}

#[tokio::test]
async fn an_allowed_preflight_passes_and_nothing_that_looks_like_one() {
    let clerk = SessionsApi::start().await;
    let layer = layer(&clerk).allow_preflight();
    let [stack, ..] = all_authorized(&layer, admins()).await;
    let preflight = |method: Method, headers: &[HeaderName]| {
        let mut request = stack.request();
        *request.method_mut() = method;
        for name in headers {
            request.headers_mut().insert(name, "GET".parse().unwrap());
        }
        stack.send(request)
    };
    let both = [header::ORIGIN, header::ACCESS_CONTROL_REQUEST_METHOD];
    assert_eq!(preflight(Method::OPTIONS, &both).await.outcome, Outcome::Anonymous);
    assert_eq!(preflight(Method::OPTIONS, &both[..1]).await.outcome, Outcome::Missing);
    assert_eq!(preflight(Method::GET, &both).await.outcome, Outcome::Missing);
    assert_eq!(stack.reached.times(), 1);
}

#[tokio::test]
async fn what_was_checked_without_clerk_is_judged_by_its_claims() {
    let clerk = SessionsApi::start().await;
    let resolver = clerk.resolver_builder().check(SessionCheck::Networkless).build().unwrap();
    let layer = AuthenticateLayer::new(resolver).unwrap();
    let (ada, bob) =
        (token(&clerk, "user_ada", "org:admin"), token(&clerk, "user_bob", "org:member"));
    for stack in all_authorized(&layer, admins()).await {
        assert_eq!(stack.bearer(&ada).await, admitted("user_ada"), "{}", stack.name);
        assert_eq!(stack.bearer(&bob).await, Outcome::Forbidden, "{}", stack.name);
    }
}

#[tokio::test]
async fn it_answers_as_the_layer_outside_was_told() {
    let clerk = SessionsApi::start().await;
    let bob = token(&clerk, "user_bob", "org:member");
    let told = layer(&clerk).rejection_response(|rejection, _| {
        let mut response = http::Response::new(Bytes::from(rejection.reason()));
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        response
    });
    let [axum, hyper, _] = all_authorized(&told, admins()).await;
    for stack in [axum, hyper] {
        let refused = ask(&stack, &bob).await;
        assert_eq!(refused.status, StatusCode::IM_A_TEAPOT, "{}", stack.name);
        assert_eq!(refused.body, "authorization-insufficient", "{}", stack.name);
    }

    // A gateway reads nothing but the status, whatever the caller says it sends.
    let http = layer(&clerk).protocol(Protocol::Http);
    let [.., tonic] = all_authorized(&http, admins()).await;
    let mut request = tonic.request();
    request.headers_mut().insert("authorization", format!("Bearer {bob}").parse().unwrap());
    assert_eq!(tonic.send_raw(request).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn while_clerk_is_down_whoever_is_admitted_by_claims_is_judged_by_them() {
    let clerk = SessionsApi::start().await;
    let (ada, bob) =
        (token(&clerk, "user_ada", "org:admin"), token(&clerk, "user_bob", "org:member"));
    let resolver = clerk.resolver_builder().networkless_if_error().build().unwrap();
    clerk.fail(Operation::Get, Fault::status(500));
    let layer = AuthenticateLayer::new(resolver).unwrap();
    for stack in all_authorized(&layer, admins()).await {
        assert_eq!(stack.bearer(&ada).await, admitted("user_ada"), "{}", stack.name);
        assert_eq!(stack.bearer(&bob).await, Outcome::Forbidden, "{}", stack.name);
    }
}

/// What is answered where the service is put together so.
async fn answered(layer: Option<AuthenticateLayer>, request: Request<()>) -> (Rejection, String) {
    let inner = admins().layer(service_fn(async |_: Request<()>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(Full::<Bytes>::default()))
    }));
    let response = match layer {
        Some(layer) => {
            let response = layer.layer(inner).oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            (parts, http_body_util::BodyExt::collect(body).await.unwrap().to_bytes())
        }
        None => {
            let response = inner.oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            (parts, http_body_util::BodyExt::collect(body).await.unwrap().to_bytes())
        }
    };
    let (parts, body) = response;
    assert_eq!(parts.status, StatusCode::INTERNAL_SERVER_ERROR);
    let rejection = parts.extensions.get::<Rejection>().expect("it is ours").clone();
    (rejection, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_forgotten_authenticate_layer_is_a_500_that_says_so_and_never_a_pass() {
    let clerk = SessionsApi::start().await;
    let ada = token(&clerk, "user_ada", "org:admin");
    let with_token = || {
        let request = Request::builder().header("authorization", format!("Bearer {ada}"));
        request.body(()).unwrap()
    };
    let by_id = HeaderName::from_static("x-session-id");
    let session = clerk.sign_in("user_bob");
    let trusted = layer(&clerk).extractor(TrustedSessionId::header(by_id.clone())).unwrap();
    for (layer, request, reason, says) in [
        (None, with_token(), "authenticate-layer-missing", "tower_clerk::AuthenticateLayer"),
        (
            Some(layer(&clerk).exempt(|_| true)),
            with_token(),
            "route-exempt",
            "exempt from authentication",
        ),
        (
            Some(trusted),
            Request::builder().header(by_id, session.as_str()).body(()).unwrap(),
            "not-with-this-check",
            "without a token",
        ),
    ] {
        let (rejection, body) = answered(layer, request).await;
        assert_eq!(rejection.kind(), RejectionKind::Misconfigured);
        assert_eq!(rejection.reason(), reason);
        assert!(body.contains(says), "{body}");
    }
}

#[test]
fn a_refusal_gives_back_the_permit_of_the_service_that_was_polled_ready() {
    use tokio_test::{assert_pending, assert_ready, task};
    use tower::{Service, limit::ConcurrencyLimit};

    let inner = service_fn(async |_: Request<()>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(Full::<Bytes>::default()))
    });
    let mut first = admins().layer(ConcurrencyLimit::new(inner, 1));
    let mut second = first.clone();
    fn is_ready<S: Service<Request<()>>>(
        service: &mut S,
    ) -> task::Spawn<impl Future<Output = Result<(), S::Error>>> {
        task::spawn(std::future::poll_fn(|cx| service.poll_ready(cx)))
    }
    assert_ready!(is_ready(&mut first).poll()).unwrap();
    assert_pending!(is_ready(&mut second).poll(), "there is one permit");
    let refused = assert_ready!(task::spawn(first.call(Request::new(()))).poll()).unwrap();
    assert_eq!(refused.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_ready!(is_ready(&mut second).poll()).unwrap();
}

mod in_handlers {
    use axum::{Router, body::Body, routing::get};
    use http_body_util::BodyExt;
    use tonic::Code;
    use tower_clerk::{
        for_axum::{Authorized, Rule},
        for_tonic::RequestExt,
    };

    use super::*;

    #[derive(Clone)]
    struct App {
        admins: Authorization,
    }

    struct Admins;

    impl Rule<App> for Admins {
        fn authorization(app: &App) -> &Authorization {
            &app.admins
        }
    }

    #[tokio::test]
    async fn an_axum_handler_that_names_its_rule_cannot_forget_it() {
        async fn admin(claims: Authorized<Admins>) -> String {
            claims.user_id().to_string()
        }

        let clerk = SessionsApi::start().await;
        let (ada, bob) =
            (token(&clerk, "user_ada", "org:admin"), token(&clerk, "user_bob", "org:member"));
        let state = App { admins: Authorization::role("org:admin").unwrap() };
        let app = Router::new().route("/admin", get(admin));
        let bare = app.clone().with_state(state.clone());
        let told = layer(&clerk).rejection_response(|_, _| {
            http::Response::builder().status(StatusCode::IM_A_TEAPOT).body(Bytes::new()).unwrap()
        });
        let told = app.clone().layer(told).with_state(state.clone());
        let app = app.layer(layer(&clerk).allow_anonymous()).with_state(state);
        for (app, token, status, says) in [
            (&app, Some(&ada), StatusCode::OK, "user_ada"),
            (&app, Some(&bob), StatusCode::FORBIDDEN, "authorization-insufficient"),
            (&app, None, StatusCode::UNAUTHORIZED, "session-token-missing"),
            (&bare, Some(&ada), StatusCode::INTERNAL_SERVER_ERROR, "AuthenticateLayer"),
            (&told, Some(&bob), StatusCode::IM_A_TEAPOT, ""),
        ] {
            let mut request = Request::get("/admin");
            if let Some(token) = token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(response.status(), status);
            let refused = response.extensions().get::<Rejection>().is_some();
            assert_eq!(refused, status != StatusCode::OK);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert!(String::from_utf8_lossy(&body).contains(says), "{body:?}");
        }
    }

    /// The request as the method behind the layer gets it.
    async fn as_seen(layer: &AuthenticateLayer, token: Option<&str>) -> tonic::Request<()> {
        let service = layer.layer(service_fn(async |request: Request<()>| {
            let mut response = http::Response::new(Full::<Bytes>::default());
            *response.extensions_mut() = request.into_parts().0.extensions;
            Ok::<_, std::convert::Infallible>(response)
        }));
        let mut request = Request::new(());
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.headers_mut().insert("authorization", value);
        }
        let response = service.oneshot(request).await.unwrap();
        let mut seen = tonic::Request::new(());
        *seen.extensions_mut() = response.into_parts().0.extensions;
        seen
    }

    #[tokio::test]
    async fn a_tonic_method_gets_the_claims_of_who_may_and_a_status_for_the_others() {
        let readers = Authorization::permission("org:reports:read")
            .unwrap()
            .and(Authorization::role("org:admin").unwrap());
        let clerk = SessionsApi::start().await;
        let (ada, bob) =
            (token(&clerk, "user_ada", "org:admin"), token(&clerk, "user_bob", "org:member"));
        let layer = layer(&clerk).allow_anonymous();
        let exempt = layer.clone().exempt(|_| true);
        for (request, expected) in [
            (as_seen(&layer, Some(&ada)).await, Ok("user_ada")),
            (as_seen(&layer, Some(&bob)).await, Err(Code::PermissionDenied)),
            (as_seen(&layer, None).await, Err(Code::Unauthenticated)),
            (as_seen(&exempt, Some(&ada)).await, Err(Code::Internal)),
            (tonic::Request::new(()), Err(Code::Internal)),
        ] {
            let found = request.require(&readers).map(|claims| claims.user_id().as_str());
            assert_eq!(found.map_err(|status| status.code()), expected);
        }
    }
}
