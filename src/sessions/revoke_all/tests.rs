//! Lists that Clerk would not give, or not to their end.

use std::sync::atomic::{AtomicUsize, Ordering};

use http::StatusCode;
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
    /// What follows: a failure, the same sessions all over again, or nothing.
    then: Then,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Failure,
    Again,
    End,
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
            match self.then {
                Then::Failure if page >= self.pages => Err(client::Error::interrupted()),
                Then::End if page >= self.pages => Ok(serde_json::from_str("[]").unwrap()),
                _ => Ok(the_page(page % self.pages)),
            }
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

async fn revoke_all(clerk: impl Upstream + 'static) -> Result<usize, RevokeAllError> {
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
    let sessions = Arc::new(Sessions::new(Box::new(clerk), settings));
    let deadline = Instant::now() + seconds(20);
    let user = "user_1".parse().unwrap();
    sessions.revoke_all(Everywhere { user, except: None, deadline }).await
}

#[tokio::test(start_paused = true)]
async fn what_was_found_is_revoked_where_the_rest_of_the_list_cannot_be_had() {
    let error = revoke_all(Lists { pages: 2, then: Then::Failure }).await.unwrap_err();
    assert_eq!((error.revoked(), error.remaining()), (500, None), "{error}");
    assert!(error.client_error().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_never_ends_keeps_nobody_signed_in() {
    let error = revoke_all(Lists { pages: 3, then: Then::Again }).await.unwrap_err();
    assert_eq!((error.revoked(), error.remaining()), (750, None), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lags_behind_what_was_revoked_is_not_waited_for() {
    let revoked = revoke_all(Lists { pages: 2, then: Then::End }).await;
    assert_eq!(revoked.unwrap(), 500);
}

/// It is asked for too much.
#[derive(Debug, Clone, Default)]
struct Crowded {
    revocations: Arc<AtomicUsize>,
}

impl Upstream for Crowded {
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
        Box::pin(async move {
            self.revocations.fetch_add(1, Ordering::SeqCst);
            Err(client::Error::answered(StatusCode::TOO_MANY_REQUESTS, b""))
        })
    }

    fn list<'a>(&'a self, sessions: &'a ListSessions) -> Listing<'a> {
        let offset = sessions.query().any(|(name, value)| name == "offset" && value != "0");
        Box::pin(async move {
            let none = || serde_json::from_str("[]").unwrap();
            Ok(if offset { none() } else { the_page(0) })
        })
    }
}

#[tokio::test(start_paused = true)]
async fn where_clerk_is_asked_too_often_the_rest_has_to_wait() {
    let clerk = Crowded::default();
    let began = Instant::now();
    let error = revoke_all(clerk.clone()).await.unwrap_err();
    assert_eq!(error.revoked(), 0);
    // To wait beyond the end would be in vain.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let (asked, pauses) = (clerk.revocations.load(Ordering::SeqCst), 20 * 4);
    assert!(asked <= AT_A_TIME * pauses, "{asked}");
}
