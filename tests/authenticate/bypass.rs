//! Ways around the layer that must not exist, and the two that its user can open.

use std::{convert::Infallible, sync::Arc, time::SystemTime};

use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Empty;
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_clerk::{
    AuthenticateLayer, Claims, ConfigError, Credential, Freshness, OwnedCredential, Policy,
    Rejection, ResolveSession, Resolved, Session, SessionCheck, SessionId,
    extract::{BearerToken, Or, TrustedSessionId},
    testing::SessionsApi,
};

use crate::{
    raw::{self, Ended},
    stacks::{self, Outcome, admitted},
};

const METHODS: [&str; 13] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get",
    "options", "PRI", "X",
];

#[tokio::test]
async fn no_method_admits() {
    let clerk = SessionsApi::start().await;
    for stack in stacks::all(&AuthenticateLayer::new(clerk.resolver()).unwrap()).await {
        for method in METHODS {
            let mut request = stack.request();
            *request.method_mut() = method.parse().unwrap();
            let answer = stack.try_send_raw(request).await;
            let admitted = answer.is_ok_and(|answer| {
                answer.status().is_success() && !answer.headers().contains_key("grpc-status")
            });
            assert!(!admitted, "{} {method}", stack.name);
        }
        assert_eq!(stack.reached.times(), 0, "{}", stack.name);
    }
}

#[tokio::test]
async fn every_method_is_authenticated_alike() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    for stack in [stacks::axum(layer.clone()).await, stacks::hyper(layer).await] {
        for method in ["GET", "POST", "OPTIONS", "PROPFIND"] {
            let mut request = stack.request();
            *request.method_mut() = method.parse().unwrap();
            assert_eq!(stack.send(request.clone()).await.outcome, Outcome::Missing, "{method}");
            let bearer = format!("Bearer {token}").parse().unwrap();
            request.headers_mut().insert(header::AUTHORIZATION, bearer);
            assert_eq!(stack.send(request).await.outcome, admitted("user_ada"), "{method}");
        }
    }
}

#[tokio::test]
async fn no_header_admits() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.token(&session);
    for stack in stacks::all(&AuthenticateLayer::new(clerk.resolver()).unwrap()).await {
        for (name, value) in [
            ("content-type", "application/grpc"),
            ("content-type", "application/grpc+proto"),
            ("content-type", "application/grpc-web+proto"),
            ("content-type", "text/plain"),
            ("content-type", ""),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "localhost"),
            ("x-forwarded-uri", "/health"),
            ("x-forwarded-method", "OPTIONS"),
            ("x-forwarded-prefix", "/health"),
            ("x-forwarded-user", "user_ada"),
            ("x-forwarded-authorization", "Bearer {token}"),
            ("x-forwarded-access-token", "{token}"),
            ("forwarded", "for=127.0.0.1;by=127.0.0.1"),
            ("x-real-ip", "127.0.0.1"),
            ("x-original-url", "/health"),
            ("x-original-method", "OPTIONS"),
            ("x-rewrite-url", "/health"),
            ("x-http-method-override", "OPTIONS"),
            ("x-method-override", "OPTIONS"),
            ("x-authenticated-user", "user_ada"),
            ("x-session-id", "{session}"),
            ("x-clerk-session-id", "{session}"),
            ("x-clerk-auth-status", "signed-in"),
            ("x-clerk-auth-token", "{token}"),
            ("clerk-session", "{token}"),
            ("via", "1.1 localhost"),
            ("upgrade-insecure-requests", "1"),
            ("origin", "null"),
            ("sec-fetch-site", "same-origin"),
        ] {
            let value = value.replace("{token}", &token).replace("{session}", session.as_str());
            let mut request = stack.request();
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name.clone(), HeaderValue::from_str(&value).unwrap());
            let answer = stack.send_raw(request).await;
            let refused = answer.headers().contains_key(header::WWW_AUTHENTICATE);
            assert!(refused, "{} {name}: {value}", stack.name);
        }
        assert_eq!(stack.reached.times(), 0, "{}", stack.name);
        assert_eq!(stack.bearer(&token).await, admitted("user_ada"));
        assert_eq!(stack.reached.times(), 1);
    }
}

