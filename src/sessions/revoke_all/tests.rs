//! Lists that Clerk would not give, or not to their end.

use serde_json::{Value, json};

use super::*;
use crate::{
    Clock,
    client::{SessionPage, Urgency},
    sessions::{
        Lifetimes, SessionCheck, Settings,
        test_sessions::{noon, session},
        upstream::{Asking, Listing, Upstream},
    },
};

/// It has that many sessions of one user, page after page of them.
#[derive(Debug, Clone)]
struct Lists {
    pages: usize,
    /// What follows: a failure, or the same sessions all over again.
    is_broken: bool,
}

impl Upstream for Lists {
    fn read<'a>(
        &'a self,
        _: &'a SessionId,
        _: Option<&'a str>,
        _: Urgency,
        _: Box<dyn FnOnce() + Send + 'a>,
    ) -> Asking<'a> {
        Box::pin(async { Ok(session("active")) })
    }

    fn revoke<'a>(&'a self, _: &'a SessionId) -> Asking<'a> {
        Box::pin(async { Ok(session("revoked")) })
    }

    fn list<'a>(&'a self, sessions: &'a ListSessions) -> Listing<'a> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let offset = sessions.query().find(|(name, _)| *name == "offset");
            let offset: usize = offset.map_or(0, |(_, offset)| offset.parse().unwrap());
            let page = offset / usize::from(PAGE);
            if self.is_broken && page >= self.pages {
                return Err(client::Error::interrupted());
            }
            Ok(the_page(page % self.pages))
        })
    }
}

fn the_page(page: usize) -> SessionPage {
    let sessions = (0..usize::from(PAGE)).map(|number| {
        json!({
            "object": "session", "id": format!("sess_{page}_{number}"), "user_id": "user_1",
            "client_id": "client_1", "status": "active", "last_active_at": 0, "updated_at": 0,
            "created_at": 0, "expire_at": 36_000_000_000_000_u64,
            "abandon_at": 36_000_000_000_000_u64,
        })
    });
    serde_json::from_str(&Value::from(sessions.collect::<Vec<_>>()).to_string()).unwrap()
}

async fn revoked_of(lists: Lists) -> RevokeAllError {
    let seconds = Duration::from_secs;
    let lifetimes = Lifetimes {
        ttl: seconds(60),
        session_ttl: seconds(600),
        negative_ttl: seconds(5),
        stale_if_error: Duration::ZERO,
        clock_skew: seconds(5),
    };
    let settings = Settings {
        check: SessionCheck::Get,
        clock: Clock::fixed(noon()),
        lifetimes,
        capacity: 1,
        timeout: seconds(3),
        admits_unseen: false,
    };
    let sessions = Arc::new(Sessions::new(Box::new(lists), settings));
    let deadline = Instant::now() + seconds(20);
    let user = "user_1".parse().unwrap();
    sessions.revoke_all(Everywhere { user, except: None, deadline }).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn what_was_found_is_revoked_where_the_rest_of_the_list_cannot_be_had() {
    let error = revoked_of(Lists { pages: 2, is_broken: true }).await;
    assert_eq!((error.revoked(), error.remaining()), (500, None), "{error}");
    assert!(error.client_error().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_never_ends_keeps_nobody_signed_in() {
    let error = revoked_of(Lists { pages: 3, is_broken: false }).await;
    assert_eq!((error.revoked(), error.remaining()), (750, None), "{error}");
}
