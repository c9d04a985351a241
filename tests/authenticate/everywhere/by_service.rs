use axum::{Router, body::Body, response::Response};
use http::{
    Request, StatusCode,
    header::{ALLOW, RETRY_AFTER, SET_COOKIE},
};
use tower::ServiceExt;
use tower_clerk::{AuthenticateLayer, Rejection, RevokeAllSessions};

use super::*;

/// A service that signs out everywhere and elsewhere, and a user with three sessions.
struct App {
    clerk: SessionsApi,
    sessions: Vec<SessionId>,
    router: Router,
}

impl App {
    async fn new(check: SessionCheck) -> Self {
        let clerk = SessionsApi::start().await;
        let resolver = clerk.resolver_builder().check(check).build().unwrap();
        let everywhere = || RevokeAllSessions::new(resolver.clone()).within(Duration::from_secs(2));
        let router = Router::new()
            .route_service("/everywhere", everywhere())
            .route_service("/elsewhere", everywhere().except_own())
            .layer(AuthenticateLayer::new(resolver.clone()).unwrap());
        let sessions = sign_in(&clerk, 3);
        Self { clerk, sessions, router }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, String)]) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    fn bearer(&self) -> (&'static str, String) {
        ("authorization", format!("Bearer {}", self.clerk.token(&self.sessions[0])))
    }

    fn cookie(&self) -> (&'static str, String) {
        ("cookie", format!("__session={}", self.clerk.token(&self.sessions[0])))
    }
}

#[tokio::test]
async fn everywhere_is_everywhere_and_elsewhere_is_not_here() {
    for check in [SessionCheck::Get, SessionCheck::Verify, SessionCheck::Networkless] {
        for (path, left) in [("/everywhere", 0), ("/elsewhere", 1)] {
            let app = App::new(check).await;
            let bearer = app.bearer();
            let answer = app.ask("POST", path, std::slice::from_ref(&bearer)).await;
            assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{check:?}");
            assert_eq!(signed_in(&app.clerk, &app.sessions), left);
            let again = app.ask("POST", path, &[bearer]).await;
            let status = if left == 0 { StatusCode::UNAUTHORIZED } else { StatusCode::NO_CONTENT };
            assert_eq!(again.status(), status, "{check:?} {path}");
        }
    }
}

#[tokio::test]
async fn only_a_post_of_a_page_of_this_site_signs_anybody_out() {
    let app = App::new(SessionCheck::Get).await;
    for path in ["/everywhere", "/elsewhere"] {
        let answer = app.ask("GET", path, &[app.bearer()]).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers()[ALLOW], "POST");
        let stranger = app.ask("POST", path, &[]).await;
        assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
        for elsewhere in ["cross-site", "same-site"] {
            let site = ("sec-fetch-site", elsewhere.to_owned());
            let answer = app.ask("POST", path, &[app.cookie(), site]).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        }
    }
    assert_eq!(app.clerk.requests().count(Operation::Revoke), 0);
}

#[tokio::test]
async fn the_cookie_goes_with_the_session_and_stays_with_it() {
    for (path, goes) in [("/elsewhere", false), ("/everywhere", true)] {
        let app = App::new(SessionCheck::Get).await;
        let site = ("sec-fetch-site", "same-origin".to_owned());
        let answer = app.ask("POST", path, &[app.cookie(), site]).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        assert_eq!(answer.headers().contains_key(SET_COOKIE), goes, "{path}");
    }
}

#[tokio::test]
async fn where_it_is_not_known_that_all_have_ended_it_is_503_and_when_to_ask_again() {
    let app = App::new(SessionCheck::Get).await;
    app.clerk.fail(Operation::Revoke, Fault::status(500));
    let answer = app.ask("POST", "/everywhere", &[app.bearer()]).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key(RETRY_AFTER));
    app.clerk.clear_faults();
    app.clerk.fail(Operation::List, Fault::status(401).code("clerk_key_invalid"));
    let answer = app.ask("POST", "/everywhere", &[app.bearer()]).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn behind_a_layer_with_another_resolver_nobody_is_signed_out() {
    let clerk = SessionsApi::start().await;
    let sessions = sign_in(&clerk, 2);
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    let app =
        Router::new().route_service("/", RevokeAllSessions::new(clerk.resolver())).layer(layer);
    let bearer = format!("Bearer {}", clerk.token(&sessions[0]));
    let request = Request::post("/").header("authorization", bearer).body(Body::empty()).unwrap();
    let answer = app.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let reason = answer.extensions().get::<Rejection>().unwrap().reason();
    assert_eq!(reason, "revoke-session-resolver-mismatch");
    assert_eq!(signed_in(&clerk, &sessions), 2);
}