#[tokio::test]
async fn no_query_and_no_path_admits() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    for stack in [stacks::axum(layer.clone()).await, stacks::hyper(layer).await] {
        for path in [
            "/me?__session={token}",
            "/me?authorization=Bearer%20{token}",
            "/me?access_token={token}",
            "/{token}",
            "/",
            "//me",
            "/me/../health",
            "/%6De",
        ] {
            let mut request = stack.request();
            let uri = format!("http://{}{}", stack.addr, path.replace("{token}", &token));
            *request.uri_mut() = uri.parse().unwrap();
            assert_eq!(stack.send(request).await.outcome, Outcome::Missing, "{path}");
        }
        assert_eq!(stack.reached.times(), 0, "{}", stack.name);
    }
}

#[tokio::test]
async fn no_form_of_an_http1_request_admits() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    for stack in [stacks::axum(layer.clone()).await, stacks::hyper(layer).await] {
        for request in [
            "GET /me HTTP/1.0\r\n\r\n",
            "GET http://localhost/me HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            "CONNECT localhost:80 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            "GET /me HTTP/1.1\r\nhost: x\r\nconnection: authorization, close\r\n\r\n",
            "GET /me HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n",
            "GET /me HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n",
            "POST /me HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\
             trailer: authorization\r\n\r\n0\r\nauthorization: Bearer {token}\r\n\r\n",
        ] {
            let answer =
                raw::http1(stack.addr, request.replace("{token}", &token).as_bytes()).await;
            let status = answer.split(' ').nth(1).unwrap_or_default();
            assert!(matches!(status, "400" | "401"), "{} {request:?}: {answer}", stack.name);
        }
        assert_eq!(stack.reached.times(), 0, "{}", stack.name);
        let good = format!("GET /me HTTP/1.0\r\nauthorization: Bearer {token}\r\n\r\n");
        assert!(raw::http1(stack.addr, good.as_bytes()).await.starts_with("HTTP/1.0 200"));
        assert_eq!(stack.reached.times(), 1);
    }
}

#[tokio::test]
async fn no_oddity_of_an_http2_request_admits() {
    const PATH: &[u8] = b"/tower_clerk.example.v1.Identity/WhoAmI";
    const GRPC: (&str, &[u8]) = ("content-type", b"application/grpc");
    const MESSAGE: &[u8] = &[0, 0, 0, 0, 0];

    let clerk = SessionsApi::start().await;
    let bearer = format!("Bearer {}", clerk.token(&clerk.sign_in("user_ada")));
    let bearer = bearer.as_bytes();
    let with_nul = [bearer, b"\0"].concat();
    let with_line_break = [b"x\r\nauthorization: ", bearer].concat();

    let post: (&str, &[u8]) = (":method", b"POST");
    let http: (&str, &[u8]) = (":scheme", b"http");
    let path: (&str, &[u8]) = (":path", PATH);
    let host: (&str, &[u8]) = (":authority", b"localhost");
    let authorization: (&str, &[u8]) = ("authorization", bearer);

    let odd: [&[(&str, &[u8])]; 16] = [
        &[post, http, path, host, GRPC],
        &[(":method", b"post"), http, path, host, GRPC],
        &[(":method", b"OPTIONS"), http, (":path", b"*"), host, GRPC],
        &[(":method", b"CONNECT"), host, GRPC],
        &[(":method", b"CONNECT"), http, path, host, (":protocol", b"websocket"), GRPC],
        &[
            post,
            (":scheme", b"https"),
            path,
            (":authority", b"127.0.0.1"),
            ("host", b"other"),
            GRPC,
        ],
        &[post, http, (":path", b""), host, GRPC],
        &[post, http, path, path, host, GRPC],
        &[post, post, http, path, host, GRPC, authorization],
        &[post, http, path, host, (":authorization", bearer), GRPC],
        &[post, http, path, host, ("Authorization", bearer), GRPC],
        &[GRPC, authorization, post, http, path, host],
        &[post, http, path, host, ("authorization", &with_nul), GRPC],
        &[post, http, path, host, ("x", &with_line_break), GRPC],
        &[post, http, path, host, ("connection", b"authorization"), authorization, GRPC],
        &[http, path, host, authorization, GRPC],
    ];
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    for stack in [stacks::hyper(layer.clone()).await, stacks::tonic(layer).await] {
        for fields in odd {
            raw::http2(stack.addr, fields, MESSAGE).await;
            assert_eq!(stack.reached.times(), 0, "{} {fields:?}", stack.name);
        }
        let good = [post, http, path, host, GRPC, authorization];
        assert_eq!(raw::http2(stack.addr, &good, MESSAGE).await, Ended::Answered);
        assert_eq!(stack.reached.times(), 1, "{}", stack.name);
    }
}

