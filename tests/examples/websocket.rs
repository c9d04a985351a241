use std::time::Duration;

use futures_util::SinkExt;
use reqwest::StatusCode;
use tokio::{net::TcpStream, time::timeout};
use tokio_stream::StreamExt;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message},
};

use crate::{http::Caller, process::Server};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

#[tokio::test]
async fn the_socket_answers_renews_and_is_closed_when_its_session_ends() {
    let app = Server::start("websocket");
    let caller = Caller::of(&app);
    let token = sign_in(&caller).await;
    let mut socket = connect(&app, &token).await.unwrap();
    assert_eq!(say(&mut socket, "hello").await, Message::text("you said: hello"));

    let fresh = caller.post("/demo/token", Some(&token)).await.text().await.unwrap();
    let renewed = say(&mut socket, &format!("renew {fresh}")).await;
    assert_eq!(renewed, Message::text("renewed"));
    let of_another = sign_in(&caller).await;
    let refused = say(&mut socket, &format!("renew {of_another}")).await;
    assert_eq!(refused, Message::text("not renewed: token-of-another-session"));

    let signed_out = caller.post("/sign-out", Some(&token)).await;
    assert_eq!(signed_out.status(), StatusCode::NO_CONTENT);
    let Message::Close(Some(close)) = next(&mut socket).await else { panic!("it is closed") };
    assert_eq!((u16::from(close.code), &*close.reason), (3000, "session-revoked"));
    let Err(Error::Http(refused)) = connect(&app, &token).await else { panic!("it is refused") };
    assert_eq!(refused.status().as_u16(), 401);
    app.stops_when_asked_to();
}

#[tokio::test]
async fn the_socket_is_closed_when_its_session_is_ended_in_the_dashboard() {
    let app = Server::start("websocket");
    let caller = Caller::of(&app);
    let [token, other] = [sign_in(&caller).await, sign_in(&caller).await];
    let mut socket = connect(&app, &token).await.unwrap();
    let mut stays = connect(&app, &other).await.unwrap();
    let ended = caller.post("/demo/end-elsewhere", Some(&token)).await;
    assert_eq!(ended.status(), StatusCode::OK);
    let Message::Close(Some(close)) = next(&mut socket).await else { panic!("it is closed") };
    assert_eq!((u16::from(close.code), &*close.reason), (3000, "session-revoked"));
    assert_eq!(say(&mut stays, "hello").await, Message::text("you said: hello"));
}

#[tokio::test]
async fn the_page_shows_what_the_socket_can_do() {
    let app = Server::start("websocket");
    let page = Caller::of(&app).get("/", None).await.text().await.unwrap();
    for said in [
        "/demo/sign-in",
        "/demo/token",
        "/demo/end-elsewhere",
        "/socket?token=",
        "renew ",
        "/sign-out",
        "3000",
    ] {
        assert!(page.contains(said), "{said}");
    }
}

async fn sign_in(caller: &Caller<'_>) -> String {
    caller.post("/demo/sign-in", None).await.text().await.unwrap()
}

async fn connect(app: &Server, token: &str) -> Result<Socket, Error> {
    let url = format!("{}/socket?token={token}", app.url.replace("http", "ws"));
    connect_async(url).await.map(|(socket, _)| socket)
}

async fn say(socket: &mut Socket, text: &str) -> Message {
    socket.send(Message::text(text)).await.unwrap();
    next(socket).await
}

async fn next(socket: &mut Socket) -> Message {
    timeout(Duration::from_secs(30), socket.next())
        .await
        .expect("it says something")
        .unwrap()
        .unwrap()
}
