//! Connections that stay open and swallow what is sent.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Instant,
};

use super::*;
use crate::{
    client::{PublicKeys, transport::robust},
    dns::Resolver,
    frontend_api::FrontendApi,
};

#[tokio::test]
async fn a_silent_http2_connection_costs_one_time_out_at_most() {
    let wire = Wire::start(Protocol::Http2).await;
    let client = wire.client(|http| http.http2_prior_knowledge());
    client.get(&id()).await.unwrap();
    assert_eq!(wire.connections(), 1);

    wire.wedge();
    let begun = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..10 {
        let client = client.clone();
        calls.spawn(async move { client.get(&id()).await });
    }
    let answered = calls.join_all().await.iter().filter(|result| result.is_ok()).count();
    // Those that hang are repeated over connections of their own, while the budget lasts.
    assert!(answered >= 8, "{answered}");
    assert!(begun.elapsed() < Duration::from_millis(3500), "{:?}", begun.elapsed());
    while begun.elapsed() < Duration::from_millis(3500) {
        drop(client.get(&id()).await);
    }
    for _ in 0..5 {
        let asked = Instant::now();
        client.get(&id()).await.unwrap();
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn so_it_is_where_keys_are_fetched_from_the_frontend_api() {
    let wire = Wire::start(Protocol::Http2).await;
    let frontend_api = format!("http://{}", wire.address).parse().unwrap();
    let frontend_api = FrontendApi::new(&frontend_api, true).unwrap();
    let http = robust(&Resolver::system()).http2_prior_knowledge();
    let keys = PublicKeys::with(frontend_api, http).unwrap();
    // There are none in the answer, but an answer it is.
    let is_answered = async || !keys.fetch().await.unwrap_err().is_timeout();
    assert!(is_answered().await);

    wire.wedge();
    let begun = Instant::now();
    assert!(!is_answered().await);
    while begun.elapsed() < Duration::from_millis(3500) {
        is_answered().await;
    }
    assert!(is_answered().await);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn without_pings_a_silent_http2_connection_stays() {
    let wire = Wire::start(Protocol::Http2).await;
    let client = wire.client(|http| http.http2_prior_knowledge().http2_keep_alive_interval(None));
    client.get(&id()).await.unwrap();
    wire.wedge();
    for _ in 0..3 {
        let asked = Instant::now();
        // The repeat saves it, but the next one goes the same way.
        client.get(&id()).await.unwrap();
        assert!(asked.elapsed() > Duration::from_millis(1900), "{:?}", asked.elapsed());
    }
}

#[tokio::test]
async fn a_question_that_hangs_is_asked_again_over_a_new_connection() {
    let wire = Wire::start(Protocol::Http1).await;
    let client = wire.client(|http| http);
    client.get(&id()).await.unwrap();
    wire.wedge();
    let asked = Instant::now();
    client.get(&id()).await.unwrap();
    assert!(asked.elapsed() < Duration::from_millis(2900), "{:?}", asked.elapsed());
    assert_eq!(wire.connections(), 2);
}

#[tokio::test]
async fn nobody_is_locked_in_by_a_silent_connection() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let wire = Wire::start(protocol).await;
        let client = wire.client(move |http| match protocol {
            Protocol::Http1 => http,
            Protocol::Http2 => http.http2_prior_knowledge(),
        });
        client.get(&id()).await.unwrap();
        wire.wedge();
        client.revoke(&id()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_not_to_be_done_twice_is_waited_for() {
    let wire = Wire::start(Protocol::Http1).await;
    let client = wire.client(|http| http);
    client.get(&id()).await.unwrap();
    wire.wedge();
    let asked = Instant::now();
    assert!(client.verify_session(&id(), None).await.unwrap_err().is_timeout());
    assert!(asked.elapsed() >= Duration::from_secs(3), "{:?}", asked.elapsed());
    assert_eq!(wire.connections(), 1);
}

#[tokio::test]
async fn a_slow_clerk_is_waited_for_where_there_is_no_time_for_another_question() {
    let wire = Wire::start(Protocol::Http1).await;
    wire.answer_after(Duration::from_millis(1700));
    let client = SessionsClient::builder(&instance(format!("http://{}", wire.address)))
        .timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    client.get(&id()).await.unwrap();
    assert_eq!(wire.connections(), 1);
}

#[derive(Debug, Clone, Copy)]
enum Protocol {
    Http1,
    Http2,
}

/// A server behind a wire that can be cut such that neither end notices.
struct Wire {
    address: SocketAddr,
    /// Connections up to this one swallow what is sent.
    wedged: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    delay: Arc<AtomicUsize>,
    // Aborted on drop.
    _tasks: JoinSet<()>,
}

impl Wire {
    async fn start(protocol: Protocol) -> Self {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let behind = server.local_addr().unwrap();
        let address = proxy.local_addr().unwrap();
        let wedged = Arc::<AtomicUsize>::default();
        let connections = Arc::<AtomicUsize>::default();
        let delay = Arc::<AtomicUsize>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(server, protocol, Arc::clone(&delay)));
        let (count, limit) = (Arc::clone(&connections), Arc::clone(&wedged));
        tasks.spawn(async move {
            let mut wires = JoinSet::new();
            while let Ok((near, _)) = proxy.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                let far = TcpStream::connect(behind).await.unwrap();
                let ((near_read, near_write), (far_read, far_write)) =
                    (near.into_split(), far.into_split());
                wires.spawn(carry(near_read, far_write, number, Arc::clone(&limit)));
                wires.spawn(carry(far_read, near_write, number, Arc::clone(&limit)));
            }
        });
        Self { address, wedged, connections, delay, _tasks: tasks }
    }

    fn client(
        &self,
        adjust: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static,
    ) -> SessionsClient {
        let instance = instance(format!("http://{}", self.address));
        SessionsClient::builder(&instance).http(adjust).build().unwrap()
    }

    /// What there are of connections are silent from now on. New ones are well.
    fn wedge(&self) {
        self.wedged.store(self.connections(), Ordering::SeqCst);
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn answer_after(&self, delay: Duration) {
        self.delay.store(usize::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

async fn carry(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    number: usize,
    wedged: Arc<AtomicUsize>,
) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let is_wedged = number <= wedged.load(Ordering::SeqCst);
        if !is_wedged && to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
    // The other end is not told of a wedged connection's end.
    if number <= wedged.load(Ordering::SeqCst) {
        std::future::pending().await
    }
}

async fn serve(listener: TcpListener, protocol: Protocol, delay: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let delay = Arc::clone(&delay);
        let answer = service_fn(move |request: Request<Incoming>| {
            let delay = delay.load(Ordering::SeqCst);
            async move {
                tokio::time::sleep(Duration::from_millis(u64::try_from(delay).unwrap())).await;
                let revokes = request.uri().path().ends_with("/revoke");
                let status = if revokes { "revoked" } else { "active" };
                Response::builder()
                    .header("content-type", "application/json")
                    .body(Full::new(Bytes::from(session("sess_1", status).to_string())))
            }
        });
        let stream = TokioIo::new(stream);
        connections.spawn(async move {
            // How a connection ends is not what is tested.
            match protocol {
                Protocol::Http1 => drop(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(stream, answer)
                        .await,
                ),
                Protocol::Http2 => drop(
                    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(stream, answer)
                        .await,
                ),
            }
        });
    }
}
