use std::time::Duration;

use tower_clerk::{
    Credential, Policy, RejectionKind, Resolved, SessionCheck, SessionStatus, SessionWatch,
    testing::{Fault, MemoryLog, Operation},
};

use crate::world::{MINUTE, SECOND, World, end, goes_on};

const CHECKS: [SessionCheck; 3] =
    [SessionCheck::Get, SessionCheck::Verify, SessionCheck::Networkless];

#[tokio::test]
async fn whoever_watches_a_session_is_told_when_it_is_revoked() {
    for check in CHECKS {
        let world = World::with(|builder| builder.check(check)).await;
        let [ada, bob] = ["user_ada", "user_bob"].map(|user| world.clerk.sign_in(user));
        let (watch, other) = (world.watch(&ada).await, world.watch(&bob).await);
        assert!(goes_on(&watch).await, "{check:?}");
        let revoking = tokio::spawn(world.resolver.revoke(&ada));
        let rejection = end(&watch).await;
        assert_eq!(rejection.kind(), RejectionKind::InactiveSession);
        assert_eq!(rejection.reason(), "session-revoked");
        revoking.await.unwrap().unwrap();
        assert!(goes_on(&other).await, "{check:?}: another session is another matter");
        let asked = world.clerk.requests().count(Operation::Get);
        assert!(asked <= 2, "{check:?}: nobody asks about a session while it is revoked: {asked}");
    }
}

#[tokio::test]
async fn a_watch_that_is_made_after_the_revocation_is_over_from_the_start() {
    for check in CHECKS {
        let world = World::with(|builder| builder.check(check)).await;
        let ada = world.clerk.sign_in("user_ada");
        let resolved = world.resolve(&ada).await;
        world.resolver.revoke(&ada).await.unwrap();
        let watch = world.resolver.watch(&resolved, &Policy::new());
        assert_eq!(watch.is_over().unwrap().reason(), "session-revoked", "{check:?}");
        assert_eq!(end(&watch).await.reason(), "session-revoked", "{check:?}");
    }
}

#[tokio::test]
async fn what_another_process_revokes_ends_what_goes_on_here() {
    for check in CHECKS {
        let log = MemoryLog::new();
        let there = log.another_process();
        let here = World::with(|builder| builder.check(check).revocation_log(log)).await;
        let elsewhere =
            here.clerk.resolver_builder().check(check).revocation_log(there).build().unwrap();
        let ada = here.clerk.sign_in("user_ada");
        let watch = here.watch(&ada).await;
        assert!(goes_on(&watch).await);
        elsewhere.revoke(&ada).await.unwrap();
        assert_eq!(end(&watch).await.reason(), "session-revoked", "{check:?}");
    }
}

#[tokio::test]
async fn what_ended_elsewhere_without_a_word_ends_here_when_clerk_is_asked_again() {
    for check in [SessionCheck::Get, SessionCheck::Verify] {
        let world = World::with(|builder| builder.check(check)).await;
        let ada = world.clerk.sign_in("user_ada");
        let watch = world.watch(&ada).await;
        world.clerk.set_status(&ada, "ended");
        world.pass(4 * MINUTE);
        assert!(goes_on(&watch).await, "{check:?}: nobody has asked yet");
        world.pass(2 * MINUTE);
        assert_eq!(end(&watch).await.reason(), "session-ended", "{check:?}");
    }
}

/// The bound: 1.1 times five minutes, `ttl` and the skew.
#[tokio::test]
async fn what_ended_elsewhere_is_noticed_within_the_bound_whatever_tokens_are_presented() {
    const BOUND: u64 = 330 + 60 + 5;
    for presents_tokens in [false, true] {
        let world = World::new().await;
        let ada = world.clerk.sign_in("user_ada");
        let watch = world.watch(&ada).await;
        world.pass(50 * SECOND);
        // The last evidence, which Clerk's edge copies forward for as long as anybody renews it.
        let mut token = world.clerk.token(&ada);
        let present = async |token: &str| {
            let credential = Credential::session_token(token.as_bytes());
            world.resolver.resolve(credential, &Policy::new()).await.is_ok()
        };
        assert!(present(&token).await);
        world.clerk.set_status(&ada, "ended");
        // Later on whoever presents a token has Clerk asked, and it is noticed the sooner.
        let mut noticed = None;
        for second in (5..=BOUND + 5).step_by(5) {
            world.pass(5 * SECOND);
            if presents_tokens && second < 30 {
                token = world.clerk.renew_at_edge(&token);
                assert!(present(&token).await, "{second}");
            }
            let ended = tokio::time::timeout(Duration::from_millis(50), watch.ended()).await;
            if ended.is_ok() {
                noticed = noticed.or(Some(second));
            }
        }
        let noticed = noticed.expect("it is noticed");
        assert!(noticed <= BOUND, "{noticed}");
        assert!(noticed > 60, "the negative control: {noticed}");
    }
}

