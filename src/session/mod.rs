//! A session, as Clerk describes it.

mod activity;
mod ornament;
mod status;
mod task;
mod wire;

use std::{fmt, sync::Arc, time::SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, value::RawValue};

pub use self::{activity::SessionActivity, status::SessionStatus, task::SessionTask};
use self::{task::Tasks, wire::Facts};
use crate::{
    Actor,
    id::{ClientId, OrganizationId, SessionId, UserId},
};

/// What Clerk says about a session.
///
/// A handle: cloning is one atomic increment. Serde reads and writes [Clerk's own JSON][api];
/// unknown properties are skipped, since Clerk may add some.
///
/// What decides of a session must be there and is read exactly: [`id`](Self::id),
/// [`user_id`](Self::user_id), [`status`](Self::status), [`expire_at`](Self::expire_at) and
/// [`abandon_at`](Self::abandon_at). Everything else is not known where it is absent, `null` or of
/// another form, and is written as `null` then; it never makes a session unreadable.
/// An [`actor`](Self::actor) or [`tasks`](Self::tasks) that cannot be read are there all the same,
/// since somebody may ask for their absence.
///
/// ```
/// use tower_clerk::{Session, SessionStatus};
///
/// let session: Session = serde_json::from_str(r#"{
///     "object": "session", "id": "sess_1", "user_id": "user_1", "client_id": "client_1",
///     "status": "active", "created_at": 1700000000000, "updated_at": 1700000000000,
///     "last_active_at": 1700000000000, "expire_at": 1700600000000, "abandon_at": 1702600000000
/// }"#)?;
/// assert_eq!(session.status(), &SessionStatus::Active);
/// assert!(session.expire_at() < session.abandon_at());
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// [api]: https://clerk.com/docs/reference/backend-api/tag/Sessions
#[derive(Clone, PartialEq, Eq)]
pub struct Session(Arc<Facts>);

impl Session {
    /// The session's identifier.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.0.id
    }

    /// The user who is signed in.
    #[must_use]
    pub fn user_id(&self) -> &UserId {
        &self.0.user_id
    }

    /// The client (a browser or a device) that the session belongs to.
    #[must_use]
    pub fn client_id(&self) -> Option<&ClientId> {
        self.0.client_id.as_ref()
    }

    /// Where the session is in its life.
    #[must_use]
    pub fn status(&self) -> &SessionStatus {
        &self.0.status
    }

    /// Who acts in the user's place. None says that nobody does: an actor that cannot be read is
    /// one whose [members](Actor::members) are not known.
    ///
    /// ```
    /// # use tower_clerk::Session;
    /// # let session: Session = serde_json::from_str(r#"{"id": "sess_1", "user_id": "user_1",
    /// #     "status": "active", "expire_at": 1700600000000, "abandon_at": 1702600000000,
    /// #     "actor": {"sub": "user_admin"}}"#)?;
    /// let is_impersonated = session.actor().is_some();
    /// assert!(is_impersonated);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn actor(&self) -> Option<&Actor> {
        self.0.actor.as_ref()
    }

    /// The organization that was last made active.
    #[must_use]
    pub fn last_active_organization_id(&self) -> Option<&OrganizationId> {
        self.0.last_active_organization_id.as_ref()
    }

    /// The device and place that the session was last seen on.
    #[must_use]
    pub fn latest_activity(&self) -> Option<&SessionActivity> {
        self.0.latest_activity.as_ref()
    }

    /// What the user has left to do before a [pending](SessionStatus::Pending) session is active.
    /// It is empty only where there is nothing: what cannot be read is a task without a
    /// [key](SessionTask::key).
    #[must_use]
    pub fn tasks(&self) -> &[SessionTask] {
        self.0.tasks.as_ref().map_or(&[], Tasks::as_slice)
    }

    /// When the session began.
    #[must_use]
    pub fn created_at(&self) -> Option<SystemTime> {
        self.0.created_at.as_ref().map(|at| at.time())
    }

    /// When Clerk last changed what it knows about the session.
    #[must_use]
    pub fn updated_at(&self) -> Option<SystemTime> {
        self.0.updated_at.as_ref().map(|at| at.time())
    }

    /// When the session was last used, as far as Clerk knows.
    #[must_use]
    pub fn last_active_at(&self) -> Option<SystemTime> {
        self.0.last_active_at.as_ref().map(|at| at.time())
    }

    /// When the session ends, whatever happens.
    #[must_use]
    pub fn expire_at(&self) -> SystemTime {
        self.0.expire_at.time()
    }

    /// When the session counts as abandoned, unless it is used before.
    #[must_use]
    pub fn abandon_at(&self) -> SystemTime {
        self.0.abandon_at.time()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", self.id())
            .field("user_id", self.user_id())
            .field("client_id", &self.client_id())
            .field("status", self.status())
            .finish_non_exhaustive()
    }
}

impl Serialize for Session {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Session {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Facts::read::<Value, D>(deserializer).map(|facts| Self(Arc::new(facts)))
    }
}

/// A session from JSON text, and from nothing else that serde reads. In exchange no ornament can
/// refuse it, not even one that no [`Value`] could hold: too deep, or with a number too large.
pub(crate) struct JsonSession(pub(crate) Session);

impl<'de> Deserialize<'de> for JsonSession {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let facts = Facts::read::<Box<RawValue>, D>(deserializer)?;
        Ok(Self(Session(Arc::new(facts))))
    }
}

#[cfg(test)]
mod tests;
