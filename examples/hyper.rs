//! The layer without a framework: `cargo run --all-features --example hyper`
//!
//! Without `CLERK_SECRET_KEY` it runs on an emulator of Clerk's API and prints a token to try.

mod demo;

use std::{convert::Infallible, error::Error, process::ExitCode};

use bytes::Bytes;
use demo::Clerk;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use serde_json::json;
use tower::{Service, ServiceBuilder, service_fn};
use tower_clerk::{Claims, RevokeSession, Session};

#[tokio::main]
async fn main() -> ExitCode {
    demo::run(serve()).await
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let clerk = Clerk::from_env().await?;
    let listener = demo::listen("127.0.0.1:3001").await?;
    if let Some(emulator) = &clerk.emulator {
        println!("token: {}", demo::sign_in(emulator));
    }

    let sign_out = RevokeSession::new(clerk.resolver.clone());
    let service = ServiceBuilder::new()
        .layer(clerk.layer()?)
        .service(service_fn(move |request| route(request, sign_out.clone())));

    let connections = async {
        loop {
            let (stream, _) = listener.accept().await?;
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
                    eprintln!("connection: {error}");
                }
            });
        }
    };
    tokio::select! {
        ended = connections => ended,
        () = demo::stopped() => Ok(()),
    }
}

type Body = BoxBody<Bytes, Infallible>;

async fn route(
    request: Request<Incoming>,
    mut sign_out: RevokeSession,
) -> Result<Response<Body>, Infallible> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/me") => Ok(me(&request)),
        (_, "/sign-out") => Ok(sign_out.call(request).await?.map(BoxBody::new)),
        _ => Ok(text(StatusCode::NOT_FOUND, "text/plain", "no such page\n".to_owned())),
    }
}

fn me(request: &Request<Incoming>) -> Response<Body> {
    let session = request.extensions().get::<Session>();
    let claims = request.extensions().get::<Claims>();
    let me = json!({ "session": session, "claims": claims });
    text(StatusCode::OK, "application/json", me.to_string())
}

fn text(status: StatusCode, content_type: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Full::from(text).boxed());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}
