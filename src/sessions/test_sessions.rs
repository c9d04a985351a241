//! Sessions as Clerk describes them, for tests.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde_json::json;

use super::Slot;
use crate::{Session, SessionId};

pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);

/// Some time.
pub(crate) fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + 1_000_000 * HOUR
}

/// A session of `user_1` with this status, whose time is not over for long.
pub(crate) fn session(status: &str) -> Session {
    session_until(status, SystemTime::UNIX_EPOCH + 10_000_000 * HOUR)
}

/// The same, which expires then.
pub(crate) fn session_until(status: &str, expire_at: SystemTime) -> Session {
    let millis = |time: SystemTime| {
        u64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap()
    };
    serde_json::from_value(json!({
        "object": "session", "id": "sess_1", "user_id": "user_1", "client_id": "client_1",
        "status": status, "last_active_at": 0, "updated_at": 0, "created_at": 0,
        "expire_at": millis(expire_at), "abandon_at": millis(expire_at + HOUR),
    }))
    .unwrap()
}

pub(crate) fn slot(id: &SessionId) -> Arc<Slot> {
    Arc::new(Slot::new(id.clone()))
}
