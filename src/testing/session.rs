//! A session as the emulator keeps it.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use super::api_version::ApiVersion;
use crate::id::{ClientId, OrganizationId, SessionId, UserId};

/// The plan that nobody pays for.
const FREE: &str = "free";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A session of the emulator, as [`SessionsApi::edit`](super::SessionsApi::edit) shows and changes it.
///
/// Whatever is written here is what the API then says, even where Clerk would never say it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionRecord {
    /// Its identifier.
    pub id: SessionId,
    /// Whose session it is.
    pub user_id: UserId,
    /// The browser or device that it belongs to.
    pub client_id: ClientId,
    /// Its status in Clerk's words: `active`, `pending`, `revoked`, …
    pub status: String,
    /// The impersonator, `{"sub": "user_…"}`.
    pub actor: Option<Value>,
    /// The active organization, and what the user is in it.
    pub organization: Option<Membership>,
    /// The user's own features, such as `reports`. Tokens tell them.
    pub features: Vec<String>,
    /// The user's own plans, `free` unless changed. Tokens tell them.
    pub plans: Vec<String>,
    /// When the user last proved their first factor: at sign-in, unless changed. Tokens tell how long ago.
    pub first_factor_at: Option<SystemTime>,
    /// When the user last proved their second factor: never, unless changed.
    pub second_factor_at: Option<SystemTime>,
    /// The keys of the tasks that a pending session has left, such as `choose-organization`.
    pub tasks: Vec<String>,
    /// When it began.
    pub created_at: SystemTime,
    /// When it last changed.
    pub updated_at: SystemTime,
    /// When it was last used.
    pub last_active_at: SystemTime,
    /// When it expires.
    pub expire_at: SystemTime,
    /// When it counts as abandoned.
    pub abandon_at: SystemTime,
    /// Its place in the order of creation.
    pub(super) sequence: u64,
    /// Since when the user is not signed in any more.
    ended_at: Option<SystemTime>,
    /// Members of its JSON that are not what they should be; none where there is nothing.
    odd: BTreeMap<String, Option<Value>>,
}

/// What a user is in an organization. Tokens tell it; sessions name the organization only.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Membership {
    /// The organization.
    pub organization_id: OrganizationId,
    /// Its slug.
    pub slug: String,
    /// The role, `org:member` unless changed.
    pub role: String,
    /// The permissions, each `org:<feature>:<permission>`.
    pub permissions: Vec<String>,
    /// The organization's features, beside those of its permissions.
    pub features: Vec<String>,
    /// The organization's plans, `free` unless changed.
    pub plans: Vec<String>,
}

impl Membership {
    /// A plain member of the organization.
    #[must_use]
    pub fn new(organization_id: OrganizationId) -> Self {
        let slug =
            organization_id.as_str().trim_start_matches(OrganizationId::PREFIX).to_lowercase();
        Self {
            organization_id,
            slug,
            role: "org:member".to_owned(),
            permissions: Vec::new(),
            features: Vec::new(),
            plans: vec![FREE.to_owned()],
        }
    }

    /// With another role, such as `org:admin`.
    #[must_use]
    pub fn with_role(mut self, role: &str) -> Self {
        role.clone_into(&mut self.role);
        self
    }

    /// With these permissions, each `org:<feature>:<permission>`.
    #[must_use]
    pub fn with_permissions<const N: usize>(mut self, permissions: [&str; N]) -> Self {
        self.permissions = permissions.map(str::to_owned).to_vec();
        self
    }
}

impl SessionRecord {
    /// An active session that begins now.
    pub(super) fn begin(
        id: SessionId,
        user_id: UserId,
        client_id: ClientId,
        sequence: u64,
        now: SystemTime,
    ) -> Self {
        Self {
            id,
            user_id,
            client_id,
            status: "active".to_owned(),
            actor: None,
            organization: None,
            features: Vec::new(),
            plans: vec![FREE.to_owned()],
            first_factor_at: Some(now),
            second_factor_at: None,
            tasks: Vec::new(),
            created_at: now,
            updated_at: now,
            last_active_at: now,
            expire_at: now + 7 * DAY,
            abandon_at: now + 30 * DAY,
            sequence,
            ended_at: None,
            odd: BTreeMap::new(),
        }
    }

    /// Makes the API say this of the session under this name, whatever it is: `client_id` is `null`, say.
    pub fn set_member(&mut self, name: &str, value: impl Into<Value>) {
        self.odd.insert(name.to_owned(), Some(value.into()));
    }

    /// Makes the API say nothing of the session under this name.
    pub fn remove_member(&mut self, name: &str) {
        self.odd.insert(name.to_owned(), None);
    }

    pub(super) fn is_active(&self) -> bool {
        self.status == "active"
    }

    pub(super) fn is_pending(&self) -> bool {
        self.status == "pending"
    }

