//! Webhooks, as Clerk sends them when something happens to a session, a user or a membership.

mod delivery;
mod fault;
mod payload;
mod sent;

use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

pub(super) use self::delivery::parse_url;
pub(super) use self::payload::{Event, membership, session, user, user_is_gone};
use self::{delivery::Endpoint, fault::WebhookFaults, sent::Log};
pub use self::{fault::WebhookFault, sent::SentWebhook};
use super::SessionsApi;
use crate::{WebhookSecret, webhook::sign};

impl SessionsApi {
    /// Sends what happens from now on to this URL too, signed with this secret (`whsec_…`), as Clerk does for an
    /// endpoint that is set up in its dashboard.
    ///
    /// An event is sent when a session begins, becomes pending or active, is revoked, ended or removed, when a
    /// user is [deleted](Self::delete_user) or [banned](Self::ban_user), and when a
    /// [role](Self::change_role) or a [membership](Self::remove_member) changes; none when a session expires, is
    /// abandoned or is replaced, since Clerk sends none. What is not answered with a 2xx within 15 s is tried again,
    /// five times in all within five seconds. Messages are sent one after the other, those that are tried again
    /// whenever their time has come. All of it ends with the emulator.
    ///
    /// ```
    /// # use tower_clerk::testing::SessionsApi;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let api = SessionsApi::start().await;
    /// api.webhooks("http://127.0.0.1:9/webhooks", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
    /// let session = api.sign_in("user_1");
    /// api.set_status(&session, "ended");
    /// let sent = api.sent_webhooks();
    /// assert_eq!(sent[1].kind(), "session.ended");
    /// # });
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the URL is none that HTTP can reach, or the secret is none.
    pub fn webhooks(&self, url: &str, secret: &str) {
        let url = parse_url(url).expect("webhooks are sent to an http or https URL");
        let secret =
            secret.parse().expect("the secret of webhooks is whsec_ and 24 bytes in base64");
        self.connect(url, secret);
    }

    pub(super) fn connect(&self, url: reqwest::Url, secret: WebhookSecret) {
        let mut state = self.state();
        let endpoint = Endpoint::new(url, secret, self.clock(), state.webhooks.log.clone());
        self.server.runtime.spawn(endpoint.deliver(state.webhooks.add_endpoint()));
    }

    /// Makes webhooks go astray from now on.
    pub fn fail_webhooks(&self, fault: WebhookFault) {
        self.state().webhooks.fail(fault);
    }

    /// The latest 1,000 messages, oldest first, those included that were lost on purpose.
    #[must_use]
    pub fn sent_webhooks(&self) -> Vec<SentWebhook> {
        self.state().webhooks.log.sent()
    }

    /// Waits until every message was delivered or given up. One that is [held back](WebhookFault::after_next) is not
    /// waited for.
    pub async fn webhooks_delivered(&self) {
        let log = self.state().webhooks.log.clone();
        log.settled().await;
    }
}

/// The headers of a message that Clerk would send with this body, for a request of your own.
///
/// ```
/// use std::time::SystemTime;
/// use tower_clerk::{testing::sign_webhook, webhook::{WebhookSecret, WebhookVerifier}};
///
/// let secret: WebhookSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX".parse()?;
/// let body = r#"{"type": "session.ended", "data": {"id": "sess_1"}}"#;
/// let headers = sign_webhook(&secret, "msg_1", SystemTime::now(), body.as_bytes());
/// let event = WebhookVerifier::new(secret).verify(&headers, body.as_bytes())?;
/// assert_eq!(event.session_id().unwrap().as_str(), "sess_1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// Panics if the identifier cannot be a header's value.
#[must_use]
pub fn sign_webhook(secret: &WebhookSecret, id: &str, at: SystemTime, body: &[u8]) -> HeaderMap {
    let seconds = super::session::millis(at) / 1000;
    let signature = sign(secret, id, seconds, body);
    let mut headers = HeaderMap::new();
    headers.insert("svix-id", id.parse().expect("an identifier is visible ASCII"));
    headers.insert("svix-timestamp", seconds.into());
    headers.insert("svix-signature", signature.parse().expect("base64 is visible ASCII"));
    headers
}

/// What is to be sent, and to whom.
#[derive(Debug, Default)]
pub(super) struct Webhooks {
    endpoints: Vec<UnboundedSender<Message>>,
    faults: WebhookFaults,
    held: Vec<Message>,
    log: Log,
}

/// A message on its way to an endpoint.
#[derive(Debug, Clone)]
struct Message {
    id: String,
    body: Bytes,
    way: fault::Way,
}

impl Webhooks {
    pub(super) fn is_idle(&self) -> bool {
        self.endpoints.is_empty()
    }

    fn add_endpoint(&mut self) -> UnboundedReceiver<Message> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.endpoints.push(sender);
        receiver
    }

    /// Sends a message of this identifier to everybody.
    pub(super) fn send(&mut self, id: String, kind: &'static str, body: &Value) {
        let way = self.faults.strike();
        self.log.announced(&id, kind);
        let message = Message { id, body: body.to_string().into(), way };
        match message.way {
            fault::Way::Lost => {}
            fault::Way::AfterNext => self.held.push(message),
            _ => {
                self.hand_over(&message);
                self.release();
            }
        }
    }

    pub(super) fn fail(&mut self, fault: WebhookFault) {
        self.faults.set(fault);
    }

    /// Takes the faults back, and sends what was held back.
    pub(super) fn clear_faults(&mut self) {
        self.faults = WebhookFaults::default();
        self.release();
    }

    fn release(&mut self) {
        for message in std::mem::take(&mut self.held) {
            self.hand_over(&message);
        }
    }

    fn hand_over(&self, message: &Message) {
        for endpoint in &self.endpoints {
            self.log.expect_delivery();
            if endpoint.send(message.clone()).is_err() {
                self.log.delivered();
            }
        }
    }
}
