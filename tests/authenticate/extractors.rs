//! What handlers are given, and what they are told where there is nothing to give.

use std::{convert::Infallible, error::Error, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    routing::any,
};
use http::{HeaderName, StatusCode, header};
use tonic::{Code, Status, server::NamedService};
use tower::{Layer, ServiceExt, service_fn};
use tower_clerk::{
    Authenticate, AuthenticateLayer, Claims, Rejection, RejectionKind, RevokeSession, Session,
    SessionCheck,
    extract::TrustedSessionId,
    for_tonic::RequestExt,
    testing::{Fault, Operation, SessionsApi},
};

use crate::log::Log;

/// How a request came to the handler.
#[derive(Debug, Clone, Copy)]
enum Came {
    WithToken,
    WithoutLayer,
    Anonymously,
    Networkless,
    Exempt,
    AsPreflight,
    ById,
    /// While Clerk cannot be asked, with a token that has to do.
    Undescribed,
}

/// What an extractor makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gives {
    Ada,
    Nobody,
    /// 401 with a challenge, `UNAUTHENTICATED`.
    Challenge,
    /// 503 with `Retry-After`, `UNAVAILABLE`.
    Unavailable,
    /// 500 or `INTERNAL` with a text that holds this.
    Mistake(&'static str),
}

/// For `Session`, `Option<Session>`, `Claims` and `Option<Claims>`.
const TABLE: [(Came, [Gives; 4]); 8] = {
    use Gives::{Ada, Challenge, Mistake, Nobody, Unavailable};
    let forgotten = Mistake("tower_clerk::AuthenticateLayer");
    let exempt = Mistake("exempt");
    [
        (Came::WithToken, [Ada, Ada, Ada, Ada]),
        (Came::WithoutLayer, [forgotten, forgotten, forgotten, forgotten]),
        (Came::Anonymously, [Challenge, Nobody, Challenge, Nobody]),
        (Came::AsPreflight, [Challenge, Nobody, Challenge, Nobody]),
        (Came::Networkless, [Mistake("`Claims`"), Nobody, Ada, Ada]),
        (Came::Exempt, [exempt, Nobody, exempt, Nobody]),
        (Came::ById, [Ada, Ada, Mistake("`Session`"), Nobody]),
        (Came::Undescribed, [Unavailable, Unavailable, Ada, Ada]),
    ]
};

impl Came {
    fn layer(self, clerk: &SessionsApi) -> Option<AuthenticateLayer> {
        let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
        Some(match self {
            Self::WithoutLayer => return None,
            Self::WithToken => layer,
            Self::Anonymously => layer.allow_anonymous(),
            Self::Exempt => layer.exempt(|_| true),
            Self::AsPreflight => layer.allow_preflight(),
            Self::ById => {
                let header = HeaderName::from_static("x-session-id");
                layer.extractor(TrustedSessionId::header(header)).unwrap()
            }
            Self::Networkless => {
                let resolver = clerk.resolver_builder().check(SessionCheck::Networkless);
                AuthenticateLayer::new(resolver.build().unwrap()).unwrap()
            }
            Self::Undescribed => {
                clerk.fail(Operation::Get, Fault::status(500));
                let resolver = clerk.resolver_builder().networkless_if_error();
                AuthenticateLayer::new(resolver.build().unwrap()).unwrap()
            }
        })
    }

    fn request(self, clerk: &SessionsApi, path: &str) -> Request {
        let session = clerk.sign_in("user_ada");
        let request = Request::builder().uri(path);
        let request = match self {
            Self::Anonymously => request,
            Self::ById => request.header("x-session-id", session.as_str()),
            Self::AsPreflight => request
                .method("OPTIONS")
                .header(header::ORIGIN, "https://app.example.com")
                .header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET"),
            _ => request.header(header::AUTHORIZATION, format!("Bearer {}", clerk.token(&session))),
        };
        request.body(Body::empty()).unwrap()
    }
}