    /// Ends the session if its time has come.
    pub(super) fn settle(&mut self, now: SystemTime) {
        if !self.is_signed_in() {
            return;
        }
        let (status, at) = if self.expire_at <= self.abandon_at {
            ("expired", self.expire_at)
        } else {
            ("abandoned", self.abandon_at)
        };
        if at <= now {
            self.set_status(status, at);
        }
    }

    /// Signed in, with or without tasks left.
    pub(super) fn is_signed_in(&self) -> bool {
        self.is_active() || self.is_pending()
    }

    /// What the user is in this organization, where it is the active one.
    pub(super) fn member_of(&mut self, organization: &OrganizationId) -> Option<&mut Membership> {
        self.organization.as_mut().filter(|member| member.organization_id == *organization)
    }

    pub(super) fn set_status(&mut self, status: &str, now: SystemTime) {
        status.clone_into(&mut self.status);
        self.updated_at = now;
        self.note_end(now);
    }

    /// To be called after every change of the status.
    pub(super) fn note_end(&mut self, now: SystemTime) {
        let is_over = !self.is_signed_in();
        self.ended_at = is_over.then(|| self.ended_at.unwrap_or(now));
    }

    /// The latest moment up to `now` at which the user was signed in.
    pub(super) fn signed_in_at(&self, now: SystemTime) -> SystemTime {
        self.ended_at.map_or(now, |ended_at| ended_at.min(now))
    }

    /// Whether this version of the API can speak of the session at all.
    ///
    /// A pending session has no status in versions that do not know the word. It must not pass for an active
    /// one there, so it is not there.
    pub(super) fn is_visible_in(&self, version: ApiVersion) -> bool {
        version.knows_pending() || !self.is_pending()
    }

    /// The session as the latest version of the API shows it.
    pub(super) fn latest_body(&self) -> Value {
        self.body(ApiVersion::LATEST)
    }

    /// The session as this version of the API shows it.
    pub(super) fn body(&self, version: ApiVersion) -> Value {
        let mut body = json!({
            "object": "session",
            "id": self.id,
            "user_id": self.user_id,
            "client_id": self.client_id,
            "status": self.status,
            "actor": self.actor,
            "last_active_organization_id": self.organization.as_ref().map(|member| &member.organization_id),
            "last_active_at": millis(self.last_active_at),
            "latest_activity": {
                "object": "session_activity",
                "id": format!("sess_activity_{}", self.id.as_str().trim_start_matches(SessionId::PREFIX)),
                "device_type": "Emulator",
                "is_mobile": false,
                "browser_name": "tower-clerk",
                "browser_version": "1",
                "ip_address": "127.0.0.1",
                "city": "Localhost",
                "country": "ZZ",
            },
            "expire_at": millis(self.expire_at),
            "abandon_at": millis(self.abandon_at),
            "updated_at": millis(self.updated_at),
            "created_at": millis(self.created_at),
        });
        if version.knows_pending() {
            let tasks: Vec<Value> = self.tasks.iter().map(|key| json!({ "key": key })).collect();
            body["tasks"] = Value::from(tasks);
        }
        if let Value::Object(members) = &mut body {
            for (name, odd) in &self.odd {
                match odd {
                    Some(value) => drop(members.insert(name.clone(), value.clone())),
                    None => drop(members.remove(name)),
                }
            }
        }
        body
    }
}

/// Milliseconds since 1970, as Clerk counts time.
pub(super) fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> SessionRecord {
        let id = |text: &str| text.to_owned();
        SessionRecord::begin(
            id("sess_1").as_str().try_into().unwrap(),
            "user_1".parse().unwrap(),
            "client_1".parse().unwrap(),
            1,
            UNIX_EPOCH,
        )
    }

    #[test]
    fn a_session_expires_to_the_millisecond_and_stays_so() {
        let mut session = record();
        session.settle(UNIX_EPOCH + 7 * DAY - Duration::from_millis(1));
        assert_eq!(session.status, "active");
        session.settle(UNIX_EPOCH + 7 * DAY);
        assert_eq!(
            (session.status.as_str(), session.updated_at),
            ("expired", UNIX_EPOCH + 7 * DAY)
        );
        session.settle(UNIX_EPOCH + 40 * DAY);
        assert_eq!(session.status, "expired");
    }

    #[test]
    fn a_session_is_abandoned_when_that_comes_first() {
        let mut session = record();
        session.abandon_at = UNIX_EPOCH + DAY;
        session.settle(UNIX_EPOCH + 8 * DAY);
        assert_eq!(session.status, "abandoned");
    }

    #[test]
    fn tasks_exist_from_the_version_on_that_knows_them() {
        assert!(record().body(ApiVersion::V2024_10_01).get("tasks").is_none());
        assert!(record().body(ApiVersion::V2025_03_12).get("tasks").is_some());
    }
}
