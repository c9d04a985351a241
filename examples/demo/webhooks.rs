//! Clerk's webhooks, where the secret of their endpoint is known. The emulator sends them by itself.

use std::{
    env,
    hash::{BuildHasher, Hasher, RandomState},
};

use axum::Router;
use tower_clerk::{ConfigError, ReceiveWebhooks};

use crate::demo::Clerk;

const PATH: &str = "/webhooks/clerk";

/// What takes webhooks at this address, outside of the layer: Clerk has no session.
pub(crate) fn receive(clerk: &Clerk, addr: &str) -> Result<Router, ConfigError> {
    let resolver = clerk.resolver.clone();
    let webhooks = if let Some(emulator) = &clerk.emulator {
        let secret = made_up_secret();
        emulator.webhooks(&format!("http://{addr}{PATH}"), &secret);
        ReceiveWebhooks::new(resolver, secret.parse()?)
    } else if env::var_os("CLERK_WEBHOOK_SIGNING_SECRET").is_some() {
        ReceiveWebhooks::from_env(resolver)?
    } else {
        return Ok(Router::new());
    };
    Ok(Router::new().route_service(PATH, webhooks))
}

/// 24 bytes in base64, which nobody else knows.
fn made_up_secret() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("whsec_{:016x}{:016x}", random(), random())
}