#[tokio::test]
async fn an_axum_handler_gets_what_there_is_or_is_told_what_is_wrong() {
    async fn session(session: Session) -> String {
        session.user_id().to_string()
    }
    async fn maybe_session(session: Option<Session>) -> String {
        session.map_or("nobody".into(), |session| session.user_id().to_string())
    }
    async fn claims(claims: Claims) -> String {
        claims.user_id().to_string()
    }
    async fn maybe_claims(claims: Option<Claims>) -> String {
        claims.map_or("nobody".into(), |claims| claims.user_id().to_string())
    }

    let clerk = SessionsApi::start().await;
    for (came, gives) in TABLE {
        let app = Router::new()
            .route("/0", any(session))
            .route("/1", any(maybe_session))
            .route("/2", any(claims))
            .route("/3", any(maybe_claims));
        let app = match came.layer(&clerk) {
            Some(layer) => app.layer(layer),
            None => app,
        };
        for (index, gives) in gives.into_iter().enumerate() {
            let request = came.request(&clerk, &format!("/{index}"));
            let response = app.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = String::from_utf8(to_bytes(body, 1000).await.unwrap().into()).unwrap();
            let case = format!("{came:?}, extractor {index}: {body}");
            let status = match gives {
                Gives::Ada | Gives::Nobody => StatusCode::OK,
                Gives::Challenge => StatusCode::UNAUTHORIZED,
                Gives::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                Gives::Mistake(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            assert_eq!(parts.status, status, "{case}");
            match gives {
                Gives::Ada => assert_eq!(body, "user_ada", "{case}"),
                Gives::Nobody => assert_eq!(body, "nobody", "{case}"),
                Gives::Mistake(text) => assert!(body.contains(text), "{case}"),
                Gives::Unavailable => assert_eq!(parts.headers[header::RETRY_AFTER], "1"),
                Gives::Challenge => {
                    assert_eq!(parts.headers[header::WWW_AUTHENTICATE], "Bearer");
                    assert_eq!(parts.headers[header::CONTENT_TYPE], "application/problem+json");
                    assert!(body.contains("session-token-missing"), "{case}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_tonic_method_gets_what_there_is_or_is_told_what_is_wrong() {
    let clerk = SessionsApi::start().await;
    for (came, [session, _, claims, _]) in TABLE {
        let request = came.request(&clerk, "/");
        let extensions = match came.layer(&clerk) {
            Some(layer) => seen_behind(layer, request).await,
            None => http::Extensions::new(),
        };
        let mut request = tonic::Request::new(());
        *request.extensions_mut() = extensions;
        let user = |found: &Session| found.user_id().to_string();
        assert_gives(came, session, request.session().map(user));
        let user = |found: &Claims| found.user_id().to_string();
        assert_gives(came, claims, request.claims().map(user));
    }
}

/// The extensions of a request as the service behind this layer sees them.
async fn seen_behind(layer: AuthenticateLayer, request: Request) -> http::Extensions {
    let service = layer.layer(service_fn(async |request: Request| {
        let mut response = http::Response::new(Body::empty());
        *response.extensions_mut() = request.into_parts().0.extensions;
        Ok::<_, Infallible>(response)
    }));
    service.oneshot(request).await.unwrap().into_parts().0.extensions
}

fn assert_gives(came: Came, gives: Gives, found: Result<String, Status>) {
    match (gives, found) {
        (Gives::Ada, Ok(user)) => assert_eq!(user, "user_ada"),
        (Gives::Challenge, Err(status)) => {
            assert_eq!(status.code(), Code::Unauthenticated, "{came:?}");
            assert_eq!(status.metadata().get("www-authenticate").unwrap(), "Bearer");
        }
        (Gives::Unavailable, Err(status)) => {
            assert_eq!(status.code(), Code::Unavailable, "{came:?}");
            assert_eq!(status.metadata().get("retry-after").unwrap(), "1");
        }
        (Gives::Mistake(text), Err(status)) => {
            assert_eq!(status.code(), Code::Internal, "{came:?}");
            let text = text.trim_matches('`').to_lowercase();
            assert!(status.message().to_lowercase().contains(&text), "{came:?}: {status}");
        }
        (gives, found) => panic!("{came:?}: {found:?} instead of {gives:?}"),
    }
}

#[tokio::test]
async fn a_rejection_becomes_a_status_with_all_that_it_says() {
    let clerk = SessionsApi::start().await;
    let after = Duration::from_millis(16_500);
    clerk.fail(Operation::Get, Fault::status(500).times(9));
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let credential = tower_clerk::Credential::session_token(token.as_bytes());
    let policy = tower_clerk::Policy::new();
    let rejection = clerk.resolver().resolve(credential, &policy).await.unwrap_err();
    let status = Status::from(rejection.with_retry_after(after));

    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "the session cannot be checked just now");
    assert_eq!(status.metadata().get("retry-after").unwrap(), "17", "rounded up");
    for http_only in ["grpc-status", "grpc-message", "content-type", "www-authenticate"] {
        assert!(!status.metadata().contains_key(http_only), "{http_only}");
    }
    let rejection = status.source().unwrap().downcast_ref::<Rejection>().unwrap();
    assert_eq!(rejection.kind(), RejectionKind::Unavailable);
    let cause = rejection.source().unwrap();
    assert!(cause.is::<tower_clerk::client::Error>(), "{cause:?}");
}

#[test]
fn each_kind_of_rejection_has_its_code_and_gives_nothing_away() {
    for (kind, code, challenged) in [
        (RejectionKind::MissingCredential, Code::Unauthenticated, true),
        (RejectionKind::InvalidCredential, Code::Unauthenticated, true),
        (RejectionKind::InactiveSession, Code::Unauthenticated, true),
        (RejectionKind::Unavailable, Code::Unavailable, false),
        (RejectionKind::Misconfigured, Code::Internal, false),
    ] {
        let status = Status::from(Rejection::new(kind, "the-precise-reason"));
        assert_eq!(status.code(), code);
        assert_eq!(status.metadata().contains_key("www-authenticate"), challenged, "{kind:?}");
        let wire = status.clone().into_http::<Body>();
        assert_eq!(wire.headers()["grpc-status"], (code as i32).to_string());
        assert!(!format!("{:?}", wire.headers()).contains("precise"), "{kind:?}");
    }
}

#[tokio::test]
async fn mistakes_in_how_a_service_is_put_together_are_logged_loudly() {
    let clerk = SessionsApi::start().await;
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::ERROR)
        .with_writer(move || writer.clone())
        .finish();
    let _listening = tracing::subscriber::set_default(subscriber);

    tonic::Request::new(()).session().unwrap_err();
    assert!(log.take().contains("add `tower_clerk::AuthenticateLayer`"));

    let app = Router::new().route("/", any(async |_: Session| ()));
    app.oneshot(Came::WithToken.request(&clerk, "/")).await.unwrap();
    assert!(log.take().contains("add `tower_clerk::AuthenticateLayer`"));

    let sign_out = RevokeSession::new(clerk.resolver());
    sign_out.oneshot(http::Request::post("/").body(()).unwrap()).await.unwrap();
    assert!(log.take().contains("authenticate-layer-missing"));

    clerk.fail(Operation::Get, Fault::status(401).code("clerk_key_invalid"));
    let layer = Came::WithToken.layer(&clerk).unwrap();
    seen_behind(layer.clone(), Came::WithToken.request(&clerk, "/")).await;
    assert!(log.take().contains("secret-key-invalid"));

    seen_behind(layer, Came::Anonymously.request(&clerk, "/")).await;
    assert_eq!(log.take(), "", "a caller's mistake is not ours");
}

#[test]
fn a_named_service_keeps_its_name_behind_the_layer() {
    #[derive(Debug, Clone)]
    struct Greeter;

    impl NamedService for Greeter {
        const NAME: &'static str = "example.v1.Greeter";
    }

    assert_eq!(Authenticate::<Greeter>::NAME, "example.v1.Greeter");
}
