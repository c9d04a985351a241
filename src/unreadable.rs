//! What is there and cannot be read.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// The JSON text of something that is there and is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable(Box<str>);

impl Unreadable {
    pub(crate) fn new(json: impl Into<Box<str>>) -> Self {
        Self(json.into())
    }
}

impl Serialize for Unreadable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<&RawValue>(&self.0) {
            Ok(json) => json.serialize(serializer),
            Err(error) => Err(serde::ser::Error::custom(error)),
        }
    }
}