#[tokio::test]
async fn a_token_that_expires_ends_nothing_where_the_session_vouches() {
    let world = World::new().await;
    let watch = world.watch(&world.clerk.sign_in("user_ada")).await;
    for _ in 0..10 {
        world.pass(6 * MINUTE);
        assert!(goes_on(&watch).await);
    }
    // Where the token vouches it does.
    let world = World::with(|builder| builder.check(SessionCheck::Networkless)).await;
    let watch = world.watch(&world.clerk.sign_in("user_ada")).await;
    world.pass(63 * SECOND);
    assert!(goes_on(&watch).await);
    world.pass(2 * SECOND);
    assert_eq!(end(&watch).await.reason(), "token-expired");
}

#[tokio::test]
async fn a_session_ends_at_its_own_time() {
    let world = World::new().await;
    let ada = world.clerk.sign_in("user_ada");
    let now = world.clerk.clock().now();
    world.clerk.edit(&ada, |session| session.expire_at = now + 2 * MINUTE);
    let watch = world.watch(&ada).await;
    world.pass(MINUTE);
    assert!(goes_on(&watch).await);
    world.pass(MINUTE);
    assert_eq!(end(&watch).await.reason(), "session-expired");
}

#[tokio::test]
async fn a_session_that_was_active_meanwhile_is_not_taken_for_abandoned() {
    let world = World::new().await;
    let ada = world.clerk.sign_in("user_ada");
    let abandoned_in = |time| world.abandon_in(&ada, time);
    abandoned_in(2 * MINUTE);
    let watch = world.watch(&ada).await;
    abandoned_in(5 * MINUTE);
    world.clerk.forget_requests();
    world.pass(3 * MINUTE);
    assert!(goes_on(&watch).await, "Clerk knows of the activity");
    assert_eq!(world.clerk.requests().count(Operation::Get), 1);
    world.pass(2 * MINUTE);
    assert_eq!(end(&watch).await.reason(), "session-abandoned");
    assert_eq!(world.clerk.requests().count(Operation::Get), 2);

    // Where Clerk cannot be asked, the end that is known counts.
    abandoned_in(2 * MINUTE);
    let other = World::new().await;
    let ada = other.clerk.sign_in("user_ada");
    other.abandon_in(&ada, 2 * MINUTE);
    let watch = other.watch(&ada).await;
    other.clerk.fail(Operation::Get, Fault::status(503));
    other.pass(2 * MINUTE);
    let rejection = tokio::time::timeout(10 * SECOND, watch.ended()).await.unwrap();
    assert_eq!(rejection.reason(), "session-abandoned");
}

