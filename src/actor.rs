//! Who acts in a user's place.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::unreadable::Unreadable;

/// Who acts in the user's place while somebody impersonates the user ([RFC 8693 §4.1]): from
/// [`Session::actor`](crate::Session::actor), as Clerk describes the session, or from
/// [`Claims::actor`](crate::Claims::actor), as the token says.
///
/// That there is one says that somebody acts, also where nothing can be read of who it is.
///
/// [RFC 8693 §4.1]: https://www.rfc-editor.org/rfc/rfc8693#section-4.1
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Actor(Kind);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Kind {
    Members(Map<String, Value>),
    Unreadable(Unreadable),
}

impl Actor {
    /// The actor's identifier (`sub`), where Clerk told it in a form that can be read.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// Where the actor is known (`iss`), such as Clerk's dashboard.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// The actor's own session (`sid`).
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.text("sid")
    }

    /// What kind of actor it is (`type`), such as `agent`; impersonation by a person says nothing of it.
    #[must_use]
    pub fn actor_type(&self) -> Option<&str> {
        self.text("type")
    }

    /// Everything that is told of the actor: Clerk's own members and those of the application that
    /// impersonates. None where it could not be read: somebody acts, and nobody knows who.
    #[must_use]
    pub fn members(&self) -> Option<&Map<String, Value>> {
        match &self.0 {
            Kind::Members(members) => Some(members),
            Kind::Unreadable(_) => None,
        }
    }

    pub(crate) fn of(members: Map<String, Value>) -> Self {
        Self(Kind::Members(members))
    }

    pub(crate) fn unreadable(unreadable: Unreadable) -> Self {
        Self(Kind::Unreadable(unreadable))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.members()?.get(name)?.as_str()
    }
}
