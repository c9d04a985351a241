//! Clerk's webhooks at the service that takes them: signed by the emulator, over sockets, on axum and on hyper.

mod answers;
mod events;
mod forged;

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_clerk::{
    AnswerBody, Credential, Policy, ReceiveWebhooks, SessionCheck, SessionId, SessionResolver,
    testing::{SessionsApi, sign_webhook},
};

use crate::stacks;

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const CHECKS: [SessionCheck; 3] =
    [SessionCheck::Get, SessionCheck::Verify, SessionCheck::Networkless];

/// Clerk, a resolver, and where it takes webhooks.
struct World {
    clerk: SessionsApi,
    resolver: SessionResolver,
    url: String,
    events: Arc<AtomicUsize>,
}

impl World {
    /// One on each stack.
    async fn of_each_stack(check: SessionCheck) -> [Self; 2] {
        let [axum, hyper] = [Self::new(check).await, Self::new(check).await];
        let receiver = axum.receiver();
        let app = axum::Router::new().route_service("/webhooks/clerk", receiver);
        let axum = axum.listening(stacks::serve_axum(app).await);
        let receiver = hyper.receiver();
        [axum, hyper.listening(stacks::serve_hyper(receiver).await)]
    }

    async fn on_axum(check: SessionCheck) -> Self {
        let [axum, _] = Self::of_each_stack(check).await;
        axum
    }

    async fn new(check: SessionCheck) -> Self {
        let clerk = SessionsApi::start().await;
        let resolver = clerk.resolver_builder().check(check).build().unwrap();
        Self { clerk, resolver, url: String::new(), events: Arc::default() }
    }

    fn receiver(&self) -> ReceiveWebhooks {
        let events = Arc::clone(&self.events);
        receiver(&self.resolver).and_then(move |_| {
            events.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Ok::<_, Infallible>(()))
        })
    }

    fn listening(self, addr: std::net::SocketAddr) -> Self {
        let url = format!("http://{addr}/webhooks/clerk");
        self.clerk.webhooks(&url, SECRET);
        Self { url, ..self }
    }

    /// A session, and a token that is good for hours.
    async fn sign_in(&self, user: &str) -> (SessionId, String) {
        let session = self.clerk.sign_in(user);
        let token = self.long_lived(&session);
        self.clerk.webhooks_delivered().await;
        (session, token)
    }

    fn long_lived(&self, session: &SessionId) -> String {
        self.clerk.mint(session).expires_in(Duration::from_secs(24 * 3600)).sign()
    }

    async fn admits(&self, token: &str) -> bool {
        self.refusal(token).await.is_none()
    }

    async fn refusal(&self, token: &str) -> Option<&'static str> {
        let credential = Credential::session_token(token.as_bytes());
        let answer = self.resolver.resolve(credential, &Policy::new()).await;
        answer.err().map(|refused| refused.reason())
    }

    fn signed(&self, body: &str) -> HeaderMap {
        signed(&self.clerk, body)
    }

    async fn post(&self, headers: HeaderMap, body: impl Into<reqwest::Body>) -> reqwest::Response {
        let http = reqwest::Client::new();
        http.post(&self.url).headers(headers).body(body).send().await.unwrap()
    }
}

fn receiver(resolver: &SessionResolver) -> ReceiveWebhooks {
    ReceiveWebhooks::new(resolver.clone(), SECRET.parse().unwrap())
}

fn signed(clerk: &SessionsApi, body: &str) -> HeaderMap {
    sign_webhook(&SECRET.parse().unwrap(), "msg_1", clerk.clock().now(), body.as_bytes())
}

fn event(kind: &str, data: &Value) -> String {
    json!({ "object": "event", "type": kind, "data": data }).to_string()
}

/// What a receiver answers to a genuine message, without a socket.
async fn answer(
    receiver: &ReceiveWebhooks,
    clerk: &SessionsApi,
    body: &str,
) -> Response<AnswerBody> {
    let mut request = Request::new(Full::<Bytes>::from(body.to_owned()));
    *request.method_mut() = Method::POST;
    *request.headers_mut() = signed(clerk, body);
    receiver.clone().oneshot(request).await.unwrap()
}

async fn text(response: Response<AnswerBody>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// How the latest webhook was answered.
fn last_answers(clerk: &SessionsApi) -> Vec<StatusCode> {
    let sent = clerk.sent_webhooks();
    sent.last().unwrap().answers().iter().map(|answer| answer.unwrap()).collect()
}
