//! Delivering messages: in their order, again if need be, and not for ever.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use reqwest::{Client, Url, redirect};
use tokio::{sync::mpsc::UnboundedReceiver, time::sleep};

use super::{Message, fault::Way, sent::Log, sign_webhook};
use crate::{WebhookSecret, clock::Clock};

/// How long an endpoint may take, as Clerk's sender has it.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long after a failure a message is tried again. Clerk's sender waits for seconds, minutes and hours.
const AGAIN_AFTER: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// Where messages go.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    http: Client,
    url: Url,
    secret: WebhookSecret,
    clock: Clock,
    log: Log,
}

pub(in crate::testing) fn parse_url(url: &str) -> Option<Url> {
    Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

impl Endpoint {
    /// # Panics
    ///
    /// Panics where the system has no room for another HTTP client.
    pub(super) fn new(url: Url, secret: WebhookSecret, clock: Clock, log: Log) -> Self {
        let http = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .user_agent("Svix-Webhooks/emulator")
            .build()
            .expect("an HTTP client can be built");
        Self { http, url, secret, clock, log }
    }

    /// Delivers messages until nobody sends any.
    pub(super) async fn deliver(self, mut messages: UnboundedReceiver<Message>) {
        while let Some(message) = messages.recv().await {
            match message.way {
                Way::Late(by) => {
                    let endpoint = self.clone();
                    tokio::spawn(async move {
                        sleep(by).await;
                        endpoint.send(message).await;
                    });
                }
                _ => self.send(message).await,
            }
        }
    }

    /// Tries once, and leaves it to a task of its own to try again.
    async fn send(&self, message: Message) {
        let mut is_delivered = self.attempt(&message).await;
        if let Way::Repeated(times) = message.way {
            for _ in 0..times {
                is_delivered |= self.attempt(&message).await;
            }
        }
        if is_delivered {
            return self.log.delivered();
        }
        let endpoint = self.clone();
        tokio::spawn(async move {
            for after in AGAIN_AFTER {
                sleep(after).await;
                if endpoint.attempt(&message).await {
                    break;
                }
            }
            endpoint.log.delivered();
        });
    }

    /// Signs the message for now, sends it, and says whether it was taken.
    async fn attempt(&self, message: &Message) -> bool {
        let headers = sign_webhook(&self.secret, &message.id, self.clock.now(), &message.body);
        let request = self
            .http
            .post(self.url.clone())
            .headers(headers)
            .header(CONTENT_TYPE, "application/json")
            .body(message.body.clone());
        let status = request.send().await.ok().map(|answer| answer.status());
        self.log.answered(&message.id, status);
        status.is_some_and(|status| status.is_success())
    }
}
