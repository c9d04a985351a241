use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::StatusCode;
use serde_json::json;

use super::{
    parted,
    step::{LONGEST_WAIT, Step},
};
use crate::{
    Clock, Credential, Instance, Policy, Resolved, SessionCheck, SessionId, SessionResolver,
    SessionStatus, SessionWatch,
    client::{self, Urgency},
    sessions::{Asking, Upstream, test_sessions},
    token::test_signer::{ISSUED, TestSigner, at, session_claims_with},
};

const HOUR: u64 = 60 * 60;

/// Networkless, so that nobody is asked.
fn resolver() -> (SessionResolver, Clock) {
    let clock = Clock::fixed(at(ISSUED));
    clock.advance(Duration::from_secs(60));
    let instance = Instance::builder().jwk_set(TestSigner::ours().jwk_set()).build().unwrap();
    let builder = SessionResolver::builder(&instance).check(SessionCheck::Networkless);
    (builder.clock(clock.clone()).build().unwrap(), clock)
}

/// A token of an hour vouches.
fn watched() -> (SessionResolver, SessionWatch, Clock) {
    let (resolver, clock) = resolver();
    let claims = session_claims_with(json!({ "exp": ISSUED + HOUR }));
    let token = TestSigner::ours().sign(&claims);
    let credential = Credential::session_token(token.as_bytes());
    let resolved = resolver.inner.cached(&credential, &Policy::new()).unwrap().unwrap();
    let watch = resolver.watch(&resolved, &Policy::new());
    (resolver, watch, clock)
}

