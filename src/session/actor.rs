//! Who acts in a user's place.

use serde::Serialize;
use serde_json::{Map, Value};

use super::ornament::{JsonValue, Unreadable};

/// Who acts in the user's place while somebody impersonates the user, from
/// [`Session::actor`](super::Session::actor).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SessionActor(Actor);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Actor {
    Members(Map<String, Value>),
    Unreadable(Unreadable),
}

impl SessionActor {
    /// The actor's identifier (`sub`), where Clerk told it in a form that can be read.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.members()?.get("sub")?.as_str()
    }

    /// Everything that is told of the actor: Clerk's own members (`sub`) and those of the
    /// application that impersonates. None where it could not be read: somebody acts, and nobody
    /// knows who.
    #[must_use]
    pub fn members(&self) -> Option<&Map<String, Value>> {
        match &self.0 {
            Actor::Members(members) => Some(members),
            Actor::Unreadable(_) => None,
        }
    }

    pub(super) fn read<V: JsonValue>(value: V) -> Self {
        Self(match value.read() {
            Some(members) => Actor::Members(members),
            None => Actor::Unreadable(value.into_unreadable()),
        })
    }
}
