//! What can happen.

use std::fmt;

/// What an event says has happened.
///
/// ```
/// use tower_clerk::webhook::EventKind;
///
/// assert_eq!(EventKind::from("session.revoked"), EventKind::SessionRevoked);
/// assert_eq!(EventKind::from("email.created").as_str(), "email.created");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// A session has begun.
    SessionCreated,
    /// A session has sign-in tasks left.
    SessionPending,
    /// A session was ended by its user, who signed out.
    SessionEnded,
    /// A session was removed, together with what it belonged to.
    SessionRemoved,
    /// A session was ended by the application or in the dashboard.
    SessionRevoked,
    /// Something about a user has changed, such as that they are [banned](super::WebhookEvent::is_banned).
    UserUpdated,
    /// A user is gone.
    UserDeleted,
    /// What a user is in an organization has changed, their role above all.
    MembershipUpdated,
    /// A user is no longer in an organization.
    MembershipDeleted,
    /// Something else, by Clerk's name for it.
    #[non_exhaustive]
    Other(Box<str>),
}

impl EventKind {
    /// The name that Clerk gives it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::SessionCreated => "session.created",
            Self::SessionPending => "session.pending",
            Self::SessionEnded => "session.ended",
            Self::SessionRemoved => "session.removed",
            Self::SessionRevoked => "session.revoked",
            Self::UserUpdated => "user.updated",
            Self::UserDeleted => "user.deleted",
            Self::MembershipUpdated => "organizationMembership.updated",
            Self::MembershipDeleted => "organizationMembership.deleted",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for EventKind {
    fn from(name: &str) -> Self {
        match name {
            "session.created" => Self::SessionCreated,
            "session.pending" => Self::SessionPending,
            "session.ended" => Self::SessionEnded,
            "session.removed" => Self::SessionRemoved,
            "session.revoked" => Self::SessionRevoked,
            "user.updated" => Self::UserUpdated,
            "user.deleted" => Self::UserDeleted,
            "organizationMembership.updated" => Self::MembershipUpdated,
            "organizationMembership.deleted" => Self::MembershipDeleted,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