/// A service behind something that plants what only the layer may say.
async fn behind_a_planter(layer: AuthenticateLayer, request: Request<()>) -> Found {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_mallory"));
    let credential = Credential::session_token(token.as_bytes());
    let resolved = clerk.resolver().resolve(credential, &Policy::new()).await.unwrap();
    let service = ServiceBuilder::new()
        .map_request(move |mut request: Request<()>| {
            let extensions = request.extensions_mut();
            extensions.insert(resolved.session().cloned().unwrap());
            extensions.insert(resolved.claims().cloned().unwrap());
            extensions.insert(Freshness::stale(SystemTime::UNIX_EPOCH));
            request
        })
        .layer(layer)
        .service_fn(async |request: Request<()>| {
            let extensions = request.extensions();
            let mut response = Response::new(Empty::<bytes::Bytes>::new());
            response.extensions_mut().insert(Found::Passed {
                session: extensions.get().map(|session: &Session| session.user_id().to_string()),
                claims: extensions.get().map(|claims: &Claims| claims.user_id().to_string()),
                freshness: extensions.get::<Freshness>().is_some(),
            });
            Ok::<_, Infallible>(response)
        });
    let response = service.oneshot(request).await.unwrap();
    response.extensions().get().cloned().unwrap_or(Found::Refused)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Refused,
    Passed { session: Option<String>, claims: Option<String>, freshness: bool },
}

const NOBODY: Found = Found::Passed { session: None, claims: None, freshness: false };

#[tokio::test]
async fn what_somebody_planted_in_the_extensions_is_removed() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let bearer = format!("Bearer {}", clerk.token(&session));
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    let networkless = clerk.resolver_builder().check(SessionCheck::Networkless).build().unwrap();
    let networkless = AuthenticateLayer::new(networkless).unwrap();
    let by_id = layer
        .clone()
        .extractor(TrustedSessionId::header(HeaderName::from_static("x-session-id")))
        .unwrap();
    let get = Request::get("/").body(()).unwrap();
    let with = |name: &str, value: &str| Request::get("/").header(name, value).body(()).unwrap();
    let preflight = Request::options("/")
        .header(header::ORIGIN, "https://evil.example")
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET")
        .body(())
        .unwrap();
    let found_ada = |session: bool, claims: bool| Found::Passed {
        session: session.then(|| "user_ada".to_owned()),
        claims: claims.then(|| "user_ada".to_owned()),
        freshness: false,
    };

    for (case, layer, request, found) in [
        ("no credential", layer.clone(), get.clone(), Found::Refused),
        ("a bad one", layer.clone(), with("authorization", "Bearer x"), Found::Refused),
        ("a good one", layer.clone(), with("authorization", &bearer), found_ada(true, true)),
        ("a hit", layer.clone(), with("authorization", &bearer), found_ada(true, true)),
        ("anonymous", layer.clone().allow_anonymous(), get.clone(), NOBODY),
        ("exempt", layer.clone().exempt(|_| true), get, NOBODY),
        ("preflight", layer.allow_preflight(), preflight, NOBODY),
        ("networkless", networkless, with("authorization", &bearer), found_ada(false, true)),
        ("an ID", by_id, with("x-session-id", session.as_str()), found_ada(true, false)),
    ] {
        assert_eq!(behind_a_planter(layer, request).await, found, "{case}");
    }
}

#[tokio::test]
async fn a_resolver_that_names_nobody_admits_nobody() {
    /// Says yes to everything, at once or later.
    struct Yes;

    impl ResolveSession for Yes {
        fn resolve_cached(
            &self,
            presented: &Credential<'_>,
            _: &Policy,
        ) -> Option<Result<Resolved, Rejection>> {
            let Credential::SessionToken(token) = presented else { return None };
            (token.as_bytes() == b"now").then(|| Ok(Resolved::default()))
        }

        async fn resolve_uncached(
            self: Arc<Self>,
            _: OwnedCredential,
            _: Policy,
        ) -> Result<Resolved, Rejection> {
            Ok(Resolved::default())
        }
    }

    for stack in stacks::all(&AuthenticateLayer::new(Yes).unwrap().allow_anonymous()).await {
        for token in ["now", "later"] {
            assert_eq!(stack.bearer(token).await, Outcome::Misconfigured, "{}", stack.name);
        }
        assert_eq!(stack.reached.times(), 0, "{}", stack.name);
    }
}

