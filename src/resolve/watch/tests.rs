use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{
    parted,
    step::{LONGEST_WAIT, Step},
};
use crate::{
    Clock, Credential, Instance, Policy, Resolved, SessionCheck, SessionResolver, SessionWatch,
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
