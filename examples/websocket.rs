//! A WebSocket that ends with the session: `cargo run --all-features --example websocket`
//!
//! Without `CLERK_SECRET_KEY` it runs on an emulator of Clerk's API and offers a demonstration sign-in. With
//! `CLERK_WEBHOOK_SIGNING_SECRET` it takes Clerk's webhooks at `/webhooks/clerk`; the emulator sends them by itself.

mod demo;
#[path = "demo/webhooks.rs"]
mod webhooks;

use std::{error::Error, process::ExitCode, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{
        State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    },
    response::{Html, Response},
    routing::{any, get, post},
};
use demo::Clerk;
use tokio::time::timeout;
use tower_clerk::{
    AuthenticateLayer, RevokeSession, Session, SessionWatch,
    extract::{BearerToken, Or, QueryToken},
    testing::SessionsApi,
};

#[tokio::main]
async fn main() -> ExitCode {
    demo::run(serve()).await
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let clerk = Clerk::from_env().await?;
    let listener = demo::listen("127.0.0.1:3000").await?;
    let webhooks = webhooks::receive(&clerk, &listener.local_addr()?.to_string())?;
    axum::serve(listener, app(clerk)?.merge(webhooks))
        .with_graceful_shutdown(demo::stopped())
        .await?;
    Ok(())
}

fn app(clerk: Clerk) -> Result<Router, Box<dyn Error>> {
    // A browser sets no header on a WebSocket, so its token comes in the URL: it is short-lived, and renewed in band.
    let places = Or::new(BearerToken::new(), QueryToken::new("token"));
    let layer = clerk.layer()?.extractor(places)?.watch()?;
    let app = Router::new()
        .route("/socket", any(socket))
        .route_service("/sign-out", RevokeSession::new(clerk.resolver.clone()))
        .layer(layer.clone())
        .route("/", get(async || Html(include_str!("demo/websocket.html"))));
    Ok(match clerk.emulator {
        Some(emulator) => app.merge(demonstration(emulator, layer)),
        None => app,
    })
}

async fn socket(upgrade: WebSocketUpgrade, watch: SessionWatch) -> Response {
    upgrade.on_upgrade(async |socket| talk(socket, watch).await)
}

/// Talks until the client hangs up or its session is over, whichever is first.
async fn talk(mut socket: WebSocket, watch: SessionWatch) {
    let rejection = tokio::select! {
        rejection = watch.ended() => rejection,
        () = converse(&mut socket, &watch) => return,
    };
    let close = CloseFrame { code: UNAUTHORIZED, reason: rejection.public_reason().into() };
    // Whoever does not read is not waited for.
    drop(timeout(A_MOMENT, socket.send(Message::Close(Some(close)))).await);
}

/// IANA's name for it among the close codes: [RFC 6455 §11.7](https://www.rfc-editor.org/rfc/rfc6455#section-11.7).
const UNAUTHORIZED: u16 = 3000;
const A_MOMENT: Duration = Duration::from_secs(1);

/// Says everything again, and takes a new token from whoever says `renew …`.
async fn converse(socket: &mut WebSocket, watch: &SessionWatch) {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let answer = match text.strip_prefix("renew ") {
            Some(token) => match watch.renew(token).await {
                Ok(_) => "renewed".into(),
                Err(rejection) => format!("not renewed: {}", rejection.public_reason()),
            },
            None => format!("you said: {text}"),
        };
        if socket.send(answer.into()).await.is_err() {
            return;
        }
    }
}

/// What the front end does in a real app: it signs a person in, and gets a session token, and a new one before that expires. And
/// what somebody does in Clerk's dashboard: end a session.
fn demonstration(emulator: SessionsApi, layer: AuthenticateLayer) -> Router {
    type Emulator = State<Arc<SessionsApi>>;

    async fn sign_in(State(emulator): Emulator) -> String {
        demo::sign_in(&emulator)
    }
    async fn token(State(emulator): Emulator, session: Session) -> String {
        demo::token(&emulator, session.id())
    }
    async fn end_elsewhere(State(emulator): Emulator, session: Session) -> &'static str {
        emulator.set_status(session.id(), "revoked");
        emulator.webhooks_delivered().await;
        "revoked in the dashboard, which has told by webhook\n"
    }
    Router::new()
        .route("/demo/token", post(token))
        .route("/demo/end-elsewhere", post(end_elsewhere))
        .route_layer(layer)
        .route("/demo/sign-in", post(sign_in))
        .with_state(emulator.into())
}
