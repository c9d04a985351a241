//! The client over a socket.

mod answers;
mod crowding;
mod events;
mod order;
mod patience;
mod secrecy;
mod turns;
mod wedge;
mod wire;

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Error, Quota, SessionsClient, SessionsClientBuilder,
    test_server::{Canned, TestServer},
};
use crate::{Instance, id::SessionId};

const SECRET: &str = "sk_test_hush";

fn builder(server: &TestServer) -> SessionsClientBuilder {
    SessionsClient::builder(&instance(server.origin()))
        .timeout(Duration::from_secs(20))
        .quota(Quota::Unlimited)
}

/// One whose API is served there.
fn instance(origin: impl AsRef<str>) -> Instance {
    let secret_key = SECRET.parse().unwrap();
    Instance::builder().secret_key(secret_key).api_url(origin).unwrap().build().unwrap()
}

async fn answering(answers: impl Into<Vec<Canned>>) -> (SessionsClient, TestServer) {
    let server = TestServer::start(answers.into()).await;
    (builder(&server).build().unwrap(), server)
}

fn id() -> SessionId {
    "sess_1".parse().unwrap()
}

fn session(id: &str, status: &str) -> Value {
    json!({
        "object": "session",
        "id": id,
        "user_id": "user_1",
        "client_id": "client_1",
        "status": status,
        "created_at": 1_700_000_000_000_u64,
        "updated_at": 1_700_000_000_000_u64,
        "last_active_at": 1_700_000_000_000_u64,
        "expire_at": 1_700_600_000_000_u64,
        "abandon_at": 1_702_600_000_000_u64,
    })
}

fn refusal(status: u16, headers: &str, code: &str) -> Canned {
    let error = json!({"message": "no", "long_message": "no, really", "code": code});
    Canned::json(status, headers, &json!({"errors": [error], "clerk_trace_id": "trace_1"}))
}

/// What comes of asking for a session and being answered so.
async fn get(answer: Canned) -> Error {
    let (client, _server) = answering([answer]).await;
    client.get(&id()).await.unwrap_err()
}
