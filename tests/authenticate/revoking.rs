//! Revocation takes effect at once.

use std::{sync::Arc, time::Duration};

use tower_clerk::{
    AuthenticateLayer, Credential, Policy, Rejection, SessionCheck, SessionResolver, SessionStatus,
    testing::{Fault, Operation, SessionsApi},
};

use crate::stacks::{self, Outcome, admitted};

async fn resolve(resolver: &SessionResolver, token: &str) -> Result<(), Rejection> {
    let credential = Credential::session_token(token.as_bytes());
    resolver.resolve(credential, &Policy::new()).await.map(drop)
}

#[tokio::test]
async fn a_revoked_session_is_refused_at_once_on_every_stack_and_by_every_check() {
    for check in [SessionCheck::Get, SessionCheck::Verify, SessionCheck::Networkless] {
        let clerk = SessionsApi::start().await;
        let session = clerk.sign_in("user_ada");
        let (one, other) = (clerk.token(&session), clerk.token(&session));
        let resolver = clerk.resolver_builder().check(check).build().unwrap();
        let stacks = stacks::all(&AuthenticateLayer::new(resolver.clone()).unwrap()).await;
        for stack in &stacks {
            assert_eq!(stack.bearer(&one).await, admitted("user_ada"), "{} {check:?}", stack.name);
        }
        let revoked = resolver.revoke(&session).await.unwrap();
        assert_eq!(revoked.status(), &SessionStatus::Revoked);
        for stack in &stacks {
            assert_eq!(stack.bearer(&one).await, Outcome::Invalid, "{} {check:?}", stack.name);
            assert_eq!(stack.bearer(&other).await, Outcome::Invalid, "{} {check:?}", stack.name);
        }
        let unseen = clerk.mint(&session).expires_in(Duration::from_secs(7200)).sign();
        clerk.clock().advance(Duration::from_secs(3600));
        assert!(resolve(&resolver, &unseen).await.is_err(), "{check:?}");
    }
}

#[tokio::test]
async fn a_fill_that_was_under_way_does_not_bring_the_session_back() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token: Arc<str> = clerk.token(&session).into();
    let resolver = clerk.resolver();
    clerk.fail(Operation::Get, Fault::delay(Duration::from_millis(400)).times(1));
    let fill = tokio::spawn({
        let (resolver, token) = (resolver.clone(), Arc::clone(&token));
        async move { resolve(&resolver, &token).await }
    });
    while clerk.requests().count(Operation::Get) == 0 {
        tokio::task::yield_now().await;
    }
    resolver.revoke(&session).await.unwrap();
    assert_eq!(resolve(&resolver, &token).await.unwrap_err().reason(), "session-revoked");
    assert!(fill.await.unwrap().is_err());
    assert_eq!(resolve(&resolver, &token).await.unwrap_err().reason(), "session-revoked");
}

#[tokio::test]
async fn a_caller_that_hangs_up_does_not_stop_the_revocation() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.token(&session);
    let resolver = clerk.resolver();
    resolve(&resolver, &token).await.unwrap();
    clerk.fail(Operation::Revoke, Fault::delay(Duration::from_millis(100)).times(1));
    let revocation = tokio::spawn({
        let (resolver, session) = (resolver.clone(), session.clone());
        async move { resolver.revoke(&session).await }
    });
    while clerk.requests().count(Operation::Revoke) == 0 {
        tokio::task::yield_now().await;
    }
    revocation.abort();
    let refused = async {
        while resolve(&resolver, &token).await.is_ok() {
            resolver.invalidate(&session);
        }
    };
    tokio::time::timeout(Duration::from_secs(10), refused).await.unwrap();
    assert_eq!(resolve(&resolver, &token).await.unwrap_err().reason(), "session-revoked");
}

#[tokio::test]
async fn a_session_that_clerk_does_not_know_is_refused_from_then_on() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.token(&session);
    let resolver = clerk.resolver_builder().check(SessionCheck::Networkless).build().unwrap();
    resolve(&resolver, &token).await.unwrap();
    clerk.remove(&session);
    assert!(resolver.revoke(&session).await.unwrap_err().is_not_found());
    assert_eq!(resolve(&resolver, &token).await.unwrap_err().reason(), "session-revoked");
}

