use tower_clerk::{Policy, RejectionKind, SessionCheck, SessionStatus, testing::Membership};

use crate::world::{MINUTE, SECOND, World, end, goes_on};

#[tokio::test]
async fn a_token_that_is_renewed_in_band_carries_on() {
    let world = World::with(|builder| builder.check(SessionCheck::Networkless)).await;
    let ada = world.clerk.sign_in("user_ada");
    let watch = world.watch(&ada).await;
    for _ in 0..5 {
        world.pass(50 * SECOND);
        let claims = watch.renew(&world.clerk.token(&ada)).await.unwrap();
        assert_eq!(claims.session_id(), Some(&ada));
        assert!(goes_on(&watch).await);
    }
    world.pass(65 * SECOND);
    assert_eq!(end(&watch).await.reason(), "token-expired");
    let late = watch.renew(&world.clerk.token(&ada)).await.unwrap_err();
    assert_eq!(late.reason(), "token-expired", "what is over stays so");
}

#[tokio::test]
async fn whoever_renews_with_what_is_not_theirs_is_refused_and_nothing_changes() {
    for check in [SessionCheck::Get, SessionCheck::Networkless] {
        let world = World::with(|builder| builder.check(check)).await;
        let clerk = &world.clerk;
        let ada = world.member("user_ada", "org_1");
        let watch = world.watch(&ada).await;
        let another = world.member("user_ada", "org_1");
        let stranger = world.member("user_bob", "org_1");
        let token_in = |organization: Option<&str>| {
            clerk.edit(&ada, |session| {
                let organization = organization.map(|id| Membership::new(id.parse().unwrap()));
                session.organization = organization;
            });
            let token = clerk.token(&ada);
            clerk.edit(&ada, |session| {
                session.organization = Some(Membership::new("org_1".parse().unwrap()));
            });
            token
        };
        world.pass(30 * SECOND);
        for (token, reason) in [
            (clerk.token(&another), "token-of-another-session"),
            (clerk.token(&stranger), "token-of-another-session"),
            (clerk.mint(&ada).claim("sub", "user_bob").sign(), "token-of-another-user"),
            (token_in(Some("org_2")), "token-of-another-organization"),
            (token_in(None), "token-of-another-organization"),
            (clerk.mint(&ada).expired().sign(), "token-expired"),
            (clerk.mint(&ada).forged().sign(), "token-invalid-signature"),
            ("no token".to_owned(), "token-invalid"),
        ] {
            let refused = watch.renew(&token).await.unwrap_err();
            if check == SessionCheck::Get && reason == "token-of-another-user" {
                // Clerk describes the session as another's: that is refused before.
                assert_eq!(refused.kind(), RejectionKind::Unavailable);
            } else {
                assert_eq!(refused.reason(), reason, "{check:?}");
            }
            assert!(watch.is_over().is_none(), "{check:?}: {reason}");
        }
        if check == SessionCheck::Networkless {
            world.pass(35 * SECOND);
            assert_eq!(end(&watch).await.reason(), "token-expired", "none of them prolonged it");
        } else {
            drop(world.resolver.end(&another, SessionStatus::Ended));
            assert!(goes_on(&watch).await, "it is not the other session's now");
        }
    }
}

#[tokio::test]
async fn a_token_that_is_older_than_the_one_before_takes_nothing_back() {
    let world = World::with(|builder| builder.check(SessionCheck::Networkless)).await;
    let ada = world.clerk.sign_in("user_ada");
    let old = world.clerk.token(&ada);
    world.pass(30 * SECOND);
    let watch = world.watch(&ada).await;
    watch.renew(&old).await.unwrap();
    world.pass(40 * SECOND);
    assert!(goes_on(&watch).await);
}

#[tokio::test]
async fn a_promotion_ends_the_stream_of_old_claims_and_not_the_one_that_was_renewed() {
    let world = World::new().await;
    let ada = world.member("user_ada", "org_1");
    let (stale, renewed) = (world.watch(&ada).await, world.watch(&ada).await);
    world.pass(10 * SECOND);
    let changed_at = world.clerk.clock().now();
    world.pass(10 * SECOND);
    renewed.renew(&world.clerk.token(&ada)).await.unwrap();
    let (user, organization) = ("user_ada".parse().unwrap(), "org_1".parse().unwrap());
    drop(world.resolver.deny(&user, Some(&organization), changed_at));
    assert_eq!(end(&stale).await.reason(), "token-superseded");
    assert!(goes_on(&renewed).await);
}

#[tokio::test]
async fn what_a_fallback_admitted_is_the_sessions_once_it_is_renewed() {
    use tower_clerk::testing::{Fault, Operation};
    let world = World::with(|builder| builder.networkless_if_error()).await;
    let ada = world.clerk.sign_in("user_ada");
    world.clerk.fail(Operation::Get, Fault::status(503));
    let watch = world.resolver.watch(&world.resolve(&ada).await, &Policy::new());
    world.clerk.clear_faults();
    world.pass(30 * SECOND);
    let renewing = async {
        // Clerk is tried again after a while.
        loop {
            let resolved = world.resolve(&ada).await;
            watch.renew(&world.clerk.token(&ada)).await.unwrap();
            if resolved.session().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(10 * SECOND, renewing).await.unwrap();
    world.pass(4 * MINUTE);
    assert!(goes_on(&watch).await);
}
