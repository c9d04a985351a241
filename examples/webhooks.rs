//! Clerk's webhooks in a handler of your own:
//!
//! ```sh
//! CLERK_WEBHOOK_SIGNING_SECRET=whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX cargo run --example webhooks
//! ```
//!
//! Point an endpoint of Clerk's dashboard at it, or the emulator (`--webhook-url http://127.0.0.1:3003/webhooks/clerk`).

use std::{env, error::Error, process::ExitCode};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use tokio::{net::TcpListener, signal};
use tower_clerk::webhook::{EventKind, WebhookVerifier};

/// Longer than any event of Clerk's, in bytes.
const LONGEST_BODY: usize = 256 << 10;

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let app = Router::new()
        .route("/webhooks/clerk", post(receive))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .with_state(WebhookVerifier::from_env()?);
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3003".to_owned());
    let listener = TcpListener::bind(addr).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let stopped = async { drop(signal::ctrl_c().await) };
    Ok(axum::serve(listener, app).with_graceful_shutdown(stopped).await?)
}

/// The body is verified as it was received. Whatever is wrong is told alike: who forges a message must not learn what
/// is missing.
async fn receive(
    State(verifier): State<WebhookVerifier>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let event = match verifier.verify(&headers, &body) {
        Ok(event) => event,
        Err(error) => {
            eprintln!("{error}");
            return StatusCode::BAD_REQUEST;
        }
    };
    // In a transaction of yours: `event.id()` is the same however often Clerk sends it.
    match (event.kind(), event.user_id()) {
        (EventKind::UserDeleted, Some(user)) => println!("{user} is gone"),
        (kind, Some(user)) => println!("{kind} of {user}"),
        (kind, None) => println!("{kind}"),
    }
    StatusCode::NO_CONTENT
}
