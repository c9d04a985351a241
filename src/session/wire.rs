//! The JSON of a session: what decides is read exactly, and everything else if it can be.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{
    SessionActivity, SessionStatus,
    ornament::{JsonValue, Nullable},
    task::Tasks,
};
use crate::{
    Actor,
    id::{ClientId, OrganizationId, SessionId, UserId},
    json_object::JsonObject,
};

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Facts {
    object: &'static str,
    pub(super) id: SessionId,
    pub(super) user_id: UserId,
    #[serde(skip_serializing_if = "Nullable::is_absent")]
    pub(super) client_id: Nullable<ClientId>,
    #[serde(skip_serializing_if = "Nullable::is_absent")]
    pub(super) actor: Nullable<Actor>,
    pub(super) status: SessionStatus,
    #[serde(skip_serializing_if = "Nullable::is_absent")]
    pub(super) last_active_organization_id: Nullable<OrganizationId>,
    #[serde(skip_serializing_if = "Nullable::is_absent")]
    pub(super) last_active_at: Nullable<Timestamp>,
    #[serde(skip_serializing_if = "Nullable::is_absent")]
    pub(super) latest_activity: Nullable<SessionActivity>,
    pub(super) expire_at: Timestamp,
    pub(super) abandon_at: Timestamp,
    #[serde(skip_serializing_if = "Nullable::is_absent")]
    pub(super) updated_at: Nullable<Timestamp>,
    #[serde(skip_serializing_if = "Nullable::is_absent")]
    pub(super) created_at: Nullable<Timestamp>,
    #[serde(skip_serializing_if = "Nullable::is_absent")]
    pub(super) tasks: Nullable<Tasks>,
}

impl Facts {
    /// Reads a session whose ornaments are held as values of type `V` until they are read.
    pub(super) fn read<'de, V, D>(deserializer: D) -> Result<Self, D::Error>
    where
        V: JsonValue,
        D: Deserializer<'de>,
    {
        let JsonObject(members) = JsonObject::<Members<V>>::deserialize(deserializer)?;
        Ok(Self {
            object: "session",
            id: members.id,
            user_id: members.user_id,
            client_id: Nullable::if_readable(members.client_id),
            actor: Nullable::however(members.actor, read_actor),
            status: members.status,
            last_active_organization_id: Nullable::if_readable(members.last_active_organization_id),
            last_active_at: Nullable::if_readable(members.last_active_at),
            latest_activity: Nullable::if_readable(members.latest_activity),
            expire_at: members.expire_at,
            abandon_at: members.abandon_at,
            updated_at: Nullable::if_readable(members.updated_at),
            created_at: Nullable::if_readable(members.created_at),
            tasks: Nullable::however(members.tasks, Tasks::read),
        })
    }
}

/// One who cannot be read is there all the same.
fn read_actor<V: JsonValue>(value: V) -> Actor {
    match value.read() {
        Some(members) => Actor::of(members),
        None => Actor::unreadable(value.into_unreadable()),
    }
}

/// What decides of a session, in its types, and the rest as it came. `object` is not among it: what
/// has the identifier of a session is one.
#[derive(Deserialize)]
#[serde(bound = "V: Deserialize<'de>")]
struct Members<V> {
    id: SessionId,
    user_id: UserId,
    status: SessionStatus,
    expire_at: Timestamp,
    abandon_at: Timestamp,
    #[serde(default, deserialize_with = "present")]
    client_id: Option<V>,
    #[serde(default, deserialize_with = "present")]
    actor: Option<V>,
    #[serde(default, deserialize_with = "present")]
    last_active_organization_id: Option<V>,
    #[serde(default, deserialize_with = "present")]
    last_active_at: Option<V>,
    #[serde(default, deserialize_with = "present")]
    latest_activity: Option<V>,
    #[serde(default, deserialize_with = "present")]
    updated_at: Option<V>,
    #[serde(default, deserialize_with = "present")]
    created_at: Option<V>,
    #[serde(default, deserialize_with = "present")]
    tasks: Option<V>,
}

/// A `null` is a value too.
fn present<'de, V, D>(deserializer: D) -> Result<Option<V>, D::Error>
where
    V: Deserialize<'de>,
    D: Deserializer<'de>,
{
    V::deserialize(deserializer).map(Some)
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
