//! What nothing depends on: it may be absent, `null` or of another form, and refuses nobody.

use serde::{Serialize, Serializer, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

use crate::unreadable::Unreadable;

/// A JSON value that is still to be read.
pub(super) trait JsonValue: DeserializeOwned {
    fn read<T: DeserializeOwned>(&self) -> Option<T>;

    fn into_unreadable(self) -> Unreadable;
}

/// From any of serde's formats, and from what serde itself holds back (an enum's content, say).
impl JsonValue for Value {
    fn read<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(self).ok()
    }

    fn into_unreadable(self) -> Unreadable {
        Unreadable::new(self.to_string())
    }
}

/// From JSON text only, whatever the text holds: depths and numbers that no [`Value`] can have.
impl JsonValue for Box<RawValue> {
    fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.get()).ok()
    }

    fn into_unreadable(self) -> Unreadable {
        match self.read::<Value>() {
            Some(value) => value.into_unreadable(),
            None => Unreadable::new(self.get()),
        }
    }
}

/// A property that may be left out or `null`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Nullable<T> {
    Absent,
    Null,
    Present(T),
}

impl<T> Nullable<T> {
    /// What cannot be read is not known, and `null` from here on.
    pub(super) fn if_readable<V: JsonValue>(value: Option<V>) -> Self
    where
        T: DeserializeOwned,
    {
        match value.map(|value| value.read::<Option<T>>()) {
            None => Self::Absent,
            Some(None | Some(None)) => Self::Null,
            Some(Some(Some(read))) => Self::Present(read),
        }
    }

    /// Whatever is there is present, readable or not.
    pub(super) fn however<V: JsonValue>(value: Option<V>, read: impl FnOnce(V) -> T) -> Self {
        match value {
            None => Self::Absent,
            Some(value) if value.read::<()>().is_some() => Self::Null,
            Some(value) => Self::Present(read(value)),
        }
    }

    pub(super) fn as_ref(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<T: Serialize> Serialize for Nullable<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().serialize(serializer)
    }
}
