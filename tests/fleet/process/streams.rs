//! What a client has open at a process.

use std::time::{Duration, Instant};

use futures_util::SinkExt;
use tokio::{net::TcpStream, time::timeout};
use tokio_stream::StreamExt;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use tonic::{Code, Request, Streaming, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_client::HealthClient};
use tower_clerk::{SessionId, testing::SessionsApi};

use super::{PATIENCE, Processes, token};

/// Whatever ends has ended by then.
const ENOUGH: Duration = Duration::from_millis(400);

/// An event stream, a WebSocket and a gRPC call of one session.
pub(crate) struct Streams {
    events: reqwest::Response,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    call: Streaming<HealthCheckResponse>,
}

impl Streams {
    /// Opens them, each until it has brought something.
    pub(crate) async fn open(
        fleet: &Processes,
        member: usize,
        clerk: &SessionsApi,
        session: &SessionId,
    ) -> Self {
        let (address, bearer) =
            (fleet.address(member), format!("Bearer {}", token(clerk, session)));
        let events = fleet.http.get(format!("http://{address}/events"));
        let events = events.header("authorization", &bearer).send().await.unwrap();

        let mut upgrade = format!("ws://{address}/socket").into_client_request().unwrap();
        upgrade.headers_mut().insert("authorization", bearer.parse().unwrap());
        let (socket, _) = connect_async(upgrade).await.unwrap();

        let channel = Channel::from_shared(format!("http://{address}")).unwrap();
        let mut health = HealthClient::new(channel.connect().await.unwrap());
        let mut watch = Request::new(HealthCheckRequest::default());
        watch.metadata_mut().insert("authorization", bearer.parse().unwrap());
        let mut call = health.watch(watch).await.unwrap().into_inner();
        assert!(call.message().await.unwrap().is_some());

        let mut streams = Self { events, socket, call };
        streams.tick().await;
        streams.talk().await;
        streams
    }

    /// Sees to it that none of them ends soon.
    ///
    /// # Panics
    ///
    /// Panics if one does.
    pub(crate) async fn go_on(&mut self) {
        let since = Instant::now();
        while since.elapsed() < ENOUGH {
            self.tick().await;
        }
        self.talk().await;
        let ended = timeout(ENOUGH / 10, self.call.message()).await;
        assert!(ended.is_err(), "{ended:?}");
    }

    async fn tick(&mut self) {
        let tick = timeout(PATIENCE, self.events.chunk()).await.expect("it ticks");
        assert!(tick.unwrap().is_some());
    }

    async fn talk(&mut self) {
        self.socket.send(Message::text("hello")).await.unwrap();
        let answer = timeout(PATIENCE, self.socket.next()).await.expect("it answers");
        assert_eq!(answer.unwrap().unwrap(), Message::text("hello"));
    }

    /// When each of them has ended, and that it has done so as it should.
    pub(crate) async fn end(self) -> [(&'static str, Instant); 3] {
        let Self { mut events, mut socket, mut call } = self;
        let events = async {
            while events.chunk().await.expect("it ends as a stream does").is_some() {}
            ("event stream", Instant::now())
        };
        let socket = async {
            let closed = socket.next().await.unwrap().unwrap();
            let at = Instant::now();
            let Message::Close(Some(frame)) = closed else { panic!("{closed:?}") };
            assert_eq!((frame.code.into(), &*frame.reason), (3000, "session-ended"));
            ("WebSocket", at)
        };
        let call = async {
            let status = call.message().await.unwrap_err();
            assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
            ("gRPC call", Instant::now())
        };
        let ended = timeout(PATIENCE, async { tokio::join!(events, socket, call) }).await;
        ended.expect("they end").into()
    }
}
