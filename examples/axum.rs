//! An axum app behind the layer: `cargo run --all-features --example axum`
//!
//! Without `CLERK_SECRET_KEY` it runs on an emulator of Clerk's API and offers a demonstration sign-in. With
//! `CLERK_WEBHOOK_SIGNING_SECRET` it takes Clerk's webhooks at `/webhooks/clerk`; the emulator sends them by itself.

mod demo;
#[path = "demo/webhooks.rs"]
mod webhooks;

use std::{convert::Infallible, error::Error, process::ExitCode, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{
        Html,
        sse::{Event, Sse},
    },
    routing::{get, post},
};
use demo::Clerk;
use serde_json::{Value, json};
use tokio_stream::{Stream, StreamExt, wrappers::IntervalStream};
use tower_clerk::{
    AuthenticateLayer, Authorization, Claims, Readiness, RequireAuthorization, Reverification,
    RevokeAllSessions, RevokeSession, Session, SessionResolver,
    for_axum::{Authorized, Rule},
    testing::{Membership, SessionsApi},
};

#[tokio::main]
async fn main() -> ExitCode {
    demo::run(serve()).await
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let clerk = Clerk::from_env().await?;
    let listener = demo::listen("127.0.0.1:3000").await?;
    if let Err(error) = clerk.resolver.warm_up().await {
        eprintln!("starting without keys: {error}");
    }
    let addr = listener.local_addr()?.to_string();
    let webhooks = webhooks::receive(&clerk, &addr)?;
    print_how_to_try_it(&addr, clerk.emulator.is_some());
    axum::serve(listener, app(clerk)?.merge(webhooks))
        .with_graceful_shutdown(demo::stopped())
        .await?;
    Ok(())
}

fn app(clerk: Clerk) -> Result<Router, Box<dyn Error>> {
    let layer = clerk.layer()?.end_streams()?;
    let admins = RequireAuthorization::new(Authorization::role("org:admin")?);
    let members = Router::new()
        .route("/me", get(me))
        .route("/events", get(events))
        .route("/billing", get(billing))
        .with_state(Rules { billing: Authorization::reverification(Reverification::Strict) })
        .merge(Router::new().route("/admin", get(admin)).layer(admins))
        .route_service("/sign-out", RevokeSession::new(clerk.resolver.clone()))
        .route_service("/sign-out-everywhere", RevokeAllSessions::new(clerk.resolver.clone()))
        .layer(layer.clone());
    let anyone = Router::new().route("/maybe", get(maybe)).layer(layer.clone().allow_anonymous());
    let health = Router::new().route("/healthz", get(health)).with_state(clerk.resolver.clone());
    let app = Router::new().route("/", get(page)).merge(health).merge(members).merge(anyone);
    Ok(match clerk.emulator {
        Some(emulator) => app.merge(demonstration(emulator, layer)),
        None => app,
    })
}

/// What handlers ask for by name, parsed at start-up.
#[derive(Clone)]
struct Rules {
    billing: Authorization,
}

/// Whoever proved lately who they are.
struct Billing;

impl Rule<Rules> for Billing {
    fn authorization(rules: &Rules) -> &Authorization {
        &rules.billing
    }
}

async fn me(session: Session, claims: Claims) -> Json<Value> {
    Json(json!({ "session": session, "claims": claims }))
}

/// Ticks until the client leaves or its session is over, at which the layer ends it.
async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let ticks = IntervalStream::new(tokio::time::interval(Duration::from_secs(1)));
    Sse::new(ticks.map(|_| Ok(Event::default().data("tick"))))
}

async fn admin(claims: Claims) -> String {
    format!("{} may do anything\n", claims.user_id())
}

async fn billing(claims: Authorized<Billing>) -> String {
    format!("{} may see what is paid for\n", claims.user_id())
}

async fn maybe(session: Option<Session>) -> String {
    match session {
        Some(session) => format!("hello, {}\n", session.user_id()),
        None => "hello, stranger\n".to_owned(),
    }
}

/// For a load balancer and for operators. A log or a Clerk that is down takes no service out of rotation.
async fn health(State(resolver): State<SessionResolver>) -> (StatusCode, Json<Readiness>) {
    let readiness = resolver.readiness();
    let status = match readiness.is_ready() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(readiness))
}

async fn page() -> Html<&'static str> {
    Html(include_str!("demo/page.html"))
}

/// What the front end does in a real app: it signs a person in, gets a session token, and has them prove
/// again who they are. And what somebody does in Clerk's dashboard: end a session.
fn demonstration(emulator: SessionsApi, layer: AuthenticateLayer) -> Router {
    type Emulator = State<Arc<SessionsApi>>;

    async fn sign_in(State(emulator): Emulator) -> String {
        demo::sign_in(&emulator)
    }
    async fn sign_in_as_admin(State(emulator): Emulator) -> String {
        demo::sign_in_with(&emulator, |session| {
            let member = "org_example".parse().ok().map(Membership::new);
            session.organization = member.map(|it| it.with_role("org:admin"));
        })
    }
    async fn prove(State(emulator): Emulator, session: Session) -> String {
        let now = emulator.clock().now();
        emulator.edit(session.id(), |session| session.first_factor_at = Some(now));
        demo::token(&emulator, session.id())
    }
    async fn end_elsewhere(State(emulator): Emulator, session: Session) -> &'static str {
        emulator.set_status(session.id(), "revoked");
        emulator.webhooks_delivered().await;
        "revoked in the dashboard, which has told by webhook\n"
    }
    Router::new()
        .route("/demo/prove", post(prove))
        .route("/demo/end-elsewhere", post(end_elsewhere))
        .route_layer(layer)
        .route("/demo/sign-in", post(sign_in))
        .route("/demo/sign-in-as-admin", post(sign_in_as_admin))
        .with_state(emulator.into())
}

fn print_how_to_try_it(addr: &str, on_emulator: bool) {
    let token = if on_emulator {
        format!("$(curl -sX POST http://{addr}/demo/sign-in)")
    } else {
        "…   # in the browser: await Clerk.session.getToken()".to_owned()
    };
    println!(
        r#"
  curl -i http://{addr}/me   # 401
  TOKEN={token}
  curl -i http://{addr}/me -H "Authorization: Bearer $TOKEN"   # 200
  curl -i http://{addr}/admin -H "Authorization: Bearer $TOKEN"   # 403: the role org:admin is required
  curl -i http://{addr}/billing -H "Authorization: Bearer $TOKEN"   # 403: prove again who you are
  curl -N http://{addr}/events -H "Authorization: Bearer $TOKEN"   # ticks until the session ends
  curl -i -X POST http://{addr}/sign-out -H "Authorization: Bearer $TOKEN"   # 204
  curl -i http://{addr}/me -H "Authorization: Bearer $TOKEN"   # 401
  curl -i -X POST http://{addr}/sign-out-everywhere -H "Authorization: Bearer $TOKEN"   # with a new token: 204
  curl -i http://{addr}/healthz   # how things stand with the keys, with Clerk and with the log of revocations
"#
    );
}
