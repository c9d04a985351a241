//! The three stacks, each behind one layer, and one way to ask them all.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use ::axum::serve::ListenerExt;
use ::hyper::body::Incoming;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_stream::{StreamExt, wrappers::TcpListenerStream};
use tonic::{Status, server::NamedService, transport::Server};
use tower::{BoxError, Layer, Service, service_fn};
use tower_clerk::{AuthenticateLayer, Claims, Freshness, Session};

#[rustfmt::skip]
#[expect(unreachable_pub, clippy::allow_attributes, reason = "generated code")]
#[path = "../../examples/proto/identity.rs"]
mod identity;

pub(crate) use identity::identity_server::IdentityServer;
use identity::{
    SignOutReply, SignOutRequest, WhoAmIReply, WhoAmIRequest, identity_server::Identity,
};

/// A server that tells callers who they are.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    pub(crate) name: &'static str,
    pub(crate) addr: SocketAddr,
    pub(crate) reached: Reached,
    is_grpc: bool,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// How many requests have reached the service behind the layer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reached(Arc<AtomicUsize>);

impl Reached {
    pub(crate) fn note(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn times(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// What became of a request, in terms that HTTP and gRPC share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It reached the handler, who saw this user.
    Admitted(String),
    /// It reached the handler, who saw nobody.
    Anonymous,
    /// 401 / 16, challenged without an error code.
    Missing,
    /// 401 / 16 with `invalid_token`.
    Invalid,
    /// 403 / 7.
    Forbidden,
    /// 503 / 14.
    Unavailable,
    /// 500 / 13.
    Misconfigured,
    Other(StatusCode),
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

pub(crate) fn admitted(user: &str) -> Outcome {
    Outcome::Admitted(user.to_owned())
}

/// The layer on all three stacks.
pub(crate) async fn all(layer: &AuthenticateLayer) -> [Stack; 3] {
    [axum(layer.clone()).await, hyper(layer.clone()).await, tonic(layer.clone()).await]
}

pub(crate) async fn axum(layer: AuthenticateLayer) -> Stack {
    let reached = Reached::default();
    let addr = serve_axum(axum_app(&reached).layer(layer)).await;
    Stack::new("axum", addr, reached, false)
}

pub(crate) async fn hyper(layer: AuthenticateLayer) -> Stack {
    let reached = Reached::default();
    let addr = serve_hyper(layer.layer(hyper_service(&reached))).await;
    Stack::new("hyper", addr, reached, false)
}

pub(crate) async fn tonic(layer: AuthenticateLayer) -> Stack {
    let reached = Reached::default();
    let addr = serve_tonic(layer.layer(IdentityServer::new(WhoAmI(reached.clone())))).await;
    Stack::new("tonic", addr, reached, true)
}

pub(crate) fn axum_app(reached: &Reached) -> ::axum::Router {
    let noted = reached.clone();
    ::axum::Router::new().fallback(|request: ::axum::extract::Request| async move {
        noted.note();
        who_am_i(&request)
    })
}

pub(crate) async fn serve_axum(app: ::axum::Router) -> SocketAddr {
    let (listener, addr) = listen().await;
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    tokio::spawn(async move { ::axum::serve(listener, app).await.unwrap() });
    addr
}

pub(crate) fn hyper_service(
    reached: &Reached,
) -> impl Service<
    Request<Incoming>,
    Response = Response<Full<Bytes>>,
    Error = Infallible,
    Future: Send + 'static,
>
+ Clone
+ Send
+ 'static
+ use<> {
    let noted = reached.clone();
    service_fn(move |request: Request<Incoming>| {
        noted.note();
        std::future::ready(Ok(who_am_i(&request)))
    })
}

pub(crate) async fn serve_hyper<S, B>(service: S) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let (listener, addr) = listen().await;
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    addr
}

pub(crate) async fn serve_tonic<S, B>(service: S) -> SocketAddr
where
    S: Service<Request<::tonic::body::Body>, Response = Response<B>, Error = Infallible>,
    S: NamedService + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let (listener, addr) = listen().await;
    let incoming = TcpListenerStream::new(listener).map(|stream| {
        let stream = stream?;
        stream.set_nodelay(true).map(|()| stream)
    });
    tokio::spawn(async move {
        Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
    });
    addr
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

fn user_of(extensions: &http::Extensions) -> Option<String> {
    let session = extensions.get::<Session>().map(|session| session.user_id().to_string());
    session.or_else(|| extensions.get::<Claims>().map(|claims| claims.user_id().to_string()))
}

fn who_am_i<B>(request: &Request<B>) -> Response<Full<Bytes>> {
    let extensions = request.extensions();
    let answer = json!({
        "user": user_of(extensions),
        "session": extensions.get::<Session>(),
        "claims": extensions.get::<Claims>(),
        "stale": extensions.get::<Freshness>().map(Freshness::is_stale),
    });
    Response::new(Full::from(answer.to_string()))
}

pub(crate) struct WhoAmI(pub(crate) Reached);

#[tonic::async_trait]
impl Identity for WhoAmI {
    async fn who_am_i(
        &self,
        request: ::tonic::Request<WhoAmIRequest>,
    ) -> Result<::tonic::Response<WhoAmIReply>, Status> {
        self.0.note();
        let session = request.extensions().get::<Session>();
        Ok(::tonic::Response::new(WhoAmIReply {
            session_id: session.map(|session| session.id().to_string()).unwrap_or_default(),
            user_id: user_of(request.extensions()).unwrap_or_default(),
            status: session.map(|session| session.status().to_string()).unwrap_or_default(),
        }))
    }

    async fn sign_out(
        &self,
        _: ::tonic::Request<SignOutRequest>,
    ) -> Result<::tonic::Response<SignOutReply>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

impl Stack {
    pub(crate) fn new(
        name: &'static str,
        addr: SocketAddr,
        reached: Reached,
        is_grpc: bool,
    ) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).http2_only(is_grpc).build(connector);
        Self { name, addr, reached, is_grpc, client }
    }

    /// A request for who the caller is.
    pub(crate) fn request(&self) -> Request<Full<Bytes>> {
        let request = Request::builder();
        if self.is_grpc {
            request
                .method(Method::POST)
                .uri(format!("http://{}/tower_clerk.example.v1.Identity/WhoAmI", self.addr))
                .header(header::CONTENT_TYPE, "application/grpc")
                .header(header::TE, "trailers")
                .body(Full::from(Bytes::from_static(&[0, 0, 0, 0, 0])))
                .unwrap()
        } else {
            request.uri(format!("http://{}/me", self.addr)).body(Full::default()).unwrap()
        }
    }

    pub(crate) async fn bearer(&self, token: &str) -> Outcome {
        self.with(&[("authorization", format!("Bearer {token}").as_bytes())]).await
    }

    pub(crate) async fn with(&self, headers: &[(&str, &[u8])]) -> Outcome {
        self.ask(headers).await.outcome
    }

    pub(crate) async fn ask(&self, headers: &[(&str, &[u8])]) -> Answer {
        let mut request = self.request();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, HeaderValue::from_bytes(value).unwrap());
        }
        self.send(request).await
    }

    /// The same server, asked over connections that nothing else goes over.
    pub(crate) fn with_a_connection_of_its_own(&self) -> Self {
        Self::new(self.name, self.addr, self.reached.clone(), self.is_grpc)
    }

    /// The answer, unless the server cuts the connection.
    pub(crate) async fn try_send_raw(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        self.client.request(request).await
    }

    pub(crate) async fn send_raw(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        self.try_send_raw(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let response = self.send_raw(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap();
        let trailers = body.trailers().cloned();
        let body = body.to_bytes();
        let outcome = if self.is_grpc {
            grpc_outcome(&parts.headers, &body)
        } else {
            http_outcome(parts.status, &parts.headers, &body)
        };
        Answer { outcome, status: parts.status, headers: parts.headers, body, trailers }
    }
}

impl Answer {
    /// The `reason` in the problem details.
    pub(crate) fn reason(&self) -> String {
        let problem: Value = serde_json::from_slice(&self.body).unwrap();
        problem["reason"].as_str().unwrap().to_owned()
    }
}

fn http_outcome(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Outcome {
    match status {
        StatusCode::OK => {
            let answer: Value = serde_json::from_slice(body).unwrap();
            answer["user"].as_str().map_or(Outcome::Anonymous, admitted)
        }
        StatusCode::UNAUTHORIZED => challenged(headers),
        StatusCode::FORBIDDEN => Outcome::Forbidden,
        StatusCode::SERVICE_UNAVAILABLE => Outcome::Unavailable,
        StatusCode::INTERNAL_SERVER_ERROR => Outcome::Misconfigured,
        other => Outcome::Other(other),
    }
}

fn grpc_outcome(headers: &HeaderMap, body: &[u8]) -> Outcome {
    match headers.get("grpc-status").map(|code| code.to_str().unwrap()) {
        None => {
            let reply = <WhoAmIReply as prost::Message>::decode(&body[5..]).unwrap();
            if reply.user_id.is_empty() { Outcome::Anonymous } else { admitted(&reply.user_id) }
        }
        Some("16") => challenged(headers),
        Some("7") => Outcome::Forbidden,
        Some("14") => Outcome::Unavailable,
        Some("13") => Outcome::Misconfigured,
        Some(other) => panic!("grpc-status {other}"),
    }
}

fn challenged(headers: &HeaderMap) -> Outcome {
    match headers[header::WWW_AUTHENTICATE].to_str().unwrap() {
        "Bearer" => Outcome::Missing,
        challenge => {
            assert!(challenge.starts_with(r#"Bearer error="invalid_token", "#), "{challenge}");
            Outcome::Invalid
        }
    }
}
