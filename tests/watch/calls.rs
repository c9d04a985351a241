//! gRPC, over sockets: streams of the server, of the client, and of both.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use http::uri::PathAndQuery;
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
    time::{interval, timeout},
};
use tokio_stream::{
    Stream, StreamExt,
    wrappers::{IntervalStream, TcpListenerStream, UnboundedReceiverStream},
};
use tonic::{
    Code, Request, Response, Status, Streaming,
    body::Body,
    server::{
        ClientStreamingService, Grpc, NamedService, ServerStreamingService, StreamingService,
    },
    transport::{Channel, Server},
};
use tonic_prost::ProstCodec;
use tower::{Layer, Service};
use tower_clerk::{
    AuthenticateLayer, SessionId, SessionResolver, for_tonic::RequestExt, testing::MemoryLog,
};

use crate::world::{MINUTE, SECOND, World};

/// A service without generated code: numbers go out, come in, and come back.
#[derive(Debug, Clone, Default)]
struct Numbers {
    /// That a number has come in.
    heard: Arc<Notify>,
}

type Outgoing = Pin<Box<dyn Stream<Item = Result<u64, Status>> + Send>>;

impl NamedService for Numbers {
    const NAME: &'static str = "tests.Numbers";
}

impl ServerStreamingService<()> for Numbers {
    type Response = u64;
    type ResponseStream = Outgoing;
    type Future = Ready<Result<Response<Outgoing>, Status>>;

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let ticks = IntervalStream::new(interval(SECOND / 100)).map(|_| Ok(1));
        ready(Ok(Response::new(Box::pin(ticks))))
    }
}

/// Adds up what the client sends, for as long as its session lasts.
async fn add_up(
    request: Request<Streaming<u64>>,
    heard: Arc<Notify>,
) -> Result<Response<u64>, Status> {
    let watch = request.watch()?.clone();
    let (mut numbers, mut sum) = (request.into_inner(), 0);
    loop {
        let number = tokio::select! {
            number = numbers.message() => number?,
            rejection = watch.ended() => return Err(rejection.into()),
        };
        heard.notify_one();
        match number {
            Some(number) => sum += number,
            None => return Ok(Response::new(sum)),
        }
    }
}

impl ClientStreamingService<u64> for Numbers {
    type Response = u64;
    type Future = Pin<Box<dyn Future<Output = Result<Response<u64>, Status>> + Send>>;

    fn call(&mut self, request: Request<Streaming<u64>>) -> Self::Future {
        Box::pin(add_up(request, Arc::clone(&self.heard)))
    }
}

/// Says each number again.
#[derive(Debug, Clone, Copy)]
struct Echo;

impl StreamingService<u64> for Echo {
    type Response = u64;
    type ResponseStream = Streaming<u64>;
    type Future = Ready<Result<Response<Streaming<u64>>, Status>>;

    fn call(&mut self, request: Request<Streaming<u64>>) -> Self::Future {
        ready(Ok(Response::new(request.into_inner())))
    }
}

impl Service<http::Request<Body>> for Numbers {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let numbers = self.clone();
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            Ok(match &*path {
                "/tests.Numbers/Tick" => {
                    Grpc::new(ProstCodec::<u64, ()>::default())
                        .server_streaming(numbers, request)
                        .await
                }
                "/tests.Numbers/AddUp" => {
                    Grpc::new(ProstCodec::<u64, u64>::default())
                        .client_streaming(numbers, request)
                        .await
                }
                _ => Grpc::new(ProstCodec::<u64, u64>::default()).streaming(Echo, request).await,
            })
        })
    }
}

async fn serve(layer: AuthenticateLayer) -> (SocketAddr, Arc<Notify>) {
    let numbers = Numbers::default();
    let heard = Arc::clone(&numbers.heard);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let server = Server::builder().add_service(layer.layer(numbers));
    tokio::spawn(async move {
        server.serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap();
    });
    (addr, heard)
}

struct Caller {
    channel: Channel,
    token: String,
}

impl Caller {
    async fn new(addr: SocketAddr, world: &World, session: &SessionId) -> Self {
        let channel = Channel::from_shared(format!("http://{addr}")).unwrap();
        let channel = channel.connect().await.unwrap();
        Self { channel, token: world.clerk.token(session) }
    }

    async fn grpc(&self) -> tonic::client::Grpc<Channel> {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await.unwrap();
        grpc
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let bearer = format!("Bearer {}", self.token).parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
        request
    }

    async fn tick(&self) -> Result<Streaming<u64>, Status> {
        let path = PathAndQuery::from_static("/tests.Numbers/Tick");
        let codec = ProstCodec::<(), u64>::default();
        let answer = self.grpc().await.server_streaming(self.request(()), path, codec).await;
        answer.map(Response::into_inner)
    }

    async fn add_up(&self, numbers: mpsc::UnboundedReceiver<u64>) -> Result<u64, Status> {
        let path = PathAndQuery::from_static("/tests.Numbers/AddUp");
        let request = self.request(UnboundedReceiverStream::new(numbers));
        let codec = ProstCodec::<u64, u64>::default();
        let answer = self.grpc().await.client_streaming(request, path, codec).await;
        answer.map(Response::into_inner)
    }

    async fn echo(&self, numbers: mpsc::UnboundedReceiver<u64>) -> Streaming<u64> {
        let path = PathAndQuery::from_static("/tests.Numbers/Echo");
        let request = self.request(UnboundedReceiverStream::new(numbers));
        let codec = ProstCodec::<u64, u64>::default();
        self.grpc().await.streaming(request, path, codec).await.unwrap().into_inner()
    }
}

