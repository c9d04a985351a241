//! Where a session is in its life.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The status of a session.
///
/// Only [`Active`](Self::Active) means signed in. A status that this crate does not know is kept
/// as [`Unknown`](Self::Unknown), which no rule takes for active.
///
/// ```
/// use tower_clerk::SessionStatus;
///
/// assert_eq!(SessionStatus::from("active"), SessionStatus::Active);
/// assert_eq!(SessionStatus::from("hibernating").as_str(), "hibernating");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionStatus {
    /// Signed in.
    Active,
    /// Signed in but for some [tasks](crate::Session::tasks); counts as signed out by default.
    Pending,
    /// Ended by the application, through the API.
    Revoked,
    /// Ended by the user, who signed out.
    Ended,
    /// Past its `expire_at`.
    Expired,
    /// Removed together with what it belonged to.
    Removed,
    /// Unused until its `abandon_at`.
    Abandoned,
    /// Superseded by another session.
    Replaced,
    /// A status that this crate does not know.
    #[non_exhaustive]
    Unknown(Box<str>),
}

impl SessionStatus {
    /// The status as Clerk writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Revoked => "revoked",
            Self::Ended => "ended",
            Self::Expired => "expired",
            Self::Removed => "removed",
            Self::Abandoned => "abandoned",
            Self::Replaced => "replaced",
            Self::Unknown(text) => text,
        }
    }

    /// Whether a session in this state never becomes active again. One that this crate does not know may.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Active | Self::Pending | Self::Unknown(_) => false,
            Self::Revoked
            | Self::Ended
            | Self::Expired
            | Self::Removed
            | Self::Abandoned
            | Self::Replaced => true,
        }
    }
}

impl From<&str> for SessionStatus {
    fn from(text: &str) -> Self {
        match text {
            "active" => Self::Active,
            "pending" => Self::Pending,
            "revoked" => Self::Revoked,
            "ended" => Self::Ended,
            "expired" => Self::Expired,
            "removed" => Self::Removed,
            "abandoned" => Self::Abandoned,
            "replaced" => Self::Replaced,
            unknown => Self::Unknown(unknown.into()),
        }
    }
}

impl fmt::Display for SessionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for SessionStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SessionStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer).map(|text| Self::from(&*text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_clerks_has_its_own_variant() {
        for known in
            ["active", "pending", "revoked", "ended", "expired", "removed", "abandoned", "replaced"]
        {
            let status = SessionStatus::from(known);
            assert!(!matches!(status, SessionStatus::Unknown(_)), "{known}");
            assert_eq!(status.to_string(), known);
        }
        assert!(matches!(SessionStatus::from("Active"), SessionStatus::Unknown(_)));
    }
}