#[tokio::test]
async fn an_exemption_looks_at_no_credential() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap().exempt(|_| true);
    for stack in stacks::all(&layer).await {
        for authorization in [format!("Bearer {token}"), "Bearer x".to_owned(), String::new()] {
            let outcome = stack.with(&[("authorization", authorization.as_bytes())]).await;
            assert_eq!(outcome, Outcome::Anonymous, "{} {authorization}", stack.name);
        }
    }
    assert_eq!(clerk.requests().total(), 0, "Clerk is not asked");
}

#[tokio::test]
async fn an_exemption_of_one_path_is_of_no_other() {
    let clerk = SessionsApi::start().await;
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    let service = layer
        .exempt(|parts| parts.method == Method::GET && parts.uri.path() == "/health")
        .layer(service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new(Empty::<bytes::Bytes>::new()))
        }));
    let ask = async |method: Method, uri: &str| {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        service.clone().oneshot(request).await.unwrap().status()
    };
    for uri in ["/health", "/health?deep=1", "http://other.example/health"] {
        assert_eq!(ask(Method::GET, uri).await, StatusCode::OK, "{uri}");
    }
    for uri in [
        "/health/",
        "//health",
        "/Health",
        "/healthy",
        "/health/../me",
        "/me/../health",
        "/%68ealth",
        "/health%2f",
        "/health;x",
        "/me?/health",
        "/",
        "*",
    ] {
        assert_eq!(ask(Method::GET, uri).await, StatusCode::UNAUTHORIZED, "{uri}");
    }
    assert_eq!(ask(Method::POST, "/health").await, StatusCode::UNAUTHORIZED);
}

const ORIGIN: (&str, &[u8]) = ("origin", b"https://app.example.com");
const REQUEST_METHOD: (&str, &[u8]) = ("access-control-request-method", b"GET");
const REQUEST_HEADERS: (&str, &[u8]) = ("access-control-request-headers", b"authorization");

#[tokio::test]
async fn a_preflight_passes_where_it_may_and_nothing_that_looks_like_one() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let bearer = format!("Bearer {token}");
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap().allow_preflight();
    for stack in [stacks::axum(layer.clone()).await, stacks::hyper(layer).await] {
        let ask = async |method: &str, headers: &[(&str, &[u8])]| {
            let mut request = stack.request();
            *request.method_mut() = method.parse().unwrap();
            for (name, value) in headers {
                let name: HeaderName = name.parse().unwrap();
                request.headers_mut().append(name, HeaderValue::from_bytes(value).unwrap());
            }
            stack.send(request).await.outcome
        };
        let preflight = [ORIGIN, REQUEST_METHOD];
        assert_eq!(ask("OPTIONS", &preflight).await, Outcome::Anonymous);
        assert_eq!(
            ask("OPTIONS", &[ORIGIN, REQUEST_METHOD, REQUEST_HEADERS]).await,
            Outcome::Anonymous
        );
        let signed_in = ("authorization", bearer.as_bytes());
        assert_eq!(
            ask("OPTIONS", &[ORIGIN, REQUEST_METHOD, signed_in]).await,
            Outcome::Anonymous,
            "a preflight has no session, whatever it carries"
        );
        let passed = stack.reached.times();

        for method in ["GET", "HEAD", "POST", "PUT", "options", "OPTION", "OPTIONSX"] {
            let mut request = stack.request();
            *request.method_mut() = method.parse().unwrap();
            for (name, value) in preflight {
                let value = HeaderValue::from_bytes(value).unwrap();
                request.headers_mut().insert(HeaderName::from_static(name), value);
            }
            let answer = stack.send_raw(request).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{method}");
        }
        for headers in [
            &[][..],
            &[ORIGIN],
            &[REQUEST_METHOD],
            &[ORIGIN, REQUEST_HEADERS],
            &[("referer", b"https://app.example.com/"), REQUEST_METHOD],
            &[("x-origin", b"https://app.example.com"), REQUEST_METHOD],
            &[ORIGIN, ("x-http-method-override", b"OPTIONS")],
            &[ORIGIN, ("access-control-allow-methods", b"GET")],
        ] {
            assert_eq!(ask("OPTIONS", headers).await, Outcome::Missing, "{headers:?}");
        }
        assert_eq!(stack.reached.times(), passed, "{}", stack.name);
    }
}

