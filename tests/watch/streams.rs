//! Bodies of responses, over sockets.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use axum::{
    Router,
    body::Body,
    extract::State,
    routing::{get, post},
};
use bytes::Bytes;
use http::{Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::{
    net::TcpListener,
    time::{interval, timeout},
};
use tokio_stream::{StreamExt, wrappers::IntervalStream};
use tower::{Layer, ServiceExt};
use tower_clerk::{
    AuthenticateLayer, ReceiveWebhooks, Session, SessionCheck, SessionId, SessionResolver,
    SessionStatus, SessionWatch,
    testing::{MemoryLog, SessionsApi},
};

use crate::world::{MINUTE, SECOND, World};

/// What a stream has produced, and how many streams there are.
#[derive(Debug, Clone, Default)]
struct Produced {
    frames: Arc<AtomicUsize>,
    streams: Arc<AtomicUsize>,
}

/// One stream that has not been dropped yet.
struct Held(Arc<AtomicUsize>);

impl Held {
    fn new(streams: &Arc<AtomicUsize>) -> Self {
        streams.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(streams))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Produced {
    fn frames(&self) -> usize {
        self.frames.load(Ordering::SeqCst)
    }

    fn streams(&self) -> usize {
        self.streams.load(Ordering::SeqCst)
    }

    /// Counts each frame, and is held by the stream.
    fn counted<S>(&self, stream: S) -> Body
    where
        S: tokio_stream::Stream<Item = Bytes> + Send + 'static,
    {
        let (frames, held) = (Arc::clone(&self.frames), Held::new(&self.streams));
        let counted = stream.map(move |bytes| {
            let _ = &held;
            frames.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Infallible>(Frame::data(bytes))
        });
        Body::new(StreamBody::new(counted))
    }
}

fn ticks() -> impl tokio_stream::Stream<Item = Bytes> + Send {
    IntervalStream::new(interval(SECOND / 100)).map(|_| Bytes::from("data: tick\n\n"))
}

struct App {
    addr: SocketAddr,
    produced: Produced,
}

impl App {
    async fn new(resolver: &SessionResolver) -> Self {
        Self::behind(
            AuthenticateLayer::new(resolver.clone()).unwrap().end_streams().unwrap(),
            resolver,
        )
        .await
    }

    async fn behind(layer: AuthenticateLayer, resolver: &SessionResolver) -> Self {
        let produced = Produced::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = app(&produced, resolver).layer(layer);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { addr, produced }
    }

    async fn get(&self, version: Version, path: &str, token: &str) -> Response<Incoming> {
        let client = Client::builder(TokioExecutor::new())
            .http2_only(version == Version::HTTP_2)
            .build_http::<Empty<Bytes>>();
        let request = Request::get(format!("http://{}{path}", self.addr))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Empty::new())
            .unwrap();
        client.request(request).await.unwrap()
    }
}

fn app(produced: &Produced, resolver: &SessionResolver) -> Router {
    Router::new()
        .route(
            "/events",
            get(async |State(produced): State<Produced>| {
                ([(header::CONTENT_TYPE, "text/event-stream")], produced.counted(ticks()))
            }),
        )
        // One event, and then silence.
        .route(
            "/silence",
            get(async |State(produced): State<Produced>| {
                let stream = tokio_stream::once(Bytes::from("data: one\n\n"));
                produced.counted(stream.chain(tokio_stream::pending()))
            }),
        )
        .route(
            "/download",
            get(async |State(produced): State<Produced>| {
                let stream = tokio_stream::once(Bytes::from("half"));
                let body = produced.counted(stream.chain(tokio_stream::pending()));
                ([(header::CONTENT_LENGTH, "8")], body)
            }),
        )
        // Its producer is never waited for, only the client is.
        .route(
            "/flood",
            get(async |State(produced): State<Produced>| {
                produced
                    .counted(tokio_stream::iter(std::iter::repeat(Bytes::from(vec![0; 1 << 14]))))
            }),
        )
        .with_state(produced.clone())
        .route(
            "/leave",
            post(async |State(resolver): State<SessionResolver>, session: Session| {
                resolver.revoke(session.id()).await.unwrap();
                "good bye"
            }),
        )
        .route("/me", get(async |session: Session| session.user_id().to_string()))
        .with_state(resolver.clone())
}

/// How a session ends.
#[derive(Debug, Clone, Copy)]
enum End {
    RevokedHere,
    RevokedElsewhere,
    /// As a webhook or an administrator's page tells this process.
    Told,
    /// At Clerk, which is asked after a while.
    AtClerk,
}

impl End {
    const ALL: [Self; 4] = [Self::RevokedHere, Self::RevokedElsewhere, Self::Told, Self::AtClerk];

    async fn come(self, world: &World, elsewhere: &SessionResolver, session: &SessionId) {
        match self {
            Self::RevokedHere => drop(world.resolver.revoke(session).await.unwrap()),
            Self::RevokedElsewhere => drop(elsewhere.revoke(session).await.unwrap()),
            Self::Told => drop(world.resolver.end(session, SessionStatus::Ended)),
            Self::AtClerk => {
                world.clerk.set_status(session, "removed");
                world.pass(6 * MINUTE);
            }
        }
    }
}

const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

/// The next frame, which is there soon.
async fn next(body: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
    let frame = timeout(10 * SECOND, body.frame()).await.expect("it neither ends nor goes on")?;
    Some(frame.map(|frame| frame.into_data().unwrap()))
}

#[tokio::test]
async fn an_event_stream_ends_with_its_session_wherever_that_is_ended() {
    let log = MemoryLog::new();
    let there = log.another_process();
    let world = World::with(|builder| builder.revocation_log(log)).await;
    let elsewhere = world.clerk.resolver_builder().revocation_log(there).build().unwrap();
    let app = App::new(&world.resolver).await;
    for (end, version) in End::ALL.into_iter().flat_map(|end| VERSIONS.map(|it| (end, it))) {
        for path in ["/events", "/silence"] {
            let case = format!("{end:?}, {version:?}, {path}");
            let session = world.clerk.sign_in("user_ada");
            let token = world.clerk.token(&session);
            let mut body = app.get(version, path, &token).await.into_body();
            assert!(next(&mut body).await.unwrap().unwrap().starts_with(b"data: "), "{case}");
            assert_eq!(app.produced.streams(), 1, "{case}");

            end.come(&world, &elsewhere, &session).await;
            let since = Instant::now();
            while let Some(frame) = next(&mut body).await {
                let data = frame.expect("it ends as a stream does");
                assert!(data.is_empty() || data.starts_with(b"data: "), "{case}: {data:?}");
            }
            assert!(since.elapsed() < SECOND, "{case}: {:?}", since.elapsed());
            assert_eq!(app.produced.streams(), 0, "{case}: the handler's stream is dropped");
            // An `EventSource` comes back, and stops.
            let again = app.get(version, path, &world.clerk.token(&session)).await;
            assert_eq!(again.status(), StatusCode::UNAUTHORIZED, "{case}");
        }
    }
}

/// A service that takes Clerk's webhooks, at an emulator that sends them.
async fn told_by_webhook(world: &World) -> App {
    let app = App::new(&world.resolver).await;
    let receiver = ReceiveWebhooks::new(world.resolver.clone(), SECRET.parse().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks/clerk", listener.local_addr().unwrap());
    let webhooks = Router::new().route_service("/webhooks/clerk", receiver);
    tokio::spawn(async move { axum::serve(listener, webhooks).await.unwrap() });
    world.clerk.webhooks(&url, SECRET);
    app
}

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

#[tokio::test]
async fn a_webhook_ends_the_streams_of_whom_it_is_about_and_of_nobody_else() {
    type Happens = fn(&SessionsApi, &SessionId);
    let happenings: [(&str, Happens, bool); 5] = [
        ("signs out elsewhere", |clerk, session| clerk.set_status(session, "ended"), false),
        ("is revoked", |clerk, session| clerk.set_status(session, "revoked"), false),
        ("is banned", |clerk, _| clerk.ban_user("user_ada"), true),
        ("is deleted", |clerk, _| clerk.delete_user("user_ada"), true),
        ("is removed", |clerk, _| clerk.remove_member("user_ada", "org_1"), false),
    ];
    for (what, happens, to_all) in happenings {
        let world = World::new().await;
        let app = told_by_webhook(&world).await;
        let [member, elsewhere] = ["org_1", "org_2"].map(|id| world.member("user_ada", id));
        let stranger = world.member("user_bob", "org_1");
        let mut bodies = Vec::new();
        for session in [&member, &elsewhere, &stranger] {
            let response = app.get(Version::HTTP_2, "/silence", &world.clerk.token(session)).await;
            let mut body = response.into_body();
            next(&mut body).await.unwrap().unwrap();
            bodies.push(body);
        }
        // Whatever is of the second of a token is later than it.
        world.pass(SECOND);
        happens(&world.clerk, &member);
        for (number, body) in bodies.iter_mut().enumerate() {
            if number == 0 || number == 1 && to_all {
                let since = Instant::now();
                while let Some(frame) = next(body).await {
                    assert!(frame.unwrap().is_empty(), "{what}");
                }
                assert!(since.elapsed() < SECOND, "{what}: {:?}", since.elapsed());
            } else {
                let ended = timeout(SECOND / 5, body.frame()).await;
                assert!(ended.is_err(), "{what}: stream {number} is another's");
            }
        }
    }
}

#[tokio::test]
async fn where_nobody_said_so_a_stream_goes_on() {
    let world = World::new().await;
    let layer = AuthenticateLayer::new(world.resolver.clone()).unwrap();
    let app = App::behind(layer, &world.resolver).await;
    let session = world.clerk.sign_in("user_ada");
    let response = app.get(Version::HTTP_11, "/events", &world.clerk.token(&session)).await;
    let mut body = response.into_body();
    world.resolver.revoke(&session).await.unwrap();
    for _ in 0..50 {
        next(&mut body).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_download_of_a_certain_length_is_cut_off() {
    let world = World::new().await;
    let app = App::new(&world.resolver).await;
    for version in VERSIONS {
        let session = world.clerk.sign_in("user_ada");
        let response = app.get(version, "/download", &world.clerk.token(&session)).await;
        assert_eq!(response.headers()[header::CONTENT_LENGTH], "8");
        let mut body = response.into_body();
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "half");
        world.resolver.revoke(&session).await.unwrap();
        let cut = next(&mut body).await;
        assert!(matches!(cut, Some(Err(_))), "{version:?}: the client notices: {cut:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_never_waited_for_is_looked_at_from_its_sixteenth_frame() {
    let world = World::new().await;
    let layer = AuthenticateLayer::new(world.resolver.clone()).unwrap().end_streams().unwrap();
    let service = layer.layer(tower::service_fn(async |_: Request<()>| {
        let frame = || Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"x")));
        let body = StreamBody::new(tokio_stream::iter(std::iter::repeat_with(frame)));
        Ok::<_, Infallible>(Response::new(body))
    }));
    for (frames, is_over) in [(15, false), (16, true)] {
        let session = world.clerk.sign_in("user_ada");
        let token = format!("Bearer {}", world.clerk.token(&session));
        let request = Request::get("/").header(header::AUTHORIZATION, token).body(()).unwrap();
        let mut body = service.clone().oneshot(request).await.unwrap().into_body();
        for _ in 0..frames {
            body.frame().await.unwrap().unwrap();
        }
        world.resolver.revoke(&session).await.unwrap();
        assert_eq!(body.frame().await.is_none(), is_over, "after {frames}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_sent_nothing_that_is_produced_after_the_end() {
    let world = World::new().await;
    let app = App::new(&world.resolver).await;
    for version in VERSIONS {
        let session = world.clerk.sign_in("user_ada");
        let response = app.get(version, "/flood", &world.clerk.token(&session)).await;
        let mut body = response.into_body();
        assert!(next(&mut body).await.unwrap().unwrap().len() > 1000);
        // All that the sockets and the server hold back is full.
        let mut produced = 0;
        while app.produced.frames() > produced {
            produced = app.produced.frames();
            tokio::time::sleep(SECOND / 5).await;
        }
        world.resolver.revoke(&session).await.unwrap();
        let mut bytes = 0;
        while let Some(frame) = next(&mut body).await {
            bytes += frame.unwrap().len();
        }
        assert!(bytes > 0, "{version:?}: what was produced is delivered");
        assert_eq!(app.produced.frames(), produced, "{version:?}: and nothing else is produced");
        assert_eq!(app.produced.streams(), 0, "{version:?}: its producer is dropped");
        app.produced.frames.store(0, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn whoever_signs_out_hears_that_it_succeeded() {
    let world = World::new().await;
    let app = App::new(&world.resolver).await;
    let token = world.clerk.token(&world.clerk.sign_in("user_ada"));
    let mut events = app.get(Version::HTTP_2, "/events", &token).await.into_body();
    let leaving = Request::post(format!("http://{}/leave", app.addr))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Empty::<Bytes>::new())
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(leaving).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "good bye");
    while let Some(frame) = next(&mut events).await {
        frame.unwrap();
    }
}

/// The body as the layer gives it, without a server around.
async fn body_of(world: &World, layer: AuthenticateLayer, path: &str, session: &SessionId) -> Body {
    let app = app(&Produced::default(), &world.resolver).layer(layer);
    let bearer = format!("Bearer {}", world.clerk.token(session));
    let request = Request::get(path).header(header::AUTHORIZATION, bearer);
    app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().into_body()
}

#[tokio::test]
async fn a_body_says_how_long_it_is_and_when_it_has_ended() {
    use http_body::Body as _;
    let world = World::new().await;
    let ada = world.clerk.sign_in("user_ada");
    let layer = AuthenticateLayer::new(world.resolver.clone()).unwrap().end_streams().unwrap();
    let small = body_of(&world, layer.clone(), "/me", &ada).await;
    assert_eq!(small.size_hint().exact(), Some(8));
    let mut stream = body_of(&world, layer, "/silence", &ada).await;
    assert!(stream.size_hint().exact().is_none() && !stream.is_end_stream());
    assert!(stream.frame().await.unwrap().unwrap().is_data());
    world.resolver.revoke(&ada).await.unwrap();
    assert!(!stream.is_end_stream(), "nobody has asked since");
    assert!(stream.frame().await.is_none());
    assert!(stream.is_end_stream() && stream.size_hint().exact() == Some(0));
    assert!(stream.frame().await.is_none(), "it can be polled again");
    // What was there at once is there all the same.
    assert_eq!(small.collect().await.unwrap().to_bytes(), "user_ada");
}

#[tokio::test]
async fn a_call_that_has_said_how_it_ended_is_not_said_to_have_ended_otherwise() {
    let world = World::new().await;
    let ada = world.clerk.sign_in("user_ada");
    let (give, take) = tokio::sync::mpsc::unbounded_channel::<Frame<Bytes>>();
    let take = Arc::new(std::sync::Mutex::new(Some(take)));
    let inner = tower::service_fn(move |_: Request<()>| {
        let take = take.lock().unwrap().take().unwrap();
        let frames = tokio_stream::wrappers::UnboundedReceiverStream::new(take);
        let body = StreamBody::new(frames.map(Ok::<_, Infallible>));
        std::future::ready(Ok::<_, Infallible>(Response::new(body)))
    });
    let layer = AuthenticateLayer::new(world.resolver.clone()).unwrap().end_streams().unwrap();
    let request = Request::post("/")
        .version(Version::HTTP_2)
        .header(header::AUTHORIZATION, format!("Bearer {}", world.clerk.token(&ada)))
        .header(header::CONTENT_TYPE, "application/grpc");
    let service = tower::Layer::layer(&layer, inner);
    let mut body = service.oneshot(request.body(()).unwrap()).await.unwrap().into_body();
    assert!(timeout(SECOND / 10, body.frame()).await.is_err(), "it is waited for");
    let trailers = [(http::HeaderName::from_static("grpc-status"), http::HeaderValue::from(0))];
    give.send(Frame::trailers(trailers.into_iter().collect())).unwrap();
    assert!(body.frame().await.unwrap().unwrap().is_trailers());
    world.resolver.revoke(&ada).await.unwrap();
    drop(give);
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn what_a_handler_renews_its_response_goes_on_with() {
    let world = World::with(|builder| builder.check(SessionCheck::Networkless)).await;
    let layer = AuthenticateLayer::new(world.resolver.clone()).unwrap();
    let layer = layer.end_streams().unwrap().watch().unwrap();
    let (give, mut take) = tokio::sync::mpsc::unbounded_channel::<SessionWatch>();
    let app: Router = Router::new()
        .route(
            "/events",
            get(async move |watch: SessionWatch| {
                give.send(watch).unwrap();
                Produced::default().counted(ticks())
            }),
        )
        .layer(layer);
    let ada = world.clerk.sign_in("user_ada");
    let bearer = format!("Bearer {}", world.clerk.token(&ada));
    let request = Request::get("/events").header(header::AUTHORIZATION, bearer);
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (mut body, watch) = (response.into_body(), take.recv().await.unwrap());
    for _ in 0..4 {
        world.pass(50 * SECOND);
        watch.renew(&world.clerk.token(&ada)).await.unwrap();
        for _ in 0..3 {
            body.frame().await.unwrap().unwrap();
        }
    }
    world.pass(65 * SECOND);
    assert!(body.frame().await.is_none());
}
