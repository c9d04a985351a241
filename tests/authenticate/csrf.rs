//! Forgery across sites: what protects a session that travels in a cookie.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    response::Response,
    routing::{get, post},
};
use http::{Method, StatusCode, header};
use tower::ServiceExt;
use tower_clerk::{
    AuthenticateLayer, PublishableKey, RevokeSession, Session, SessionCheck, SessionId,
    extract::SessionCookie,
    testing::{Fault, Operation, SessionsApi},
};
use tower_http::csrf::CsrfLayer;

const HOST: &str = "app.example.com";

type Headers<'a> = &'a [(&'a str, &'a str)];

/// A service with a sign-out and a transfer, and its caller.
struct App {
    clerk: SessionsApi,
    session: SessionId,
    router: Router,
}

impl App {
    async fn new() -> Self {
        let clerk = SessionsApi::start().await;
        let resolver = clerk.resolver();
        let layer = AuthenticateLayer::new(resolver.clone()).unwrap();
        let router = Router::new()
            .route("/me", get(async |session: Session| session.user_id().to_string()))
            .route("/transfer", post(async |session: Session| session.user_id().to_string()))
            .route_service("/sign-out", RevokeSession::new(resolver))
            .layer(layer);
        let session = clerk.sign_in("user_ada");
        Self { clerk, session, router }
    }

    fn bearer(&self) -> (&'static str, String) {
        ("authorization", format!("Bearer {}", self.clerk.token(&self.session)))
    }

