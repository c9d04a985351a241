//! HTTP and gRPC on one port, behind one layer, which answers each in its own protocol:
//! `cargo run --all-features --example one_port`
//!
//! In a service of your own it takes axum's feature `http2`, since gRPC is HTTP/2.

mod demo;
#[rustfmt::skip]
#[expect(unreachable_pub, clippy::allow_attributes, reason = "generated code")]
#[path = "proto/identity.rs"]
mod identity;

use std::{error::Error, process::ExitCode};

use axum::{Router, routing::get};
use demo::Clerk;
use identity::{
    ReadReply, ReadRequest,
    reports_server::{Reports, ReportsServer},
};
use tonic::{Request, Response, Status, server::NamedService};
use tower_clerk::{Session, for_tonic::RequestExt};

#[tokio::main]
async fn main() -> ExitCode {
    demo::run(serve()).await
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let clerk = Clerk::from_env().await?;
    let listener = demo::listen("127.0.0.1:3006").await?;
    if let Some(emulator) = &clerk.emulator {
        println!("token: {}", demo::sign_in(emulator));
    }

    // The methods of a service are paths below its name. So an unknown path is 404 to both.
    let methods = format!("/{}/{{method}}", ReportsServer::<Archive>::NAME);
    let app = Router::new()
        .route("/me", get(async |session: Session| session.user_id().to_string()))
        .route_service(&methods, ReportsServer::new(Archive))
        .route_layer(clerk.layer()?);
    axum::serve(listener, app).with_graceful_shutdown(demo::stopped()).await?;
    Ok(())
}

struct Archive;

#[tonic::async_trait]
impl Reports for Archive {
    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<ReadReply>, Status> {
        let text = format!("all is well, {}", request.session()?.user_id());
        Ok(Response::new(ReadReply { text }))
    }
}
