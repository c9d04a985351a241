//! A session, as Clerk describes it.

mod activity;
mod status;
mod wire;

use std::{fmt, sync::Arc, time::SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use self::wire::Facts;
pub use self::{
    activity::{SessionActivity, SessionTask},
    status::SessionStatus,
};
use crate::{
    id::{ClientId, OrganizationId, SessionId, UserId},
    json_object::JsonObject,
};

/// What Clerk says about a session.
///
/// A handle: cloning is one atomic increment. Serde reads and writes [Clerk's own JSON][api];
/// unknown properties are skipped, since Clerk may add some.
///
/// ```
/// use tower_clerk::{Session, SessionStatus};
///
/// let session: Session = serde_json::from_str(r#"{
///     "object": "session", "id": "sess_1", "user_id": "user_1", "client_id": "client_1",
///     "status": "active", "created_at": 1700000000000, "updated_at": 1700000000000,
///     "last_active_at": 1700000000000, "expire_at": 1700600000000, "abandon_at": 1702600000000
/// }"#)?;
/// assert_eq!(session.status(), &SessionStatus::Active);
/// assert!(session.expire_at() < session.abandon_at());
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// [api]: https://clerk.com/docs/reference/backend-api/tag/Sessions
#[derive(Clone, PartialEq, Eq)]
pub struct Session(Arc<Facts>);

impl Session {
    /// The session's identifier.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.0.id
    }

    /// The user who is signed in.
    #[must_use]
    pub fn user_id(&self) -> &UserId {
        &self.0.user_id
    }

    /// The client (a browser or a device) that the session belongs to.
    #[must_use]
    pub fn client_id(&self) -> &ClientId {
        &self.0.client_id
    }

    /// Where the session is in its life.
    #[must_use]
    pub fn status(&self) -> &SessionStatus {
        &self.0.status
    }

    /// Who acts in the user's place, when somebody impersonates the user. Its members are Clerk's
    /// (`sub` names the actor) and the impersonating application's own.
    #[must_use]
    pub fn actor(&self) -> Option<&Map<String, Value>> {
        self.0.actor.as_ref()
    }

    /// The organization that was last made active.
    #[must_use]
    pub fn last_active_organization_id(&self) -> Option<&OrganizationId> {
        self.0.last_active_organization_id.as_ref()
    }

    /// The device and place that the session was last seen on.
    #[must_use]
    pub fn latest_activity(&self) -> Option<&SessionActivity> {
        self.0.latest_activity.as_ref()
    }

    /// What the user has left to do before a [pending](SessionStatus::Pending) session is active.
    #[must_use]
    pub fn tasks(&self) -> &[SessionTask] {
        self.0.tasks.as_ref().map_or(&[], Vec::as_slice)
    }

    /// When the session began.
    #[must_use]
    pub fn created_at(&self) -> SystemTime {
        self.0.created_at.time()
    }

    /// When Clerk last changed what it knows about the session.
    #[must_use]
    pub fn updated_at(&self) -> SystemTime {
        self.0.updated_at.time()
    }

    /// When the session was last used, as far as Clerk knows.
    #[must_use]
    pub fn last_active_at(&self) -> SystemTime {
        self.0.last_active_at.time()
    }

    /// When the session ends, whatever happens.
    #[must_use]
    pub fn expire_at(&self) -> SystemTime {
        self.0.expire_at.time()
    }

    /// When the session counts as abandoned, unless it is used before.
    #[must_use]
    pub fn abandon_at(&self) -> SystemTime {
        self.0.abandon_at.time()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", self.id())
            .field("user_id", self.user_id())
            .field("client_id", self.client_id())
            .field("status", self.status())
            .finish_non_exhaustive()
    }
}

