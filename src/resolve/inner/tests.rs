use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::StatusCode;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    Clock, Credential, Instance, Policy, ResolveSession, Session, SessionCheck, SessionId,
    SessionResolver, SessionStatus,
    client::{self, Urgency},
    sessions::{Asking, Upstream, test_sessions},
    token::test_signer::{ISSUED, TestSigner, at, session_claims, session_claims_with},
};

#[tokio::test]
async fn a_clock_that_was_three_days_ahead_brings_no_revoked_session_back() {
    let clock = Clock::fixed(at(ISSUED));
    let instance = Instance::builder().jwk_set(TestSigner::ours().jwk_set()).build().unwrap();
    let resolver = SessionResolver::builder(&instance)
        .check(SessionCheck::Networkless)
        .clock(clock.clone())
        .capacity(1)
        .build()
        .unwrap();
    let day = Duration::from_secs(24 * 60 * 60);
    let token = |id: &str| {
        let claims = json!({ "sid": id, "exp": ISSUED + 3600 });
        TestSigner::ours().sign(&session_claims_with(claims))
    };
    let is_admitted = |id: &str| {
        let token = token(id);
        let credential = Credential::session_token(token.as_bytes());
        resolver.resolve_cached(&credential, &Policy::new()).unwrap().is_ok()
    };
    assert!(is_admitted("sess_0"), "the negative control");
    // It ended elsewhere, as it ends by a revocation.
    drop(resolver.end(&"sess_0".parse().unwrap(), SessionStatus::Revoked));
    clock.advance(3 * day);
    for other in 1..100 {
        let id = format!("sess_{other}");
        drop(resolver.end(&id.parse().unwrap(), SessionStatus::Revoked));
    }
    resolver.inner.sessions.evict();
    clock.set_back(3 * day);
    for other in 100..200 {
        assert!(is_admitted(&format!("sess_{other}")));
    }
    resolver.inner.sessions.evict();
    assert!(!is_admitted("sess_0"));
}

#[test]
fn an_expired_token_takes_nobodys_place() {
    let instance = Instance::builder().jwk_set(TestSigner::ours().jwk_set()).build().unwrap();
    let resolver = SessionResolver::builder(&instance)
        .check(SessionCheck::Networkless)
        .clock(Clock::fixed(at(ISSUED + 30)))
        .build()
        .unwrap();
    let is_kept_after = |token: &str| {
        let credential = Credential::session_token(token.as_bytes());
        let admitted = resolver.resolve_cached(&credential, &Policy::new()).unwrap().is_ok();
        (admitted, resolver.inner.tokens.read(token.as_bytes(), |_| ()).is_some())
    };
    let good = TestSigner::ours().sign(&session_claims());
    assert_eq!(is_kept_after(&good), (true, true));
    let expired = session_claims_with(json!({ "exp": ISSUED + 20 }));
    assert_eq!(is_kept_after(&TestSigner::ours().sign(&expired)), (false, false));
}

/// Clerk, which knows every session, unless it is down.
#[derive(Debug, Clone, Default)]
struct Clerk {
    is_down: Arc<AtomicBool>,
}

impl Upstream for Clerk {
    fn read<'a>(
        &'a self,
        id: &'a SessionId,
        _: Option<&'a str>,
        _: Urgency,
        sent: Box<dyn FnOnce() + Send + 'a>,
    ) -> Asking<'a> {
        Box::pin(async move {
            sent();
            if self.is_down.load(Ordering::SeqCst) {
                return Err(client::Error::answered(StatusCode::SERVICE_UNAVAILABLE, b""));
            }
            let mut session = serde_json::to_value(test_sessions::session("active")).unwrap();
            session["id"] = json!(id);
            Ok(serde_json::from_value::<Session>(session).unwrap())
        })
    }

    fn revoke<'a>(&'a self, _: &'a SessionId) -> Asking<'a> {
        Box::pin(async { Err(client::Error::interrupted()) })
    }
}

#[tokio::test]
async fn whoever_is_served_through_an_outage_is_kept_in_mind_for_as_long_as_that_lasts() {
    let (clerk, clock) = (Clerk::default(), Clock::fixed(at(ISSUED)));
    let instance = Instance::builder().jwk_set(TestSigner::ours().jwk_set()).build().unwrap();
    let builder = SessionResolver::builder(&instance).clock(clock.clone()).capacity(2);
    let builder = builder.stale_if_error(Duration::from_secs(3600));
    let resolver = builder.build_upon(None, Box::new(clerk.clone())).unwrap();
    let admit = async |id: &str| {
        let claims = json!({ "sid": id, "exp": ISSUED + 3600 });
        let token = TestSigner::ours().sign(&session_claims_with(claims));
        let credential = Credential::session_token(token.as_bytes());
        let resolved = resolver.resolve(credential, &Policy::new()).await.unwrap();
        resolved.freshness().unwrap().is_stale()
    };
    let sessions = &resolver.inner.sessions;
    assert!(!admit("sess_served").await && !admit("sess_idle").await);
    sessions.evict();
    clock.advance(Duration::from_secs(600));
    clerk.is_down.store(true, Ordering::SeqCst);
    assert!(admit("sess_served").await);
    clerk.is_down.store(false, Ordering::SeqCst);
    assert!(!admit("sess_new").await);
    sessions.evict();
    let kept =
        ["sess_served", "sess_idle", "sess_new"].map(|id| sessions.keeps(&id.parse().unwrap()));
    assert_eq!(kept, [true, false, true]);
}

/// Clerk, whose first answer takes a while and says that there are sign-in tasks left. It gives no other.
#[derive(Debug, Default)]
struct Slow {
    was_asked: AtomicBool,
}

const TIMEOUT: Duration = Duration::from_secs(3);

impl Upstream for Slow {
    fn read<'a>(
        &'a self,
        _: &'a SessionId,
        _: Option<&'a str>,
        _: Urgency,
        sent: Box<dyn FnOnce() + Send + 'a>,
    ) -> Asking<'a> {
        Box::pin(async move {
            sent();
            if self.was_asked.swap(true, Ordering::SeqCst) {
                return std::future::pending().await;
            }
            tokio::time::sleep(TIMEOUT * 3 / 4).await;
            Ok(test_sessions::session("pending"))
        })
    }

    fn revoke<'a>(&'a self, _: &'a SessionId) -> Asking<'a> {
        Box::pin(async { Err(client::Error::interrupted()) })
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_must_ask_again_waits_no_longer_than_two_time_outs_in_all() {
    let instance = Instance::builder().jwk_set(TestSigner::ours().jwk_set()).build().unwrap();
    let builder = SessionResolver::builder(&instance).clock(Clock::fixed(at(ISSUED + 30)));
    let resolver = builder.build_upon(None, Box::<Slow>::default()).unwrap();
    let resolve = |issued_at: u64| {
        let claims = json!({ "iat": issued_at, "nbf": issued_at });
        let token = TestSigner::ours().sign(&session_claims_with(claims));
        let resolver = resolver.clone();
        async move {
            let credential = Credential::session_token(token.as_bytes());
            resolver.resolve(credential, &Policy::new()).await.unwrap_err().reason()
        }
    };
    let before = tokio::spawn(resolve(ISSUED));
    tokio::time::sleep(TIMEOUT / 10).await;
    // The answer under way is not to what the newer token says.
    let began = Instant::now();
    assert_eq!(resolve(ISSUED + 29).await, "clerk-unavailable");
    assert_eq!(before.await.unwrap(), "session-pending");
    assert_eq!(began.elapsed(), 2 * TIMEOUT);
}
