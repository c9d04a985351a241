//! The JSON of an event: what somebody may act upon is read exactly, and everything else if it can be.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{EventKind, WebhookError};
use crate::{
    claims::Text,
    id::{OrganizationId, SessionId, UserId},
    json_object::JsonObject,
};

/// What an event says.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) kind: EventKind,
    pub(super) session_id: Option<SessionId>,
    pub(super) user_id: Option<UserId>,
    pub(super) organization_id: Option<OrganizationId>,
    pub(super) is_banned: bool,
    pub(super) happened_at: Option<SystemTime>,
    pub(super) updated_at: Option<SystemTime>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
}

/// A session, a user or a membership: their members are told apart by the event's kind.
#[derive(Default, Deserialize)]
struct Data<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    user_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    banned: Option<&'a RawValue>,
    #[serde(borrow, default)]
    updated_at: Option<&'a RawValue>,
    #[serde(borrow, default)]
    organization: Option<&'a RawValue>,
    #[serde(borrow, default)]
    public_user_data: Option<&'a RawValue>,
}

impl Payload {
    pub(super) fn read(json: &str) -> Result<Self, WebhookError> {
        let event: JsonObject<Event<'_>> =
            serde_json::from_str(json).map_err(|_| WebhookError::payload("type"))?;
        let JsonObject(Event { kind, data, timestamp }) = event;
        let kind = EventKind::from(&*kind);
        let data = data.and_then(|data| serde_json::from_str(data.get()).ok());
        let JsonObject(data) = data.unwrap_or(JsonObject(Data::default()));
        let mut payload = Self {
            session_id: None,
            user_id: None,
            organization_id: None,
            is_banned: false,
            happened_at: read(timestamp).and_then(time),
            updated_at: read(data.updated_at).and_then(time),
            kind,
        };
        payload.read_data(&data)?;
        Ok(payload)
    }

    /// An event that names nobody is no event: whoever acts upon it would act upon nothing.
    fn read_data(&mut self, data: &Data<'_>) -> Result<(), WebhookError> {
        match self.kind {
            EventKind::SessionCreated
            | EventKind::SessionPending
            | EventKind::SessionEnded
            | EventKind::SessionRemoved
            | EventKind::SessionRevoked => {
                self.session_id = Some(required(data.id, "data.id")?);
                self.user_id = read(data.user_id);
            }
            EventKind::UserDeleted => self.user_id = Some(required(data.id, "data.id")?),
            EventKind::UserUpdated => {
                self.user_id = Some(required(data.id, "data.id")?);
                // Absent or null, nobody is banned; anything else is a yes or a no.
                self.is_banned = match data.banned {
                    Some(banned) => required(Some(banned), "data.banned")?,
                    None => false,
                };
            }
            EventKind::MembershipUpdated | EventKind::MembershipDeleted => {
                let user: Option<JsonObject<Member>> = read(data.public_user_data);
                let organization: Option<JsonObject<Organization>> = read(data.organization);
                let user = user.ok_or(WebhookError::payload("data.public_user_data.user_id"))?;
                let organization =
                    organization.ok_or(WebhookError::payload("data.organization.id"))?;
                self.user_id = Some(user.0.user_id);
                self.organization_id = Some(organization.0.id);
            }
            EventKind::Other(_) => {}
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Member {
    user_id: UserId,
}

#[derive(Deserialize)]
struct Organization {
    id: OrganizationId,
}

fn required<T: DeserializeOwned>(
    json: Option<&RawValue>,
    what: &'static str,
) -> Result<T, WebhookError> {
    read(json).ok_or(WebhookError::payload(what))
}

fn read<T: DeserializeOwned>(json: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(json?.get()).ok()
}

/// Clerk writes some times in seconds and others in milliseconds. They are told apart by their size: in seconds
/// the smallest of the latter would be in the year 5138.
fn time(number: u64) -> Option<SystemTime> {
    const FIRST_OF_MILLIS: u64 = 100_000_000_000;
    const LAST_MILLI_OF_9999: u64 = 253_402_300_799_999;
    let since = match number {
        ..FIRST_OF_MILLIS => Duration::from_secs(number),
        FIRST_OF_MILLIS..=LAST_MILLI_OF_9999 => Duration::from_millis(number),
        _ => return None,
    };
    Some(SystemTime::UNIX_EPOCH + since)
}
