//! The JSON of a session.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use super::{SessionActivity, SessionStatus, SessionTask};
use crate::id::{ClientId, OrganizationId, SessionId, UserId};

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    object: Object,
    pub(super) id: SessionId,
    pub(super) user_id: UserId,
    pub(super) client_id: ClientId,
    #[serde(default, skip_serializing_if = "Nullable::is_absent")]
    pub(super) actor: Nullable<Map<String, Value>>,
    pub(super) status: SessionStatus,
    #[serde(default, skip_serializing_if = "Nullable::is_absent")]
    pub(super) last_active_organization_id: Nullable<OrganizationId>,
    pub(super) last_active_at: Timestamp,
    #[serde(default, skip_serializing_if = "Nullable::is_absent")]
    pub(super) latest_activity: Nullable<SessionActivity>,
    pub(super) expire_at: Timestamp,
    pub(super) abandon_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Nullable::is_absent")]
    pub(super) tasks: Nullable<Vec<SessionTask>>,
}

/// The value that `object` must have.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Object {
    Session,
}

/// A property that may be left out or `null`, and is written as it was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Nullable<T> {
    #[default]
    Absent,
    Null,
    Present(T),
}

impl<T> Nullable<T> {
    pub(super) fn as_ref(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<T: Serialize> Serialize for Nullable<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Option::deserialize(deserializer)? {
            Some(value) => Self::Present(value),
            None => Self::Null,
        })
    }
}

/// A time in whole milliseconds, from 1970 to the end of 9999, so that no sum with a sane duration
/// overflows. Kept as a [`SystemTime`], which compares to another in a few instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timestamp(SystemTime);

const LAST_MILLI_OF_9999: u64 = 253_402_300_799_999;

impl Timestamp {
    pub(super) fn time(self) -> SystemTime {
        self.0
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let since = self.0.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        serializer.serialize_u64(u64::try_from(since.as_millis()).unwrap_or(LAST_MILLI_OF_9999))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let millis = u64::deserialize(deserializer)?;
        if millis > LAST_MILLI_OF_9999 {
            return Err(de::Error::custom("expected milliseconds before the year 10000"));
        }
        Ok(Self(SystemTime::UNIX_EPOCH + Duration::from_millis(millis)))
    }
}
