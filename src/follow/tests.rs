mod driver;
#[cfg(feature = "testing")]
mod memory;
#[cfg(feature = "testing")]
mod model;
#[cfg(any(feature = "testing", feature = "redis"))]
pub(crate) mod suite;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use super::{Apply, Follower};
use crate::{
    OrganizationId, SessionId, SessionStatus, UserId,
    fleet::{AnyLog, LogEntry, Revocation, RevocationLog},
};

/// One process of a fleet: what it has learned, and how.
pub(crate) struct Process {
    pub(crate) learned: Arc<Learned>,
    pub(crate) follower: Follower,
}

/// What entries came to.
#[derive(Debug, Default)]
pub(crate) struct Learned(Mutex<Facts>);

/// Whatever order they come in, the facts are the same: the target of a follower, as simple as can be.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) ended: BTreeSet<SessionId>,
    pub(crate) forgotten: BTreeSet<SessionId>,
    pub(crate) users: BTreeMap<UserId, SystemTime>,
    pub(crate) members: BTreeMap<(UserId, OrganizationId), SystemTime>,
}

impl Process {
    /// A process that follows this log, on the runtime that this is called on.
    pub(crate) fn start(log: impl RevocationLog) -> Self {
        let learned = Arc::new(Learned::default());
        let target: std::sync::Weak<Learned> = Arc::downgrade(&learned);
        let follower = Follower::new(AnyLog::new(log), target);
        follower.ensure_following();
        Self { learned, follower }
    }

    /// Revokes a session here, and tells whether the log has acknowledged it.
    pub(crate) async fn revoke(&self, session: &str) -> bool {
        self.follower.append(revoked(session)).await
    }

    pub(crate) fn is_usable(&self) -> bool {
        self.follower.report().usable
    }

    pub(crate) fn facts(&self) -> Facts {
        self.learned.0.lock().unwrap().clone()
    }

    pub(crate) fn refuses(&self, session: &str) -> bool {
        self.learned.0.lock().unwrap().ended.contains(session)
    }

    /// How many sessions it refuses.
    pub(crate) fn refused(&self) -> usize {
        self.learned.0.lock().unwrap().ended.len()
    }
}

impl Apply for Learned {
    fn end(&self, id: &SessionId, status: &SessionStatus, _: Option<SystemTime>) {
        assert!(status.is_final());
        self.0.lock().unwrap().ended.insert(id.clone());
    }

    fn forget(&self, id: &SessionId) {
        self.0.lock().unwrap().forgotten.insert(id.clone());
    }

    fn deny_user(&self, id: &UserId, before: SystemTime) {
        let mut facts = self.0.lock().unwrap();
        let denied = facts.users.entry(id.clone()).or_insert(before);
        *denied = before.max(*denied);
    }

    fn deny_member(&self, user: &UserId, organization: &OrganizationId, before: SystemTime) {
        let mut facts = self.0.lock().unwrap();
        let denied = facts.members.entry((user.clone(), organization.clone())).or_insert(before);
        *denied = before.max(*denied);
    }
}

pub(crate) fn revoked(session: &str) -> LogEntry {
    Revocation::ended(session.parse().unwrap(), SessionStatus::Revoked, None).into()
}

/// Waits until it is so, and fails where it is not within this time.
pub(crate) async fn within(time: Duration, what: &str, is_so: impl Fn() -> bool) {
    let began = tokio::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed() < time, "not within {time:?}: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
