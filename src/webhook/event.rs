//! A verified event.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::de::DeserializeOwned;

use super::{EventKind, WebhookError, payload::Payload, signature::Signed};
use crate::{
    claims::member,
    id::{OrganizationId, SessionId, UserId},
};

/// An event that Clerk has sent and signed, from [`WebhookVerifier::verify`](super::WebhookVerifier::verify).
///
/// A handle: cloning is one atomic increment. `Debug` prints who it is about and not the payload, which may tell
/// everything of a user.
#[derive(Clone)]
pub struct WebhookEvent(Arc<Inner>);

struct Inner {
    id: Box<str>,
    sent_at: SystemTime,
    payload: Payload,
    json: Box<str>,
}

impl WebhookEvent {
    pub(super) fn read(signed: &Signed<'_>, body: &[u8]) -> Result<Self, WebhookError> {
        let json = str::from_utf8(body).map_err(|_| WebhookError::payload("type"))?;
        Ok(Self(Arc::new(Inner {
            id: signed.id.into(),
            sent_at: SystemTime::UNIX_EPOCH + Duration::from_secs(signed.timestamp),
            payload: Payload::read(json)?,
            json: json.into(),
        })))
    }

    /// The message's identifier. It is the same however often Clerk sends the message: keep it, where something
    /// is to be done once.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// What has happened.
    #[must_use]
    pub fn kind(&self) -> &EventKind {
        &self.0.payload.kind
    }

    /// The session that it happened to, always there in events of sessions.
    #[must_use]
    pub fn session_id(&self) -> Option<&SessionId> {
        self.0.payload.session_id.as_ref()
    }

    /// The user that it is about, always there in events of users and of memberships.
    #[must_use]
    pub fn user_id(&self) -> Option<&UserId> {
        self.0.payload.user_id.as_ref()
    }

    /// The organization, always there in events of memberships.
    #[must_use]
    pub fn organization_id(&self) -> Option<&OrganizationId> {
        self.0.payload.organization_id.as_ref()
    }

    /// Whether the user of a [`UserUpdated`](EventKind::UserUpdated) is banned.
    #[must_use]
    pub fn is_banned(&self) -> bool {
        self.0.payload.is_banned
    }

    /// When it happened; where the event does not say, when it was signed, which is later.
    #[must_use]
    pub fn timestamp(&self) -> SystemTime {
        self.0.payload.happened_at.unwrap_or(self.0.sent_at)
    }

    /// When what it is about last changed, such as a membership (`data.updated_at`).
    #[must_use]
    pub fn updated_at(&self) -> Option<SystemTime> {
        self.0.payload.updated_at
    }

    /// A member of the payload: `data` is the session, the user or whatever it is about.
    ///
    /// ```
    /// use tower_clerk::{Session, webhook::WebhookEvent};
    ///
    /// fn session(event: &WebhookEvent) -> Result<Option<Session>, serde_json::Error> {
    ///     event.get("data")
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if the member is there, but not of the type asked for.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, serde_json::Error> {
        member(&self.0.json, name)
    }

    /// The whole payload, as Clerk wrote it: a JSON object.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.0.json
    }
}

impl fmt::Debug for WebhookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookEvent")
            .field("id", &self.0.id)
            .field("kind", self.kind())
            .field("session_id", &self.session_id())
            .field("user_id", &self.user_id())
            .field("organization_id", &self.organization_id())
            .finish_non_exhaustive()
    }
}
