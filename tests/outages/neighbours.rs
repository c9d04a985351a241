//! What one session costs Clerk, and the others.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;
use tower_clerk::{
    Credential, Policy, SessionCheck, SessionResolver, SessionsClient,
    client::Quota,
    testing::{Fault, Operation, SessionsApi},
};

/// A resolver with the share of the quota that is the default.
fn resolver(clerk: &SessionsApi, check: SessionCheck) -> SessionResolver {
    let instance = clerk.instance_builder().jwk_set(clerk.jwk_set()).build().unwrap();
    let client = SessionsClient::builder(&instance).quota(Quota::default()).build().unwrap();
    let builder = SessionResolver::builder(&instance).client(client).clock(clerk.clock());
    builder.check(check).build().unwrap()
}

async fn is_admitted(resolver: &SessionResolver, token: &str, policy: &Policy) -> bool {
    resolver.resolve(Credential::session_token(token.as_bytes()), policy).await.is_ok()
}

#[tokio::test]
async fn a_thousand_requests_of_one_session_that_must_always_be_asked_about_leave_room_for_others()
{
    let clerk = SessionsApi::builder().enforce_quota(true).start().await.unwrap();
    clerk.fail(Operation::Get, Fault::delay(Duration::from_millis(100)));
    let resolver = resolver(&clerk, SessionCheck::Get);
    let busy: Arc<str> = clerk.token(&clerk.sign_in("user_busy")).into();
    let always = Policy::new().max_age(Duration::ZERO);

    let mut requests = JoinSet::new();
    for _ in 0..1000 {
        let (resolver, busy, always) = (resolver.clone(), Arc::clone(&busy), always.clone());
        requests.spawn(async move { is_admitted(&resolver, &busy, &always).await });
        tokio::task::yield_now().await;
    }
    let mut others = JoinSet::new();
    for number in 0..20 {
        let token = clerk.token(&clerk.sign_in(&format!("user_{number}")));
        let resolver = resolver.clone();
        others.spawn(async move { is_admitted(&resolver, &token, &Policy::new()).await });
    }
    assert!(others.join_all().await.iter().all(|&admitted| admitted), "the others");
    assert!(requests.join_all().await.iter().all(|&admitted| admitted), "the one");
    // One under way and one behind it: each serves all who came before it was sent.
    let calls = clerk.requests().count(Operation::Get);
    assert!(calls <= 20 + 10, "{calls}");
}

#[tokio::test]
async fn one_persons_sign_outs_lock_nobody_else_out() {
    let clerk = SessionsApi::builder().enforce_quota(true).start().await.unwrap();
    clerk.fail(Operation::Revoke, Fault::delay(Duration::from_millis(100)));
    let resolver = resolver(&clerk, SessionCheck::Networkless);
    let one = clerk.sign_in("user_one");
    let mut sign_outs: JoinSet<_> = (0..100).map(|_| resolver.revoke(&one)).collect();
    let others: JoinSet<_> =
        (0..20).map(|number| resolver.revoke(&clerk.sign_in(&format!("user_{number}")))).collect();
    for revoked in others.join_all().await {
        revoked.unwrap();
    }
    while let Some(revoked) = sign_outs.join_next().await {
        revoked.unwrap().unwrap();
    }
    assert_eq!(clerk.requests().count(Operation::Revoke), 1 + 20);
}

#[tokio::test]
async fn sessions_that_were_loaded_together_are_not_renewed_together() {
    let clerk = SessionsApi::start().await;
    let resolver = clerk.resolver();
    resolver.warm_up().await.unwrap();
    let tokens: Vec<_> = (0..100)
        .map(|number| {
            let session = clerk.sign_in(&format!("user_{number}"));
            clerk.mint(&session).without_oiat().expires_in(Duration::from_secs(600)).sign()
        })
        .collect();
    for token in &tokens {
        assert!(is_admitted(&resolver, token, &Policy::new()).await);
    }
    let mut before = clerk.requests().count(Operation::Get);
    assert_eq!(before, 100);
    // They live for a minute, and the first time they are renewed after half of it at the earliest.
    let mut renewed_by = Vec::new();
    for seconds in [25, 12, 8, 12] {
        clerk.clock().advance(Duration::from_secs(seconds));
        for token in &tokens {
            assert!(is_admitted(&resolver, token, &Policy::new()).await);
        }
        // What was begun in the background has arrived once nothing more does.
        let mut now = clerk.requests().count(Operation::Get);
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            now = clerk.requests().count(Operation::Get);
        }
        renewed_by.push(now - before);
        before = now;
    }
    let [by_25, by_37, by_45, by_57] = renewed_by[..] else { panic!("four times") };
    assert_eq!(by_25, 0);
    for part in [by_37, by_45, by_57] {
        assert!((5..60).contains(&part), "{renewed_by:?}");
    }
}
