//! Processes of a fleet, each of its own: whoever starts them is started again by itself, and tells them what to do.
//!
//! They talk in lines over a socket. A process that is told of a session asks for it on and on, and says when it was first
//! admitted, when it was first refused, and whatever should not have happened. It is a server besides, which takes Clerk's
//! webhooks and has streams that end with their sessions.

mod load;
mod member;
mod served;
mod started;
mod streams;

use std::time::Duration;

use tower_clerk::{SessionId, testing::SessionsApi};

pub(crate) use self::{
    member::serve_if_told,
    started::{Delay, Processes},
    streams::Streams,
};

/// Where a process of the fleet is told what to do.
const ADDRESS: &str = "TOWER_CLERK_FLEET_ADDRESS";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// What webhooks are signed with.
const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

fn token(clerk: &SessionsApi, session: &SessionId) -> String {
    clerk.mint(session).expires_in(Duration::from_secs(60 * 60)).sign()
}