impl Serialize for Session {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Session {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        JsonObject::<Facts>::deserialize(deserializer).map(|facts| Self(Arc::new(facts.0)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn bare() -> Value {
        json!({
            "object": "session",
            "id": "sess_1",
            "user_id": "user_1",
            "client_id": "client_1",
            "status": "active",
            "created_at": 1_700_000_000_001_u64,
            "updated_at": 1_700_000_000_002_u64,
            "last_active_at": 1_700_000_000_003_u64,
            "expire_at": 1_700_600_000_004_u64,
            "abandon_at": 1_702_600_000_005_u64,
        })
    }

    fn full() -> Value {
        let mut session = bare();
        session["status"] = json!("pending");
        session["actor"] = json!({"sub": "user_admin", "reason": {"ticket": 7}});
        session["last_active_organization_id"] = json!("org_1");
        session["latest_activity"] = json!({
            "object": "session_activity",
            "id": "sess_activity_1",
            "is_mobile": false,
            "device_type": "Macintosh",
            "browser_name": "Firefox",
            "browser_version": "140.0",
            "ip_address": "203.0.113.7",
            "city": "Vienna",
            "country": "AT",
        });
        session["tasks"] = json!([{"key": "choose-organization"}]);
        session
    }

    fn read(json: &Value) -> Result<Session, serde_json::Error> {
        serde_json::from_str(&json.to_string())
    }

    #[test]
    fn a_session_is_written_as_it_was_read() {
        let mut nulled = full();
        let mut empty = full();
        empty["tasks"] = json!([]);
        for name in ["actor", "last_active_organization_id", "latest_activity", "tasks"] {
            nulled[name] = Value::Null;
        }
        for golden in [bare(), full(), nulled, empty] {
            let session = read(&golden).unwrap();
            assert_eq!(serde_json::to_value(&session).unwrap(), golden);
        }
    }

    #[test]
    fn clerks_order_of_properties_is_kept() {
        let text = serde_json::to_string(&read(&bare()).unwrap()).unwrap();
        assert!(
            text.starts_with(r#"{"object":"session","id":"sess_1","user_id":"user_1""#),
            "{text}"
        );
    }

    #[test]
    fn every_property_has_its_accessor() {
        let session = read(&full()).unwrap();
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        assert_eq!(session.id().as_str(), "sess_1");
        assert_eq!(session.user_id().as_str(), "user_1");
        assert_eq!(session.client_id().as_str(), "client_1");
        assert_eq!(session.status(), &SessionStatus::Pending);
        assert_eq!(session.actor().unwrap()["sub"], "user_admin");
        assert_eq!(session.last_active_organization_id().unwrap().as_str(), "org_1");
        assert_eq!(session.latest_activity().unwrap().city(), Some("Vienna"));
        assert_eq!(session.tasks()[0].key(), "choose-organization");
        assert_eq!(session.created_at(), at(1_700_000_000_001));
        assert_eq!(session.updated_at(), at(1_700_000_000_002));
        assert_eq!(session.last_active_at(), at(1_700_000_000_003));
        assert_eq!(session.expire_at(), at(1_700_600_000_004));
        assert_eq!(session.abandon_at(), at(1_702_600_000_005));
    }

    #[test]
    fn what_is_optional_may_be_absent() {
        let session = read(&bare()).unwrap();
        assert_eq!(session.actor(), None);
        assert_eq!(session.last_active_organization_id(), None);
        assert_eq!(session.latest_activity(), None);
        assert!(session.tasks().is_empty());
    }

    #[test]
    fn unknown_properties_and_statuses_are_tolerated() {
        let mut json = bare();
        json["status"] = json!("hibernating");
        json["mood"] = json!({"sunny": true});
        let session = read(&json).unwrap();
        assert_eq!(session.status().as_str(), "hibernating");
        assert_eq!(serde_json::to_value(&session).unwrap()["status"], "hibernating");
    }

    #[test]
    fn a_missing_or_mistyped_property_is_an_error() {
        let required = [
            "object",
            "id",
            "user_id",
            "client_id",
            "status",
            "created_at",
            "updated_at",
            "last_active_at",
            "expire_at",
            "abandon_at",
        ];
        for name in required {
            let mut json = bare();
            json.as_object_mut().unwrap().remove(name);
            assert!(read(&json).is_err(), "without {name}");
            for wrong in [json!(null), json!(-1), json!(1.5), json!([]), json!({}), json!("")] {
                let mut json = bare();
                // An empty status is merely an unknown one.
                if name == "status" && wrong == "" {
                    continue;
                }
                json[name] = wrong.clone();
                assert!(read(&json).is_err(), "{name}: {wrong}");
            }
        }
        for (name, wrong) in [
            ("object", json!("user")),
            ("object", json!({ "session": null })),
            ("id", json!("user_1")),
            ("client_id", json!("sess_1")),
            ("actor", json!("user_1")),
            ("last_active_organization_id", json!("user_1")),
            ("latest_activity", json!([])),
            ("latest_activity", json!(["session_activity", "sess_activity_1", false])),
            ("tasks", json!([{}])),
            ("tasks", json!([["setup-mfa"]])),
        ] {
            let mut json = bare();
            json[name] = wrong.clone();
            assert!(read(&json).is_err(), "{name}: {wrong}");
        }
    }

    #[test]
    fn times_end_with_the_year_9999() {
        let mut json = bare();
        json["expire_at"] = json!(253_402_300_799_999_u64);
        assert_eq!(serde_json::to_value(read(&json).unwrap()).unwrap(), json);
        for beyond in [253_402_300_800_000, u64::MAX] {
            json["expire_at"] = json!(beyond);
            assert!(read(&json).is_err(), "{beyond}");
        }
    }

    #[test]
    fn debug_names_the_session_and_spares_the_rest() {
        let text = format!("{:?}", read(&full()).unwrap());
        assert!(text.contains("sess_1") && !text.contains("203.0.113.7"), "{text}");
    }
}
