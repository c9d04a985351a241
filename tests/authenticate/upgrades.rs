//! Connections that become something else come through a miss unharmed.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::ServiceBuilder;
use tower_clerk::{
    AuthenticateLayer, Session,
    testing::{Operation, SessionsApi},
};

/// A server whose connections become echoes of whoever may, one at a time.
async fn echoes(layer: AuthenticateLayer) -> SocketAddr {
    let service = ServiceBuilder::new().layer(layer).concurrency_limit(1).service_fn(
        async |mut request: Request<Incoming>| {
            let user = request.extensions().get::<Session>().unwrap().user_id().to_string();
            let upgrading = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut stream = TokioIo::new(upgrading.await.unwrap());
                stream.write_all(user.as_bytes()).await.unwrap();
                let (mut read, mut write) = tokio::io::split(stream);
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
            let mut response = Response::new(Full::<Bytes>::default());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response.headers_mut().insert(header::UPGRADE, "echo".parse().unwrap());
            response.headers_mut().insert(header::CONNECTION, "upgrade".parse().unwrap());
            Ok::<_, Infallible>(response)
        },
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
            });
        }
    });
    addr
}

#[tokio::test]
async fn a_connection_is_upgraded_for_who_is_known_and_for_who_had_to_be_asked_for() {
    let clerk = SessionsApi::start().await;
    let token = clerk.token(&clerk.sign_in("user_ada"));
    let addr = echoes(AuthenticateLayer::new(clerk.resolver()).unwrap()).await;
    for time in ["a miss", "a hit"] {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let request = format!(
            "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\
             authorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut seen = String::new();
        while !seen.ends_with("\r\n\r\nuser_ada") {
            let mut more = [0; 512];
            let length = stream.read(&mut more).await.unwrap();
            assert!(length > 0, "{time}: {seen}");
            seen.push_str(std::str::from_utf8(&more[..length]).unwrap());
        }
        assert!(seen.starts_with("HTTP/1.1 101"), "{time}: {seen}");
        stream.write_all(b"hello").await.unwrap();
        let mut echo = [0; 5];
        stream.read_exact(&mut echo).await.unwrap();
        assert_eq!(&echo, b"hello", "{time}");
    }
    assert_eq!(clerk.requests().count(Operation::Get), 1);
}
