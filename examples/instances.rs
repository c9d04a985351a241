//! Two Clerk instances in one service: customers under `/shop`, staff under `/staff`, neither of whom gets in at the other's:
//! `cargo run --all-features --example instances`
//!
//! They are told apart by host as well: `http://shop.localhost:3002/me`, `http://staff.localhost:3002/me`.
//!
//! Each instance is described once. From the environment they would be told apart by a prefix, `SHOP_CLERK_SECRET_KEY` and
//! `STAFF_CLERK_SECRET_KEY`; without such variables two emulators stand in for them.

#[expect(dead_code, reason = "the other examples use more of it")]
mod demo;

use std::{env, error::Error, process::ExitCode};

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header::HOST},
    response::{IntoResponse, Response},
    routing::get,
};
use tower::ServiceExt;
use tower_clerk::{
    AuthenticateLayer, ConfigError, Instance, Session, SessionResolver, testing::SessionsApi,
};

#[tokio::main]
async fn main() -> ExitCode {
    demo::run(serve()).await
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let listener = demo::listen("127.0.0.1:3002").await?;
    let (shop, staff) = (Clerk::of("SHOP").await?, Clerk::of("STAFF").await?);
    let instances = Instances { shop: of(&shop.instance)?, staff: of(&staff.instance)? };
    let app = Router::new()
        .nest("/shop", instances.shop.clone())
        .nest("/staff", instances.staff.clone())
        .fallback(move |request| by_host(instances, request));
    axum::serve(listener, app).with_graceful_shutdown(demo::stopped()).await?;
    Ok(())
}

#[derive(Clone)]
struct Instances {
    shop: Router,
    staff: Router,
}

/// What is below no path of an instance's is for the one whose host is asked.
async fn by_host(instances: Instances, request: Request) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    // Over HTTP/2 it is part of the URI.
    let host = request.uri().host().or(host).unwrap_or_default();
    let Instances { shop, staff } = instances;
    let Ok(response) = match host.split('.').next() {
        Some("shop") => shop.oneshot(request).await,
        Some("staff") => staff.oneshot(request).await,
        _ => Ok(StatusCode::NOT_FOUND.into_response()),
    };
    response
}

/// A service for the users of this instance.
fn of(instance: &Instance) -> Result<Router, ConfigError> {
    let layer = AuthenticateLayer::new(SessionResolver::new(instance)?)?;
    let me = async |session: Session| session.user_id().to_string();
    Ok(Router::new().route("/me", get(me)).layer(layer))
}

struct Clerk {
    instance: Instance,
    _emulator: Option<SessionsApi>,
}

impl Clerk {
    async fn of(prefix: &str) -> Result<Self, ConfigError> {
        let variable = |name: &str| env::var(format!("{prefix}_{name}")).ok();
        if variable("CLERK_SECRET_KEY").is_some() {
            return Ok(Self { instance: Instance::from_lookup(variable)?, _emulator: None });
        }
        let emulator = SessionsApi::start().await;
        println!("{prefix} token: {}", demo::sign_in(&emulator));
        Ok(Self { instance: emulator.instance(), _emulator: Some(emulator) })
    }
}
