//! What callers see of the layer, over sockets, while Clerk is silent, slow, or besieged.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod keys;
mod load;
mod neighbours;
mod sessions;
#[expect(dead_code, reason = "the other tests ask for more")]
#[path = "../authenticate/stacks.rs"]
mod stacks;
mod stale;
mod tarpit;

use std::time::Duration;

use tower_clerk::{
    AuthenticateLayer, SessionId, SessionResolver, SessionsClient, client::Quota,
    testing::SessionsApi,
};

use stacks::Stack;

/// Ample for whatever should not have to wait.
const SOON: Duration = Duration::from_secs(5);

/// A resolver of the emulator's sessions whose client waits for so long.
fn resolver_within(timeout: Duration, quota: Quota, clerk: &SessionsApi) -> SessionResolver {
    let client =
        SessionsClient::builder(&clerk.instance()).quota(quota).timeout(timeout).build().unwrap();
    let builder = SessionResolver::builder(&clerk.instance()).client(client).clock(clerk.clock());
    builder.build().unwrap()
}

async fn stacks_of(resolver: &SessionResolver) -> [Stack; 3] {
    stacks::all(&AuthenticateLayer::new(resolver.clone()).unwrap()).await
}

/// A token that no clock in these tests outlives.
fn lasting_token(clerk: &SessionsApi, session: &SessionId) -> String {
    clerk.mint(session).expires_in(Duration::from_secs(7 * 24 * 3600)).sign()
}
