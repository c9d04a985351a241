//! Two Clerk instances in one service: customers under `/shop`, staff under `/staff`, neither of whom gets in at the other's.
//!
//! Each instance is described once. From the environment they would be told apart by a prefix, `SHOP_CLERK_SECRET_KEY` and
//! `STAFF_CLERK_SECRET_KEY`; without such variables two emulators stand in for them.

#[expect(dead_code, reason = "the other examples use more of it")]
mod demo;

use std::{env, error::Error, process::ExitCode};

use axum::{Router, routing::get};
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
    let app = Router::new().nest("/shop", of(&shop.instance)?).nest("/staff", of(&staff.instance)?);
    axum::serve(listener, app).with_graceful_shutdown(demo::stopped()).await?;
    Ok(())
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
