//! What was sent, and what came of it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::StatusCode;
use tokio::sync::watch;

/// How many messages are remembered.
const REMEMBERED: usize = 1_000;

/// A webhook, from [`SessionsApi::sent_webhooks`](super::SessionsApi::sent_webhooks).
#[derive(Debug, Clone)]
pub struct SentWebhook {
    id: String,
    kind: &'static str,
    answers: Vec<Option<StatusCode>>,
}

impl SentWebhook {
    /// The message's identifier (`svix-id`).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it tells, such as `session.ended`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.kind
    }

    /// How each attempt was answered, `None` where it was not.
    #[must_use]
    pub fn answers(&self) -> &[Option<StatusCode>] {
        &self.answers
    }
}

/// What was sent so far, and how many deliveries are under way. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Log(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sent: Mutex<VecDeque<SentWebhook>>,
    under_way: watch::Sender<usize>,
}

impl Default for Log {
    fn default() -> Self {
        Self(Arc::new(Inner { sent: Mutex::default(), under_way: watch::Sender::new(0) }))
    }
}

impl Log {
    pub(super) fn announced(&self, id: &str, kind: &'static str) {
        let mut sent = self.lock();
        if sent.len() == REMEMBERED {
            sent.pop_front();
        }
        sent.push_back(SentWebhook { id: id.to_owned(), kind, answers: Vec::new() });
    }

    pub(super) fn answered(&self, id: &str, status: Option<StatusCode>) {
        if let Some(message) = self.lock().iter_mut().rev().find(|message| message.id == id) {
            message.answers.push(status);
        }
    }

    pub(super) fn sent(&self) -> Vec<SentWebhook> {
        self.lock().iter().cloned().collect()
    }

    pub(super) fn expect_delivery(&self) {
        self.0.under_way.send_modify(|count| *count += 1);
    }

    /// One delivery less is under way: it has succeeded or was given up.
    pub(super) fn delivered(&self) {
        self.0.under_way.send_modify(|count| *count = count.saturating_sub(1));
    }

    pub(super) async fn settled(&self) {
        let mut under_way = self.0.under_way.subscribe();
        // The sender is ours, so it cannot be gone.
        let _ = under_way.wait_for(|count| *count == 0).await;
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<SentWebhook>> {
        self.0.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
