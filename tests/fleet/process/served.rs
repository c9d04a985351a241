//! What a process serves: Clerk's webhooks, and streams that end with their sessions.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{
    extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    response::{
        Response,
        sse::{Event, Sse},
    },
    routing::{any, get},
    serve::ListenerExt,
};
use tokio::{
    net::TcpListener,
    time::{interval, timeout},
};
use tokio_stream::{Stream, StreamExt, wrappers::IntervalStream};
use tonic::service::Routes;
use tower_clerk::{AuthenticateLayer, ReceiveWebhooks, SessionResolver, SessionWatch};

const SECOND: Duration = Duration::from_secs(1);

/// Serves until the process ends, and tells where.
pub(super) async fn serve(resolver: SessionResolver) -> SocketAddr {
    let webhooks = ReceiveWebhooks::from_env(resolver.clone()).unwrap();
    let layer = AuthenticateLayer::new(resolver).unwrap().end_streams().unwrap().watch().unwrap();
    // Its `Watch` says at once that all is well, and then is silent for as long as it is.
    let (_, health) = tonic_health::server::health_reporter();
    let app = Routes::new(health)
        .into_axum_router()
        .route("/events", get(async || Sse::new(ticks())))
        .route("/socket", any(socket))
        .layer(layer)
        .route_service("/webhooks/clerk", webhooks);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // As tonic's own server has it: the end of a call waits for nobody's acknowledgement.
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

fn ticks() -> impl Stream<Item = Result<Event, Infallible>> {
    IntervalStream::new(interval(SECOND / 20)).map(|_| Ok(Event::default().data("tick")))
}

async fn socket(upgrade: WebSocketUpgrade, watch: SessionWatch) -> Response {
    upgrade.on_upgrade(async |socket| talk(socket, watch).await)
}

/// Says everything again, until the session is over.
async fn talk(mut socket: WebSocket, watch: SessionWatch) {
    let rejection = tokio::select! {
        rejection = watch.ended() => rejection,
        () = echo(&mut socket) => return,
    };
    let close = CloseFrame { code: 3000, reason: rejection.public_reason().into() };
    drop(timeout(SECOND, socket.send(Message::Close(Some(close)))).await);
}

async fn echo(socket: &mut WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(message, Message::Text(_)) && socket.send(message).await.is_err() {
            return;
        }
    }
}
