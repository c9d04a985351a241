//! The layer in a gRPC server: `cargo run --all-features --example tonic`
//!
//! Without `CLERK_SECRET_KEY` it runs on an emulator of Clerk's API and prints a token to try.

mod demo;
#[rustfmt::skip]
#[expect(unreachable_pub, clippy::allow_attributes, reason = "generated code")]
#[path = "proto/identity.rs"]
mod identity;

use std::{error::Error, process::ExitCode};

use demo::Clerk;
use identity::{
    ReadReply, ReadRequest, SignOutReply, SignOutRequest, WhoAmIReply, WhoAmIRequest,
    identity_server::{Identity, IdentityServer},
    reports_server::{Reports, ReportsServer},
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};
use tower::Layer;
use tower_clerk::{Authorization, Rejection, SessionResolver, for_tonic::RequestExt};

#[tokio::main]
async fn main() -> ExitCode {
    demo::run(serve()).await
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let clerk = Clerk::from_env().await?;
    let listener = demo::listen("127.0.0.1:50051").await?;
    if let Some(emulator) = &clerk.emulator {
        println!("token: {}", demo::sign_in(emulator));
        // Of somebody who may not read reports.
        println!("outsider: {}", demo::sign_in_with(emulator, |_| {}));
    }

    let identity = IdentityServer::new(Members { resolver: clerk.resolver.clone() });
    let readers = Authorization::permission("org:reports:read")?;
    let reports = ReportsServer::new(Archive { readers });
    let (health_reporter, health) = tonic_health::server::health_reporter();
    health_reporter.set_serving::<IdentityServer<Members>>().await;

    Server::builder()
        .add_service(clerk.layer()?.layer(identity))
        .add_service(clerk.layer()?.layer(reports))
        .add_service(health)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), demo::stopped())
        .await?;
    Ok(())
}

struct Members {
    resolver: SessionResolver,
}

#[tonic::async_trait]
impl Identity for Members {
    async fn who_am_i(
        &self,
        request: Request<WhoAmIRequest>,
    ) -> Result<Response<WhoAmIReply>, Status> {
        let session = request.session()?;
        Ok(Response::new(WhoAmIReply {
            session_id: session.id().to_string(),
            user_id: session.user_id().to_string(),
            status: session.status().to_string(),
        }))
    }

    async fn sign_out(
        &self,
        request: Request<SignOutRequest>,
    ) -> Result<Response<SignOutReply>, Status> {
        let session = request.session()?;
        match self.resolver.revoke(session.id()).await {
            Ok(_) => Ok(Response::new(SignOutReply {})),
            Err(error) if error.is_not_found() => Ok(Response::new(SignOutReply {})),
            Err(error) => Err(Rejection::from(error).into()),
        }
    }
}

struct Archive {
    readers: Authorization,
}

#[tonic::async_trait]
impl Reports for Archive {
    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<ReadReply>, Status> {
        let claims = request.require(&self.readers)?;
        let text = format!("all is well, {}", claims.user_id());
        Ok(Response::new(ReadReply { text }))
    }
}
