//! WebSockets: a connection that has become something else.

use std::time::Instant;

use axum::{
    Router,
    extract::{
        State,
        ws::{self, CloseFrame, WebSocket, WebSocketUpgrade},
    },
    response::Response,
    routing::any,
};
use futures_util::SinkExt;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};
use tokio_stream::StreamExt;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use tower_clerk::{AuthenticateLayer, SessionCheck, SessionId, SessionStatus, SessionWatch};

use crate::world::{SECOND, World};

/// Where a handler says why it has ended.
type Ended = mpsc::UnboundedSender<&'static str>;

async fn socket(
    upgrade: WebSocketUpgrade,
    watch: SessionWatch,
    State(ended): State<Ended>,
) -> Response {
    upgrade.on_upgrade(async |socket| talk(socket, watch, ended).await)
}

/// Says everything again, until the session is over.
async fn talk(mut socket: WebSocket, watch: SessionWatch, ended: Ended) {
    let rejection = tokio::select! {
        rejection = watch.ended() => rejection,
        () = echo(&mut socket) => return,
    };
    ended.send(rejection.reason()).unwrap();
    let close = CloseFrame { code: 3000, reason: rejection.public_reason().into() };
    drop(timeout(SECOND, socket.send(ws::Message::Close(Some(close)))).await);
}

async fn echo(socket: &mut WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(message, ws::Message::Text(_)) && socket.send(message).await.is_err() {
            return;
        }
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(
    world: &World,
    session: &SessionId,
) -> (Socket, mpsc::UnboundedReceiver<&'static str>) {
    let (ended, told) = mpsc::unbounded_channel();
    let layer = AuthenticateLayer::new(world.resolver.clone()).unwrap();
    let layer = layer.end_streams().unwrap().watch().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/socket", listener.local_addr().unwrap());
    let app = Router::new().route("/socket", any(socket)).layer(layer).with_state(ended);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let mut request = url.into_client_request().unwrap();
    let bearer = format!("Bearer {}", world.clerk.token(session)).parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    (connect_async(request).await.unwrap().0, told)
}

async fn say(socket: &mut Socket, text: &str) -> Message {
    socket.send(Message::text(text)).await.unwrap();
    timeout(10 * SECOND, socket.next()).await.expect("it answers").unwrap().unwrap()
}

/// What the socket is closed with, soon.
async fn closed(socket: &mut Socket) -> (u16, String) {
    let since = Instant::now();
    let message = timeout(10 * SECOND, socket.next()).await.expect("it closes").unwrap().unwrap();
    assert!(since.elapsed() < SECOND, "{:?}", since.elapsed());
    let Message::Close(Some(frame)) = message else { panic!("{message:?}") };
    (frame.code.into(), frame.reason.to_string())
}

#[tokio::test]
async fn a_socket_is_closed_when_its_session_ends() {
    for check in [SessionCheck::Get, SessionCheck::Networkless] {
        let world = World::with(|builder| builder.check(check)).await;
        let [ada, bob] = ["user_ada", "user_bob"].map(|user| world.clerk.sign_in(user));
        let (mut socket, _told) = connect(&world, &ada).await;
        let (mut other, _told) = connect(&world, &bob).await;
        assert_eq!(say(&mut socket, "hello").await, Message::text("hello"));
        world.resolver.revoke(&ada).await.unwrap();
        assert_eq!(closed(&mut socket).await, (3000, "session-revoked".to_owned()), "{check:?}");
        assert_eq!(say(&mut other, "hello").await, Message::text("hello"));
        drop(world.resolver.end(&bob, SessionStatus::Ended));
        assert_eq!(closed(&mut other).await, (3000, "session-ended".to_owned()), "{check:?}");
    }
}

#[tokio::test]
async fn a_socket_whose_client_does_not_read_ends_all_the_same() {
    let world = World::new().await;
    let ada = world.clerk.sign_in("user_ada");
    let (mut socket, mut told) = connect(&world, &ada).await;
    // The server has answers to give that nobody takes, and so has stopped to listen.
    let text = "x".repeat(1 << 16);
    let send = async {
        loop {
            socket.send(Message::text(&*text)).await.unwrap();
        }
    };
    assert!(timeout(SECOND, send).await.is_err(), "the negative control: all is full");
    world.resolver.revoke(&ada).await.unwrap();
    let reason = timeout(SECOND, told.recv()).await.expect("the handler knows at once");
    assert_eq!(reason, Some("session-revoked"));
    // Once it reads again, what was queued comes, and then the end.
    let ended = timeout(10 * SECOND, async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(_))) => {}
                other => return other,
            }
        }
    });
    let ended = ended.await.expect("it ends");
    assert!(matches!(ended, Some(Ok(Message::Close(Some(_))) | Err(_)) | None), "{ended:?}");
}