#[tokio::test]
async fn whoever_looks_past_its_abandonment_is_told_of_it_until_clerk_has_answered() {
    let world = World::new().await;
    let ada = world.clerk.sign_in("user_ada");
    let abandoned_in = |time| world.abandon_in(&ada, time);
    abandoned_in(2 * MINUTE);
    let watch = world.watch(&ada).await;
    abandoned_in(5 * MINUTE);
    world.pass(3 * MINUTE);
    assert_eq!(watch.is_over().map(|it| it.reason()), Some("session-abandoned"));
    let goes_on = async {
        while watch.is_over().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(10 * SECOND, goes_on).await.expect("Clerk knows of the activity");
}

#[tokio::test]
async fn a_minute_of_outage_ends_nobodys_stream() {
    let world = World::with(|builder| builder.recheck(10 * SECOND)).await;
    let [ada, bob] = ["user_ada", "user_bob"].map(|user| world.clerk.sign_in(user));
    let (watch, other) = (world.watch(&ada).await, world.watch(&bob).await);
    let watching = tokio::spawn({
        let watch = watch.clone();
        async move { watch.ended().await }
    });
    world.clerk.fail(Operation::Get, Fault::status(503));
    for _ in 0..12 {
        world.pass(5 * SECOND);
        assert!(goes_on(&other).await);
    }
    assert!(!watching.is_finished(), "the negative control is below");
    world.clerk.clear_faults();
    world.clerk.set_status(&ada, "removed");
    let rejection = tokio::time::timeout(20 * SECOND, watching).await.unwrap().unwrap();
    assert_eq!(rejection.reason(), "session-removed", "it is asked again after the outage");
}

#[tokio::test]
async fn a_secret_key_that_clerk_refuses_ends_nobodys_stream() {
    let world = World::new().await;
    let watch = world.watch(&world.clerk.sign_in("user_ada")).await;
    world.clerk.fail(Operation::Get, Fault::status(401).code("clerk_key_invalid"));
    world.pass(6 * MINUTE);
    assert!(goes_on(&watch).await);
    assert!(world.clerk.requests().count(Operation::Get) >= 2, "Clerk was asked");
}

#[tokio::test]
async fn a_session_that_becomes_pending_ends_what_goes_on_unless_that_is_accepted() {
    let world = World::new().await;
    let ada = world.clerk.sign_in("user_ada");
    let resolved = world.resolve(&ada).await;
    let strict = world.resolver.watch(&resolved, &Policy::new());
    let lenient = world.resolver.watch(&resolved, &Policy::new().accept_pending());
    world.clerk.set_status(&ada, "pending");
    world.resolver.invalidate(&ada);
    assert_eq!(end(&strict).await.reason(), "session-pending");
    assert!(goes_on(&lenient).await);
}

#[tokio::test]
async fn whoever_says_look_again_has_clerk_asked_at_once() {
    let world = World::new().await;
    let ada = world.clerk.sign_in("user_ada");
    let watch = world.watch(&ada).await;
    world.clerk.forget_requests();
    drop(world.resolver.end(&ada, SessionStatus::Active));
    assert!(goes_on(&watch).await, "Clerk says that it is active");
    assert_eq!(world.clerk.requests().count(Operation::Get), 1);
    world.clerk.remove(&ada);
    drop(world.resolver.end(&ada, SessionStatus::Pending));
    assert_eq!(end(&watch).await.reason(), "session-not-found");
}

#[tokio::test]
async fn a_change_in_one_organization_ends_the_streams_of_its_member_and_of_nobody_else() {
    for check in CHECKS {
        let world = World::with(|builder| builder.check(check)).await;
        let member = world.watch(&world.member("user_ada", "org_1")).await;
        let elsewhere = world.watch(&world.member("user_ada", "org_2")).await;
        let personal = world.watch(&world.clerk.sign_in("user_ada")).await;
        let colleague = world.watch(&world.member("user_bob", "org_1")).await;
        let now = world.clerk.clock().now() + SECOND;
        let (user, organization) = ("user_ada".parse().unwrap(), "org_1".parse().unwrap());
        drop(world.resolver.deny(&user, Some(&organization), now));
        let rejection = end(&member).await;
        assert_eq!(rejection.kind(), RejectionKind::InvalidCredential, "{check:?}");
        assert_eq!(rejection.reason(), "token-superseded");
        for watch in [&elsewhere, &personal, &colleague] {
            assert!(goes_on(watch).await, "{check:?}: {watch:?}");
        }
        drop(world.resolver.deny(&user, None, now));
        for watch in [&elsewhere, &personal] {
            assert_eq!(end(watch).await.reason(), "token-superseded", "{check:?}");
        }
        assert!(goes_on(&colleague).await, "{check:?}");
    }
}

#[tokio::test]
async fn a_stream_that_a_trusted_identifier_began_ends_like_any_other() {
    let world = World::new().await;
    let [ada, bob] = ["user_ada", "user_bob"].map(|user| world.clerk.sign_in(user));
    let watch = async |id| -> SessionWatch {
        let resolved = world.resolver.resolve(Credential::SessionId(id), &Policy::new()).await;
        world.resolver.watch(&resolved.unwrap(), &Policy::new())
    };
    let (revoked, banned) = (watch(ada.clone()).await, watch(bob.clone()).await);
    assert!(goes_on(&revoked).await && goes_on(&banned).await);
    world.resolver.revoke(&ada).await.unwrap();
    assert_eq!(end(&revoked).await.reason(), "session-revoked");
    world.clerk.ban_user("user_bob");
    let now = world.clerk.clock().now() + SECOND;
    drop(world.resolver.deny(&"user_bob".parse().unwrap(), None, now));
    assert_eq!(end(&banned).await.kind(), RejectionKind::InactiveSession);
}

#[tokio::test]
async fn what_a_fallback_admitted_ends_with_its_token_or_with_its_session() {
    let world = World::with(|builder| builder.networkless_if_error()).await;
    let [ada, bob] = ["user_ada", "user_bob"].map(|user| world.clerk.sign_in(user));
    world.clerk.fail(Operation::Get, Fault::status(503));
    let (first, second) = (world.resolve(&ada).await, world.resolve(&bob).await);
    assert!(first.session().is_none() && second.session().is_none());
    let [first, second] = [first, second].map(|it| world.resolver.watch(&it, &Policy::new()));
    assert!(goes_on(&first).await && goes_on(&second).await);
    drop(world.resolver.end(&ada, SessionStatus::Ended));
    assert_eq!(end(&first).await.reason(), "session-ended");
    world.pass(65 * SECOND);
    assert_eq!(end(&second).await.reason(), "token-expired");
}

#[tokio::test]
async fn what_names_nobody_or_two_is_over_from_the_start() {
    let world = World::new().await;
    let [ada, bob] = ["user_ada", "user_bob"].map(|user| world.clerk.sign_in(user));
    let (ada, bob) = (world.resolve(&ada).await, world.resolve(&bob).await);
    let mixed = ada.with_session(bob.session().cloned());
    for resolved in [Resolved::default(), mixed] {
        let watch = world.resolver.watch(&resolved, &Policy::new());
        assert_eq!(watch.is_over().unwrap().kind(), RejectionKind::Misconfigured);
        assert_eq!(watch.ended().await.kind(), RejectionKind::Misconfigured);
    }
}

#[tokio::test]
async fn it_is_not_told_once_only() {
    let world = World::new().await;
    let ada = world.clerk.sign_in("user_ada");
    let watch = world.watch(&ada).await;
    // As in `select!`: begun again and again, and given up.
    for _ in 0..1000 {
        let ended = tokio::time::timeout(Duration::ZERO, watch.ended()).await;
        assert!(ended.is_err());
    }
    world.resolver.revoke(&ada).await.unwrap();
    assert_eq!(end(&watch).await.reason(), "session-revoked");
    assert_eq!(end(&watch.clone()).await.reason(), "session-revoked");
}

#[test]
fn outside_of_a_runtime_it_ends_and_says_so() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_world, watch) = runtime.block_on(async {
        let world = World::new().await;
        let watch = world.watch(&world.clerk.sign_in("user_ada")).await;
        (world, watch)
    });
    let mut ended = tokio_test::task::spawn(watch.ended());
    let std::task::Poll::Ready(rejection) = ended.poll() else { panic!("it hangs") };
    assert_eq!(rejection.reason(), "tokio-runtime-missing");
}

#[test]
fn a_recheck_of_no_time_is_refused() {
    let instance = tower_clerk::Instance::builder().secret_key("sk_test_x".parse().unwrap());
    let instance = instance.build().unwrap();
    for recheck in [Duration::ZERO, Duration::from_millis(999), 25 * 60 * MINUTE] {
        let builder = tower_clerk::SessionResolver::builder(&instance).recheck(recheck);
        assert!(builder.build().unwrap_err().to_string().contains("`recheck`"));
    }
    let builder = tower_clerk::SessionResolver::builder(&instance).recheck(SECOND);
    assert!(builder.build().is_ok());
}