#[tokio::test]
async fn a_revocation_that_failed_says_so_and_clerk_is_asked_again() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.token(&session);
    let resolver = clerk.resolver();
    resolve(&resolver, &token).await.unwrap();
    clerk.fail(Operation::Revoke, Fault::status(500).times(1));
    assert!(resolver.revoke(&session).await.unwrap_err().is_unavailable());
    resolve(&resolver, &token).await.unwrap();
    assert_eq!(clerk.requests().count(Operation::Get), 2, "what was known is forgotten");

    // Clerk revoked it, and its answer was lost: once, so that it is asked for again, or each time.
    clerk.fail(Operation::Revoke, Fault::truncate().times(1));
    resolver.revoke(&session).await.unwrap();
    let (another, lost) = (clerk.sign_in("user_bob"), Fault::truncate());
    clerk.fail(Operation::Revoke, lost);
    assert!(resolver.revoke(&another).await.is_err());
    let reason = resolve(&resolver, &clerk.token(&another)).await.unwrap_err().reason();
    assert_eq!(reason, "session-revoked");
    assert_eq!(resolve(&resolver, &token).await.unwrap_err().reason(), "session-revoked");
}

#[tokio::test]
async fn neither_invalidation_nor_eviction_nor_a_stale_answer_undoes_a_revocation() {
    let clerk = SessionsApi::start().await;
    let builder = clerk.resolver_builder().capacity(2).stale_if_error(Duration::from_secs(600));
    let resolver = builder.build().unwrap();
    let session = clerk.sign_in("user_ada");
    let token = clerk.mint(&session).expires_in(Duration::from_secs(600)).sign();
    resolve(&resolver, &token).await.unwrap();
    resolver.revoke(&session).await.unwrap();
    // Whatever happens at Clerk from here on, this process has its own word for it.
    clerk.set_status(&session, "active");
    resolver.invalidate(&session);
    for n in 0..50 {
        let other = clerk.sign_in(&format!("user_{n}"));
        resolve(&resolver, &clerk.token(&other)).await.unwrap();
    }
    assert_eq!(resolve(&resolver, &token).await.unwrap_err().reason(), "session-revoked");
    clerk.fail_all(Fault::status(500));
    clerk.clock().advance(Duration::from_secs(45));
    assert_eq!(resolve(&resolver, &token).await.unwrap_err().reason(), "session-revoked");
}

#[tokio::test(start_paused = true)]
async fn a_sign_out_that_something_accepted_in_clerks_name_is_refused_here_and_repeated() {
    for check in [SessionCheck::Get, SessionCheck::Verify, SessionCheck::Networkless] {
        for fault in [Fault::garbage(), Fault::content_type(), Fault::truncate()] {
            let case = format!("{check:?} {fault:?}");
            let clerk = SessionsApi::start().await;
            let session = clerk.sign_in("user_ada");
            let token = clerk.token(&session);
            let resolver = clerk.resolver_builder().check(check).build().unwrap();
            resolve(&resolver, &token).await.unwrap();
            clerk.fail(Operation::Revoke, fault.times(3));
            let error = resolver.revoke(&session).await.unwrap_err();
            assert!(error.is_unavailable(), "its outcome is unknown: {case}");
            assert_eq!(resolve(&resolver, &token).await.unwrap_err().reason(), "session-revoked");
            // Nobody can ask again through a layer that refuses the session: it is repeated until it is known.
            let known = async {
                while clerk.requests().count(Operation::Revoke) < 4 {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(60), known).await.expect(&case);
            resolver.revoke(&session).await.unwrap();
            tokio::time::sleep(Duration::from_secs(600)).await;
            assert_eq!(clerk.requests().count(Operation::Revoke), 4, "{case}");
            assert_eq!(resolve(&resolver, &token).await.unwrap_err().reason(), "session-revoked");
        }
    }
}