/// The status that a stream ends with, soon.
async fn end(stream: &mut Streaming<u64>) -> Status {
    let since = Instant::now();
    let status = timeout(10 * SECOND, async {
        loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it ends as if all were well"),
                Err(status) => return status,
            }
        }
    });
    let status = status.await.expect("it ends");
    assert!(since.elapsed() < SECOND, "{:?}", since.elapsed());
    status
}

#[derive(Debug, Clone, Copy)]
enum End {
    Here,
    Elsewhere,
    AtClerk,
}

#[tokio::test]
async fn calls_end_with_the_session_whoever_streams() {
    let log = MemoryLog::new();
    let there = log.another_process();
    let world = World::with(|builder| builder.revocation_log(log)).await;
    let elsewhere = world.clerk.resolver_builder().revocation_log(there).build().unwrap();
    let layer = AuthenticateLayer::new(world.resolver.clone()).unwrap();
    let (addr, heard) = serve(layer.end_streams().unwrap().watch().unwrap()).await;
    for how in [End::Here, End::Elsewhere, End::AtClerk] {
        let session = world.clerk.sign_in("user_ada");
        let caller = Caller::new(addr, &world, &session).await;
        let mut ticks = caller.tick().await.unwrap();
        assert_eq!(ticks.message().await.unwrap(), Some(1));
        let (send, numbers) = mpsc::unbounded_channel();
        let mut echo = caller.echo(numbers).await;
        send.send(7).unwrap();
        assert_eq!(echo.message().await.unwrap(), Some(7));
        let (add, numbers) = mpsc::unbounded_channel();
        add.send(7).unwrap();
        let adding = caller.add_up(numbers);
        let ending = async {
            heard.notified().await;
            match how {
                End::Here => drop(world.resolver.revoke(&session).await.unwrap()),
                End::Elsewhere => drop(elsewhere.revoke(&session).await.unwrap()),
                End::AtClerk => {
                    world.clerk.set_status(&session, "removed");
                    world.pass(6 * MINUTE);
                }
            }
        };
        let (added, ()) = tokio::join!(timeout(10 * SECOND, adding), ending);
        let added = added.expect("it ends").unwrap_err();
        for status in [added, end(&mut ticks).await, end(&mut echo).await] {
            assert_eq!(status.code(), Code::Unauthenticated, "{how:?}: {status:?}");
            assert_eq!(status.message(), "the session is not active", "{how:?}");
        }
        assert_eq!(caller.tick().await.unwrap_err().code(), Code::Unauthenticated);
    }
}

#[tokio::test]
async fn a_call_whose_stream_has_ended_by_itself_is_answered() {
    let world = World::new().await;
    let layer = AuthenticateLayer::new(world.resolver.clone()).unwrap();
    let (addr, _) = serve(layer.end_streams().unwrap().watch().unwrap()).await;
    let caller = Caller::new(addr, &world, &world.clerk.sign_in("user_ada")).await;
    let (add, numbers) = mpsc::unbounded_channel();
    (1..=4).for_each(|number| add.send(number).unwrap());
    drop(add);
    assert_eq!(caller.add_up(numbers).await.unwrap(), 10);
}

#[tokio::test]
async fn a_method_that_wants_a_watch_of_a_layer_that_does_not_watch_says_so() {
    let world = World::new().await;
    let layer = AuthenticateLayer::new(world.resolver.clone()).unwrap();
    let (addr, _) = serve(layer.end_streams().unwrap()).await;
    let caller = Caller::new(addr, &world, &world.clerk.sign_in("user_ada")).await;
    let (_add, numbers) = mpsc::unbounded_channel();
    let status = caller.add_up(numbers).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().contains(".watch()"), "{status:?}");
}

/// A layer that writes what is refused in words of its own.
fn wordy(world: &World) -> AuthenticateLayer {
    let layer = AuthenticateLayer::new(world.resolver.clone()).unwrap();
    layer.rejection_response(|rejection, protocol| {
        let mut response = rejection.to_response(protocol).map(|_| "");
        let message = http::HeaderValue::from_static("come%20back%20soon");
        response.headers_mut().insert("grpc-message", message);
        response.headers_mut().insert("x-reason", http::HeaderValue::from_static("over"));
        response
    })
}

#[tokio::test]
async fn the_status_at_the_end_is_written_as_the_layer_was_told() {
    let world = World::new().await;
    let (addr, _) = serve(wordy(&world).end_streams().unwrap()).await;
    let session = world.clerk.sign_in("user_ada");
    let mut ticks = Caller::new(addr, &world, &session).await.tick().await.unwrap();
    world.resolver.revoke(&session).await.unwrap();
    let status = end(&mut ticks).await;
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "come back soon"));
    assert_eq!(status.metadata().get("x-reason").unwrap(), "over");
    assert!(status.metadata().get("content-type").is_none());
}

#[tokio::test]
async fn so_is_that_which_a_method_makes_of_what_its_watch_tells() {
    let world = World::new().await;
    let (addr, heard) = serve(wordy(&world).watch().unwrap()).await;
    let session = world.clerk.sign_in("user_ada");
    let caller = Caller::new(addr, &world, &session).await;
    let (add, numbers) = mpsc::unbounded_channel();
    add.send(7).unwrap();
    let (sum, revoked) = tokio::join!(caller.add_up(numbers), async {
        heard.notified().await;
        world.resolver.revoke(&session).await
    });
    revoked.unwrap();
    let status = sum.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "come back soon"));
    assert_eq!(status.metadata().get("x-reason").unwrap(), "over");
}

#[expect(dead_code, reason = "it must only compile: the layer is one of a server's, too")]
fn a_layer_of_a_server(resolver: SessionResolver) {
    let layer = AuthenticateLayer::new(resolver).unwrap().end_streams().unwrap();
    drop(Server::builder().layer(layer).add_service(Numbers::default()));
}
