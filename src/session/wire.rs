//! The JSON of a session.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use super::{SessionActivity, SessionStatus, SessionTask};
use crate::{
    id::{ClientId, OrganizationId, SessionId, UserId},
    json_object::JsonObject,
};

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
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Nullable::is_absent")]
    pub(super) latest_activity: Nullable<SessionActivity>,
    pub(super) expire_at: Timestamp,
    pub(super) abandon_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) created_at: Timestamp,
    #[serde(default, deserialize_with = "objects", skip_serializing_if = "Nullable::is_absent")]
    pub(super) tasks: Nullable<Vec<SessionTask>>,
}

/// The value that `object` must have.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Object {
    Session,
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match &*Cow::<str>::deserialize(deserializer)? {
            "session" => Ok(Self::Session),
            _ => Err(de::Error::custom("expected the object `session`")),
        }
    }
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

    fn map<U>(self, f: impl FnOnce(T) -> U) -> Nullable<U> {
        match self {
            Self::Absent => Nullable::Absent,
            Self::Null => Nullable::Null,
            Self::Present(value) => Nullable::Present(f(value)),
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

fn object<'de, T, D>(deserializer: D) -> Result<Nullable<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Nullable::deserialize(deserializer).map(|it| it.map(|JsonObject(value)| value))
}

fn objects<'de, T, D>(deserializer: D) -> Result<Nullable<Vec<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let objects = Nullable::<Vec<JsonObject<T>>>::deserialize(deserializer)?;
    Ok(objects.map(|objects| objects.into_iter().map(|JsonObject(value)| value).collect()))
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