#[tokio::test]
async fn a_preflight_is_authenticated_like_the_rest_unless_it_is_let_pass() {
    let clerk = SessionsApi::start().await;
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    for stack in [stacks::axum(layer.clone()).await, stacks::hyper(layer).await] {
        let mut request = stack.request();
        *request.method_mut() = Method::OPTIONS;
        for (name, value) in [ORIGIN, REQUEST_METHOD] {
            let value = HeaderValue::from_bytes(value).unwrap();
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        assert_eq!(stack.send(request).await.outcome, Outcome::Missing);
        assert_eq!(stack.reached.times(), 0);
    }
}

#[tokio::test]
async fn an_identifier_is_a_credential_only_in_the_header_that_is_trusted() {
    let clerk = SessionsApi::start().await;
    let session: SessionId = clerk.sign_in("user_ada");
    let id = session.as_str().as_bytes();
    let as_bearer = format!("Bearer {session}");
    let as_cookie = format!("__session={session}");
    let elsewhere: [(&str, &[u8]); 3] = [
        ("authorization", as_bearer.as_bytes()),
        ("cookie", as_cookie.as_bytes()),
        ("x-clerk-session-id", id),
    ];

    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    for stack in stacks::all(&layer).await {
        for header in elsewhere.into_iter().chain([("x-session-id", id)]) {
            let outcome = stack.with(&[header]).await;
            assert!(matches!(outcome, Outcome::Missing | Outcome::Invalid), "{header:?}");
        }
        assert_eq!(stack.reached.times(), 0);
    }

    let trusted = TrustedSessionId::header(HeaderName::from_static("x-session-id"));
    for stack in stacks::all(&layer.extractor(Or::new(trusted, BearerToken::new())).unwrap()).await
    {
        for header in elsewhere {
            let outcome = stack.with(&[header]).await;
            assert!(matches!(outcome, Outcome::Missing | Outcome::Invalid), "{header:?}");
        }
        let twice = [("x-session-id", id), ("x-session-id", id)];
        assert_eq!(stack.with(&twice).await, Outcome::Invalid, "{}", stack.name);
        for bad in [&b"sess_/../../v1/users"[..], b"user_1", b"sess_", b"\xff", b"sess_unknown"] {
            let token = format!("Bearer {}", clerk.token(&session));
            let both = [("x-session-id", bad), ("authorization", token.as_bytes())];
            assert_eq!(stack.with(&both).await, Outcome::Invalid, "{} {bad:?}", stack.name);
        }
        assert_eq!(stack.reached.times(), 0);
        assert_eq!(stack.with(&[("x-session-id", id)]).await, admitted("user_ada"));
        assert_eq!(stack.reached.times(), 1);
    }
}

#[tokio::test]
async fn identifiers_with_a_check_that_needs_tokens_are_refused_at_start_up() {
    let clerk = SessionsApi::start().await;
    for check in [SessionCheck::Verify, SessionCheck::Networkless] {
        let resolver = clerk.resolver_builder().check(check).build().unwrap();
        let layer = AuthenticateLayer::new(resolver.clone()).unwrap();
        let header = || TrustedSessionId::header(HeaderName::from_static("x-session-id"));
        for refused in [
            layer.clone().extractor(header()).unwrap_err(),
            layer.clone().extractor(Or::new(BearerToken::new(), header())).unwrap_err(),
        ] {
            assert!(matches!(refused, ConfigError::Contradiction { .. }), "{check:?}: {refused}");
        }

        // What a closure yields shows too late for that; it is our mistake then, not the caller's.
        let session = clerk.sign_in("user_ada");
        let layer = layer.extract_with(move |_| Ok(Some(Credential::SessionId(session.clone()))));
        let stack = stacks::axum(layer).await;
        assert_eq!(stack.with(&[]).await, Outcome::Misconfigured, "{check:?}");
        assert_eq!(stack.reached.times(), 0);
    }
}