#[tokio::test]
async fn a_clock_that_is_set_is_noticed_within_a_minute() {
    let (_resolver, watch, _) = watched();
    let Step::Wait(time) = watch.watch.step() else { panic!("it is not over") };
    assert_eq!(time, LONGEST_WAIT, "and not the hour that is left");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_ends_nothing_and_one_that_is_ahead_does() {
    let (_resolver, watch, clock) = watched();
    let mut ended = tokio_test::task::spawn(watch.ended());
    tokio_test::assert_pending!(ended.poll());
    clock.set_back(Duration::from_secs(59));
    assert!(ended.is_woken());
    tokio_test::assert_pending!(ended.poll());
    clock.advance(Duration::from_secs(HOUR + 65));
    let std::task::Poll::Ready(rejection) = ended.poll() else { panic!("it is over") };
    assert_eq!(rejection.reason(), "token-expired");
    // It does not come to life again.
    clock.set_back(Duration::from_secs(HOUR));
    assert!(watch.is_over().is_some());
}

#[tokio::test]
async fn a_watch_that_is_dropped_gives_its_slot_back() {
    // Of two processes: the other one has not seen the token, and holds on to nothing on its account.
    let ((_seen, watch, _), (unseen, _)) = (watched(), resolver());
    let claims = watch.watch.state().voucher.claims().cloned();
    let watch = unseen.watch(&Resolved::default().with_claims(claims), &Policy::new());
    let slot = Arc::downgrade(watch.watch.slot.as_ref().unwrap());
    let other = watch.clone();
    drop(watch);
    assert!(slot.upgrade().is_some(), "the negative control");
    drop(other);
    assert!(slot.upgrade().is_none());
}

#[test]
fn watches_that_were_made_together_part() {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let mut drawn: Vec<_> = (0..1000).map(|_| parted(minutes(5))).collect();
    drawn.sort_unstable();
    assert!(drawn[0] >= Duration::from_secs(270) && drawn[999] <= Duration::from_secs(330));
    assert!(drawn[999] - drawn[0] > Duration::from_secs(50), "{:?}", drawn[999] - drawn[0]);
}

#[tokio::test]
async fn a_token_that_vouches_ends_in_time_where_clerk_was_asked_in_vain() {
    let clock = Clock::fixed(at(ISSUED + 50));
    let instance = Instance::builder()
        .jwk_set(TestSigner::ours().jwk_set())
        .secret_key("sk_test_Q2xlcms".parse().unwrap())
        .build()
        .unwrap();
    let builder = SessionResolver::builder(&instance).networkless_if_error();
    let resolver = builder.clock(clock).build().unwrap();
    let token = TestSigner::ours().sign(&session_claims_with(json!({ "exp": ISSUED + 60 })));
    let authenticated = resolver.inner.authenticator.authenticate(token.as_bytes()).await;
    let claims = authenticated.unwrap().claims;
    let session = claims.session_id().cloned().unwrap();
    let watch = resolver.watch(&Resolved::default().with_claims(claims), &Policy::new());
    resolver.invalidate(&session);
    let Step::Wait(_) = watch.watch.step() else { panic!("a revocation may be under way") };
    watch.watch.state().pace.failed(resolver.inner.moment());
    let Step::Wait(time) = watch.watch.step() else { panic!("Clerk was asked just now") };
    assert_eq!(time.as_secs(), 15, "the token, and the skew, and not half a minute");
}

#[tokio::test]
async fn what_was_in_vain_once_delays_nothing_once_all_is_well() {
    let (resolver, watch, _) = watched();
    let moment = resolver.inner.moment();
    let pace = || watch.watch.state().pace.catch_up();
    watch.watch.state().pace.failed(moment);
    assert!(pace(), "the negative control");
    watch.watch.state().pace.failed(moment);
    let Step::Wait(_) = watch.watch.step() else { panic!("it goes on") };
    assert!(!pace());
}

/// Clerk, which says once that the session is active, and nothing after that.
#[derive(Debug, Default, Clone)]
struct Fading(Arc<AtomicUsize>);

impl Upstream for Fading {
    fn read<'a>(
        &'a self,
        _: &'a SessionId,
        _: Option<&'a str>,
        _: Urgency,
        sent: Box<dyn FnOnce() + Send + 'a>,
    ) -> Asking<'a> {
        Box::pin(async move {
            sent();
            match self.0.fetch_add(1, Ordering::SeqCst) {
                0 => Ok(test_sessions::session("active")),
                _ => Err(client::Error::answered(StatusCode::SERVICE_UNAVAILABLE, b"")),
            }
        })
    }

    fn revoke<'a>(&'a self, _: &'a SessionId) -> Asking<'a> {
        Box::pin(async { Err(client::Error::interrupted()) })
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_makes_nobody_who_watches_ask_nor_hurry_after_it() {
    let (clerk, clock) = (Fading::default(), Clock::fixed(at(ISSUED + 30)));
    let instance = Instance::builder().jwk_set(TestSigner::ours().jwk_set()).build().unwrap();
    let builder = SessionResolver::builder(&instance).clock(clock.clone());
    let resolver = builder.build_upon(None, Box::new(clerk.clone())).unwrap();
    let token = TestSigner::ours().sign(&session_claims_with(json!({ "exp": ISSUED + HOUR })));
    let policy = Policy::new();
    let resolve = || resolver.resolve(Credential::session_token(token.as_bytes()), &policy);
    let watch = resolver.watch(&resolve().await.unwrap(), &policy);
    clock.advance(Duration::from_secs(10 * 60));
    for _ in 0..2 {
        resolve().await.unwrap_err();
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    assert!(resolver.inner.sessions.is_unavailable());

    let asked = clerk.0.load(Ordering::SeqCst);
    assert!(watch.watch.ask().await.is_err());
    tokio::task::yield_now().await;
    assert_eq!(clerk.0.load(Ordering::SeqCst), asked);

    clock.advance(Duration::from_secs(2));
    let Step::Recheck = watch.watch.step() else { panic!("it is time to") };
    for _ in 0..20 {
        watch.watch.recheck();
    }
    assert!(!watch.watch.state().pace.was_put_off());
}

#[tokio::test(start_paused = true)]
async fn a_token_that_ends_earlier_than_the_one_before_ends_it_in_time() {
    let (_resolver, watch, _) = watched();
    let mut ended = tokio_test::task::spawn(watch.ended());
    tokio_test::assert_pending!(ended.poll());
    let claims = json!({ "iat": ISSUED + 60, "exp": ISSUED + 90 });
    let sooner = TestSigner::ours().sign(&session_claims_with(claims));
    watch.renew(&sooner).await.unwrap();
    assert!(ended.is_woken());
    tokio_test::assert_pending!(ended.poll());
    let Step::Wait(time) = watch.watch.step() else { panic!("it goes on") };
    assert_eq!(time.as_secs(), 35, "and the skew");
}

#[tokio::test]
async fn what_ends_while_a_token_is_verified_is_not_carried_on_by_it() {
    let (resolver, watch, _) = watched();
    let claims = watch.watch.state().voucher.claims().cloned();
    let session = claims.as_ref().and_then(|claims| claims.session_id().cloned());
    let resolved = Resolved::default().with_claims(claims);
    let renew = || watch.watch.state().renew(&resolved, session.as_ref(), resolver.check());
    assert!(renew().is_ok(), "the negative control");
    drop(resolver.end(session.as_ref().unwrap(), SessionStatus::Revoked));
    assert!(watch.is_over().is_some());
    assert_eq!(renew().unwrap_err().reason(), "session-revoked");
}

#[tokio::test]
async fn whom_clerk_says_to_be_somebody_else_goes_no_further() {
    let clock = Clock::fixed(at(ISSUED + 30));
    let instance = Instance::builder().jwk_set(TestSigner::ours().jwk_set()).build().unwrap();
    let builder = SessionResolver::builder(&instance).clock(clock);
    let resolver = builder.build_upon(None, Box::<Fading>::default()).unwrap();
    let session = resolver.get(&"sess_1".parse().unwrap()).await.unwrap();
    let is_over = async |user: &str| {
        let token =
            TestSigner::ours().sign(&session_claims_with(json!({ "sub": user, "sid": "sess_1" })));
        let claims =
            resolver.inner.authenticator.authenticate(token.as_bytes()).await.unwrap().claims;
        // Let in while Clerk could not be asked.
        let watch = resolver.watch(&Resolved::default().with_claims(claims), &Policy::new());
        watch.is_over().map(|rejection| rejection.reason())
    };
    assert_eq!(is_over(session.user_id().as_str()).await, None, "the negative control");
    assert_eq!(is_over("user_2").await, Some("clerk-unavailable"));
}