    fn cookie(&self) -> (&'static str, String) {
        ("cookie", format!("__session={}", self.clerk.token(&self.session)))
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        credential: &(&str, String),
        headers: Headers<'_>,
    ) -> Response {
        let mut request = Request::builder().method(method).uri(path).header("host", HOST);
        request = request.header(credential.0, &credential.1);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn sign_out(&self, credential: &(&str, String), headers: Headers<'_>) -> Response {
        self.ask("POST", "/sign-out", credential, headers).await
    }

    async fn is_signed_in(&self) -> bool {
        self.ask("GET", "/me", &self.bearer(), &[]).await.status() == StatusCode::OK
    }
}

const SAME_ORIGIN: Headers<'static> = &[("sec-fetch-site", "same-origin")];

/// What a browser says of where a request comes from, and whether that is here.
const BROWSERS: &[(Headers<'static>, bool)] = &[
    (SAME_ORIGIN, true),
    (&[("sec-fetch-site", "none")], true),
    (&[("sec-fetch-site", "same-site")], false),
    (&[("sec-fetch-site", "cross-site")], false),
    (&[("sec-fetch-site", "cross-site"), ("origin", "https://app.example.com")], false),
    (&[("origin", "https://app.example.com")], true),
    (&[("origin", "https://evil.example.com")], false),
    (&[("origin", "https://app.example.com:8443")], false),
    (&[("origin", "https://app.example.com.evil.example")], false),
    (&[("origin", "https://evil.example/app.example.com")], false),
    (&[("origin", "null")], false),
];

/// What no browser says; whoever says it gets nothing by it.
const ODDITIES: &[Headers<'static>] = &[
    &[],
    &[("sec-fetch-site", "")],
    &[("sec-fetch-site", "SAME-ORIGIN")],
    &[("sec-fetch-site", "same-origin, cross-site")],
    &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-origin")],
    &[("sec-fetch-mode", "same-origin")],
    &[("origin", "")],
    &[("origin", "app.example.com")],
    &[("origin", "https://")],
    &[("origin", "https://user@app.example.com")],
    &[("origin", "chrome-extension://app.example.com")],
    &[("origin", "https://app.example.com/")],
    &[("origin", "https://app.example.com https://evil.example.com")],
    &[("origin", "https://app.example.com"), ("origin", "https://evil.example.com")],
    &[("origin", "https://evil.example.com"), ("origin", "https://app.example.com")],
    &[("origin", "http://app.example.com")],
    &[("origin", "http://app.example.com"), ("x-forwarded-proto", "http")],
    &[("referer", "https://app.example.com/")],
    &[("x-forwarded-host", "evil.example.com"), ("origin", "https://evil.example.com")],
    &[("host", "evil.example.com"), ("origin", "https://evil.example.com")],
];

#[tokio::test]
async fn a_cookie_signs_out_only_from_this_very_site() {
    let app = App::new().await;
    for (headers, is_here) in BROWSERS {
        let app = if *is_here { &App::new().await } else { &app };
        let response = app.sign_out(&app.cookie(), headers).await;
        let status = if *is_here { StatusCode::NO_CONTENT } else { StatusCode::FORBIDDEN };
        assert_eq!(response.status(), status, "{headers:?}");
        assert_eq!(app.is_signed_in().await, !is_here, "{headers:?}");
    }
    for headers in ODDITIES {
        let response = app.sign_out(&app.cookie(), headers).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{headers:?}");
        assert!(response.headers().get(header::SET_COOKIE).is_none(), "{headers:?}");
    }
    assert!(app.is_signed_in().await);
    assert_eq!(app.clerk.requests().count(Operation::Revoke), 0);
}

#[tokio::test]
async fn a_request_that_names_its_host_itself_is_held_to_that() {
    let app = App::new().await;
    let authority = "http://other.example.com/sign-out";
    let refused = [("origin", "https://app.example.com")];
    let refused = app.ask("POST", authority, &app.cookie(), &refused).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let here = [("origin", "https://other.example.com")];
    let here = app.ask("POST", authority, &app.cookie(), &here).await;
    assert_eq!(here.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_host_that_says_its_port_is_the_same_host() {
    let app = App::new().await;
    let host = "http://app.example.com:443/sign-out";
    let here = [("origin", "https://app.example.com")];
    let response = app.ask("POST", host, &app.cookie(), &here).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn behind_a_proxy_that_rewrites_the_host_a_sign_out_is_told_its_public_origins() {
    let origins = ["https://www.example.com", "http://intranet:8080"];
    for (headers, is_here) in [
        (&[("origin", "https://www.example.com")][..], true),
        (&[("origin", "http://intranet:8080")], true),
        (SAME_ORIGIN, true),
        (&[("origin", "https://app.example.com")], false),
        (&[("origin", "http://www.example.com")], false),
        (&[("origin", "https://www.example.com:443")], false),
        (&[("origin", "https://evil.example")], false),
        (&[("sec-fetch-site", "same-site"), ("origin", "https://www.example.com")], false),
        (&[], false),
    ] {
        let mut app = App::new().await;
        let resolver = app.clerk.resolver();
        let sign_out = RevokeSession::new(resolver.clone()).public_origins(origins).unwrap();
        app.router = Router::new()
            .route_service("/sign-out", sign_out)
            .layer(AuthenticateLayer::new(resolver).unwrap());
        let response = app.sign_out(&app.cookie(), headers).await;
        let status = if is_here { StatusCode::NO_CONTENT } else { StatusCode::FORBIDDEN };
        assert_eq!(response.status(), status, "{headers:?}");
    }
}

#[tokio::test]
async fn public_origins_that_are_none_are_refused_at_start_up() {
    let clerk = SessionsApi::start().await;
    let sign_out = || RevokeSession::new(clerk.resolver());
    for origins in [&["app.example.com"][..], &["https://app.example.com/"], &[""], &[]] {
        let error = sign_out().public_origins(origins).unwrap_err();
        assert!(error.to_string().contains("public origin"), "{origins:?}: {error}");
    }
}

#[tokio::test]
async fn a_bearer_token_signs_out_from_anywhere_since_browsers_do_not_send_it_by_themselves() {
    for headers in [&[][..], &[("sec-fetch-site", "cross-site")], &[("origin", "null")]] {
        let app = App::new().await;
        let response = app.sign_out(&app.bearer(), headers).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{headers:?}");
        assert!(response.headers().get(header::SET_COOKIE).is_none());
        assert!(!app.is_signed_in().await);
    }
}

#[tokio::test]
async fn a_cookie_beside_a_bearer_token_changes_nothing() {
    let app = App::new().await;
    let (name, cookie) = app.cookie();
    let response = app.sign_out(&app.bearer(), &[(name, &cookie)]).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(response.headers().get(header::SET_COOKIE).is_none());
}

#[tokio::test]
async fn what_an_outer_layer_read_from_a_cookie_is_not_what_the_inner_one_goes_by() {
    let mut app = App::new().await;
    let by_cookie = AuthenticateLayer::new(app.clerk.resolver())
        .unwrap()
        .extractor(SessionCookie::unsuffixed())
        .unwrap();
    app.router = app.router.layer(by_cookie);
    let (name, cookie) = app.cookie();
    let headers = [(name, &*cookie), ("sec-fetch-site", "cross-site")];
    let response = app.sign_out(&app.bearer(), &headers).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT, "the token came as a bearer's");
    assert!(response.headers().get(header::SET_COOKIE).is_none());
}

#[tokio::test]
async fn the_cookie_that_was_read_is_expired() {
    let app = App::new().await;
    let response = app.sign_out(&app.cookie(), SAME_ORIGIN).await;
    let expired: Vec<_> = response.headers().get_all(header::SET_COOKIE).iter().collect();
    assert_eq!(expired, ["__session=; Path=/; Max-Age=0"]);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    assert!(to_bytes(response.into_body(), 1).await.unwrap().is_empty());

    let app = App::new().await;
    let key: PublishableKey = app.clerk.publishable_key().parse().unwrap();
    let name = format!("__session_{}", key.cookie_suffix());
    let cookie = ("cookie", format!("{name}={}; __session=x", app.clerk.token(&app.session)));
    let response = app.sign_out(&cookie, SAME_ORIGIN).await;
    let expired: Vec<_> = response.headers().get_all(header::SET_COOKIE).iter().collect();
    assert_eq!(expired, [&format!("{name}=; Path=/; Max-Age=0")]);
}

#[tokio::test]
async fn only_post_signs_out() {
    let app = App::new().await;
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "post", "X"] {
        for credential in [app.cookie(), app.bearer()] {
            let response = app.ask(method, "/sign-out", &credential, SAME_ORIGIN).await;
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
            assert_eq!(response.headers()[header::ALLOW], "POST", "{method}");
        }
    }
    assert!(app.is_signed_in().await);
}

#[tokio::test]
async fn signing_out_twice_is_signing_out() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.token(&session);
    let request = |method: Method| {
        Request::builder()
            .method(method)
            .uri("/")
            .header(header::COOKIE, format!("__session={token}"))
            .header("sec-fetch-site", "same-origin")
            .body(Body::empty())
            .unwrap()
    };
    // Three processes that know the session; the others do not know of the first time.
    let mut processes = Vec::new();
    for _ in 1..=3 {
        let resolver = clerk.resolver();
        let app = Router::new()
            .route_service("/", RevokeSession::new(resolver.clone()))
            .layer(AuthenticateLayer::new(resolver).unwrap());
        let known = app.clone().oneshot(request(Method::GET)).await.unwrap();
        assert_eq!(known.status(), StatusCode::METHOD_NOT_ALLOWED);
        processes.push(app);
    }
    for (time, app) in (1..).zip(processes) {
        let response = app.oneshot(request(Method::POST)).await.unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "time {time}");
        assert_eq!(response.headers()[header::SET_COOKIE], "__session=; Path=/; Max-Age=0");
        if time == 2 {
            clerk.remove(&session);
        }
    }
}

#[tokio::test]
async fn an_unknown_outcome_is_503_and_keeps_the_cookie() {
    for (fault, retry_after) in [
        (Fault::status(500), "1"),
        (Fault::status(429).retry_after(std::time::Duration::from_secs(17)), "17"),
        (Fault::reset(), "1"),
        (Fault::truncate(), "1"),
        (Fault::garbage(), "1"),
        (Fault::content_type(), "1"),
        (Fault::status(302), "1"),
    ] {
        let app = App::new().await;
        app.clerk.fail(Operation::Revoke, fault.clone());
        let response = app.sign_out(&app.cookie(), SAME_ORIGIN).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{fault:?}");
        assert_eq!(response.headers()[header::RETRY_AFTER], retry_after, "{fault:?}");
        assert!(response.headers().get(header::SET_COOKIE).is_none(), "{fault:?}");

        app.clerk.clear_faults();
        app.clerk.set_status(&app.session, "revoked");
        assert!(!app.is_signed_in().await, "Clerk is asked anew: {fault:?}");
    }
}

#[tokio::test]
async fn our_own_wrong_key_is_500() {
    let app = App::new().await;
    app.clerk.fail(Operation::Revoke, Fault::status(401).code("clerk_key_invalid"));
    let response = app.sign_out(&app.bearer(), &[]).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn without_a_session_nobody_is_signed_out() {
    let clerk = SessionsApi::start().await;
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    let sign_out = || Router::new().route_service("/", RevokeSession::new(clerk.resolver()));
    for (app, status) in [
        (sign_out(), StatusCode::INTERNAL_SERVER_ERROR),
        (sign_out().layer(layer.clone()), StatusCode::UNAUTHORIZED),
        (sign_out().layer(layer.clone().allow_anonymous()), StatusCode::UNAUTHORIZED),
        (sign_out().layer(layer.exempt(|_| true)), StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let request = Request::post("/").body(Body::empty()).unwrap();
        assert_eq!(app.oneshot(request).await.unwrap().status(), status);
    }
    assert_eq!(clerk.requests().count(Operation::Revoke), 0);
}

#[tokio::test]
async fn where_there_are_only_claims_their_session_is_signed_out() {
    let clerk = SessionsApi::start().await;
    let resolver = clerk.resolver_builder().check(SessionCheck::Networkless).build().unwrap();
    let session = clerk.sign_in("user_ada");
    let app = Router::new()
        .route_service("/", RevokeSession::new(resolver.clone()))
        .layer(AuthenticateLayer::new(resolver).unwrap());
    for status in [StatusCode::NO_CONTENT, StatusCode::UNAUTHORIZED] {
        let request = Request::post("/")
            .header(header::AUTHORIZATION, format!("Bearer {}", clerk.token(&session)))
            .body(Body::empty())
            .unwrap();
        assert_eq!(app.clone().oneshot(request).await.unwrap().status(), status);
    }
    assert_eq!(clerk.session(&session).unwrap().status, "revoked");
}

/// The stack to use where cookies are read and requests change something: the CSRF layer outside of ours.
#[tokio::test]
async fn tower_https_csrf_layer_protects_what_a_cookie_may_do() {
    let mut app = App::new().await;
    app.router = app.router.layer(CsrfLayer::new());
    for (headers, is_here) in BROWSERS {
        let response = app.ask("POST", "/transfer", &app.cookie(), headers).await;
        let status = if *is_here { StatusCode::OK } else { StatusCode::FORBIDDEN };
        assert_eq!(response.status(), status, "{headers:?}");
    }
    for method in [Method::GET, Method::HEAD] {
        let cross_site = [("sec-fetch-site", "cross-site")];
        let response = app.ask(method.as_str(), "/me", &app.cookie(), &cross_site).await;
        assert_eq!(response.status(), StatusCode::OK, "reading changes nothing");
    }
    let response = app.sign_out(&app.cookie(), SAME_ORIGIN).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
}

/// Why it is needed: our layer says who somebody is, not whether they meant it.
#[tokio::test]
async fn without_that_layer_a_cookie_is_obeyed_from_anywhere() {
    let app = App::new().await;
    let cross_site = [("sec-fetch-site", "cross-site")];
    let response = app.ask("POST", "/transfer", &app.cookie(), &cross_site).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_token_made_for_another_origin_is_refused_where_parties_are_set() {
    let clerk = SessionsApi::start().await;
    let instance = clerk.instance_builder().authorized_parties(["https://app.example.com"]);
    let instance = instance.unwrap().build().unwrap();
    let resolver = clerk.resolver_builder_of(&instance).build().unwrap();
    let layer = AuthenticateLayer::new(resolver).unwrap();
    let session = clerk.sign_in("user_ada");
    let app = Router::new().route("/me", get(async || "hello")).layer(layer);
    for (party, status) in [
        ("https://app.example.com", StatusCode::OK),
        ("https://blog.example.com", StatusCode::UNAUTHORIZED),
    ] {
        let token = clerk.mint(&session).authorized_party(party).sign();
        for (name, value) in
            [("cookie", format!("__session={token}")), ("authorization", format!("Bearer {token}"))]
        {
            let request = Request::get("/me").header(name, value).body(Body::empty()).unwrap();
            assert_eq!(app.clone().oneshot(request).await.unwrap().status(), status, "{party}");
        }
    }
}
