//! An axum app behind the layer: `cargo run --all-features --example axum`
//!
//! Without `CLERK_SECRET_KEY` it runs on an emulator of Clerk's API and offers a demonstration sign-in.

mod demo;

use std::{error::Error, process::ExitCode, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    response::Html,
    routing::{get, post},
};
use demo::Clerk;
use serde_json::{Value, json};
use tower_clerk::{Claims, RevokeSession, Session, testing::SessionsApi};

#[tokio::main]
async fn main() -> ExitCode {
    demo::run(serve()).await
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let clerk = Clerk::from_env().await?;
    let listener = demo::listen("127.0.0.1:3000").await?;
    print_how_to_try_it(&listener.local_addr()?.to_string(), clerk.emulator.is_some());
    axum::serve(listener, app(clerk)?).with_graceful_shutdown(demo::stopped()).await?;
    Ok(())
}

fn app(clerk: Clerk) -> Result<Router, Box<dyn Error>> {
    let layer = clerk.layer()?;
    let members = Router::new()
        .route("/me", get(me))
        .route_service("/sign-out", RevokeSession::new(clerk.resolver.clone()))
        .layer(layer.clone());
    let anyone = Router::new().route("/maybe", get(maybe)).layer(layer.allow_anonymous());
    let app = Router::new().route("/", get(page)).merge(members).merge(anyone);
    Ok(match clerk.emulator {
        Some(emulator) => app.merge(demonstration(emulator)),
        None => app,
    })
}

async fn me(session: Session, claims: Claims) -> Json<Value> {
    Json(json!({ "session": session, "claims": claims }))
}

async fn maybe(session: Option<Session>) -> String {
    match session {
        Some(session) => format!("hello, {}\n", session.user_id()),
        None => "hello, stranger\n".to_owned(),
    }
}

async fn page() -> Html<&'static str> {
    Html(include_str!("demo/page.html"))
}

/// What the front end does in a real app: it signs a person in and gets a session token.
fn demonstration(emulator: SessionsApi) -> Router {
    async fn sign_in(State(emulator): State<Arc<SessionsApi>>) -> String {
        demo::sign_in(&emulator)
    }
    Router::new().route("/demo/sign-in", post(sign_in)).with_state(emulator.into())
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
  curl -i -X POST http://{addr}/sign-out -H "Authorization: Bearer $TOKEN"   # 204
  curl -i http://{addr}/me -H "Authorization: Bearer $TOKEN"   # 401
"#
    );
}
