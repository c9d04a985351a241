use serde::Deserialize;
use serde_json::value::RawValue;

use super::member::Text;
use crate::{Actor, json_object::JsonObject, unreadable::Unreadable};

/// The claim `act`, which must say who it is.
#[derive(Deserialize)]
pub(super) struct ActingParty<'a> {
    #[serde(rename = "iss", borrow)]
    _issuer: Option<Text<'a>>,
    #[serde(rename = "sid", borrow)]
    _session_id: Option<Text<'a>>,
    #[serde(rename = "sub", borrow)]
    _subject: Text<'a>,
}

/// The claim `act` as it came.
pub(super) struct ActClaim<'a>(&'a RawValue);

impl<'de: 'a, 'a> Deserialize<'de> for ActClaim<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        serde_json::from_str::<JsonObject<ActingParty<'_>>>(raw.get())
            .map_err(serde::de::Error::custom)?;
        Ok(Self(raw))
    }
}

impl<'a> ActClaim<'a> {
    pub(super) fn unreadable(raw: &'a RawValue) -> Self {
        Self(raw)
    }

    pub(super) fn read(&self) -> Actor {
        let json = self.0.get();
        let members = serde_json::from_str(json).map(Actor::of);
        members.unwrap_or_else(|_| Actor::unreadable(Unreadable::new(json)))
    }
}
