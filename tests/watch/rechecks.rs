use std::{future::poll_fn, time::Duration};

use tokio::time::{Instant, sleep, timeout};
use tower_clerk::{
    Credential, Policy,
    client::Quota,
    testing::{Fault, Operation},
};

use crate::world::{MINUTE, SECOND, World, end, goes_on};

/// What it says within a few looks, each of which comes after what the one before has set going is done.
async fn looked_at(watch: &tower_clerk::SessionWatch) -> Option<&'static str> {
    assert!(watch.is_over().is_none(), "nobody knows yet");
    for _ in 0..2 {
        sleep(Duration::from_millis(400)).await;
        if let Some(rejection) = watch.is_over() {
            return Some(rejection.reason());
        }
    }
    None
}

#[tokio::test]
async fn whoever_only_looks_hears_too_that_there_is_no_such_session_or_a_pending_one() {
    for (recheck, change) in [(false, "pending"), (true, "pending"), (false, ""), (true, "")] {
        let world = World::new().await;
        let ada = world.clerk.sign_in("user_ada");
        let watch = world.watch(&ada).await;
        assert_eq!(looked_at(&watch).await, None, "the negative control");
        // The token is older than what Clerk says next.
        world.pass(10 * SECOND);
        let reason = if change.is_empty() {
            world.clerk.remove(&ada);
            "session-not-found"
        } else {
            world.clerk.set_status(&ada, change);
            "session-pending"
        };
        if recheck {
            world.pass(6 * MINUTE);
        } else {
            world.resolver.invalidate(&ada);
        }
        assert_eq!(looked_at(&watch).await, Some(reason), "{recheck}");
    }
}

#[tokio::test]
async fn what_a_recheck_finds_ends_what_goes_on_at_once() {
    for change in ["ended", "pending", ""] {
        let world = World::new().await;
        let ada = world.clerk.sign_in("user_ada");
        let watch = world.watch(&ada).await;
        if change.is_empty() {
            world.clerk.remove(&ada);
        } else {
            world.clerk.set_status(&ada, change);
        }
        assert!(goes_on(&watch).await);
        world.pass(6 * MINUTE);
        end(&watch).await;
    }
}

#[tokio::test]
async fn what_was_known_before_an_outage_is_no_recheck() {
    let world = World::with(|builder| {
        builder.ttl(5 * SECOND).stale_if_error(10 * MINUTE).recheck(10 * SECOND)
    })
    .await;
    let ada = world.clerk.sign_in("user_ada");
    let watch = world.watch(&ada).await;
    world.clerk.fail(Operation::Get, Fault::status(503));
    world.pass(12 * SECOND);
    let credential = Credential::SessionId(ada.clone());
    let resolved = world.resolver.resolve(credential, &Policy::new()).await.unwrap();
    assert!(resolved.freshness().unwrap().is_stale(), "the negative control");
    assert!(timeout(3 * SECOND, watch.ended()).await.is_err(), "an outage ends nothing");
    world.clerk.clear_faults();
    world.clerk.set_status(&ada, "removed");
    let ended = timeout(5 * SECOND, watch.ended()).await.expect("and not ten seconds later");
    assert_eq!(ended.reason(), "session-removed");
}

#[tokio::test]
async fn a_failure_of_a_moment_ago_does_not_stand_for_the_answer_that_an_end_depends_on() {
    let world = World::with(|builder| builder.recheck(5 * MINUTE)).await;
    let ada = world.clerk.sign_in("user_ada");
    let abandoned_in = |time| {
        let at = world.clerk.clock().now() + time;
        world.clerk.edit(&ada, |session| session.abandon_at = at);
    };
    abandoned_in(7 * MINUTE);
    let watch = world.watch(&ada).await;
    abandoned_in(20 * MINUTE);
    world.clerk.fail(Operation::Get, Fault::status(503));
    world.pass(6 * MINUTE);
    assert!(goes_on(&watch).await);
    world.clerk.clear_faults();
    sleep(2 * SECOND).await;
    world.pass(MINUTE);
    assert!(goes_on(&watch).await, "Clerk would have told that it was active");
}

#[tokio::test]
async fn idle_streams_make_no_request_wait_for_the_quota() {
    let world = World::new().await;
    let client = world.clerk.client_builder().quota(Quota::Percent(80)).build().unwrap();
    let resolver = world.clerk.resolver_builder().client(client).build().unwrap();
    let world = World { resolver, ..world };
    let mut watching = tokio::task::JoinSet::new();
    for number in 0..38 {
        let session = world.clerk.sign_in(&format!("user_{number}"));
        let watch = world.watch(&session).await;
        watching.spawn(async move { watch.ended().await });
    }
    world.pass(6 * MINUTE);
    // All of them are due.
    sleep(Duration::from_millis(200)).await;
    let since = Instant::now();
    world.resolve(&world.clerk.sign_in("user_ada")).await;
    assert!(since.elapsed() < SECOND, "{:?}", since.elapsed());
    assert!(watching.try_join_next().is_none());
}

#[tokio::test]
async fn what_an_identifier_began_is_not_renewed_with_somebody_elses_token() {
    let world = World::new().await;
    let ada = world.clerk.sign_in("user_ada");
    let credential = Credential::SessionId(ada.clone());
    let resolved = world.resolver.resolve(credential, &Policy::new()).await.unwrap();
    let watch = world.resolver.watch(&resolved, &Policy::new());
    for other in ["user_ada", "user_bob"] {
        let token = world.clerk.token(&world.clerk.sign_in(other));
        let refused = watch.renew(&token).await.unwrap_err();
        assert_eq!(refused.reason(), "token-of-another-session", "{other}");
        assert!(goes_on(&watch).await);
    }
    watch.renew(&world.clerk.token(&ada)).await.unwrap();
    assert!(goes_on(&watch).await, "the negative control");
}

#[tokio::test]
async fn a_token_that_is_renewed_during_an_outage_does_not_take_the_sessions_place() {
    let world = World::with(|builder| builder.networkless_if_error().ttl(5 * SECOND)).await;
    let ada = world.clerk.sign_in("user_ada");
    let watch = world.watch(&ada).await;
    world.pass(3 * MINUTE);
    world.clerk.fail(Operation::Get, Fault::status(503));
    world.resolver.invalidate(&ada);
    world.pass(15 * SECOND);
    let renewed = watch.renew(&world.clerk.token(&ada)).await;
    assert!(renewed.is_ok(), "{renewed:?}");
    world.clerk.clear_faults();
    assert!(goes_on(&watch).await);
    sleep(2 * SECOND).await;
    world.pass(2 * MINUTE);
    assert!(goes_on(&watch).await, "the session vouches, and not the token that has expired");
    world.resolver.revoke(&ada).await.unwrap();
    assert_eq!(end(&watch).await.reason(), "session-revoked");
}

/// Whoever is told to stop asking Clerk for a while does not turn in circles meanwhile.
#[tokio::test]
async fn a_watch_that_waits_for_clerk_is_not_polled_again_and_again() {
    let world = World::new().await;
    let watch = world.watch(&world.clerk.sign_in("user_ada")).await;
    world.clerk.fail(Operation::Get, Fault::status(503));
    world.pass(6 * MINUTE);
    let mut polls = 0;
    let mut ended = std::pin::pin!(watch.ended());
    let counted = poll_fn(|cx| {
        polls += 1;
        ended.as_mut().poll(cx).map(drop)
    });
    assert!(timeout(2 * SECOND, counted).await.is_err());
    assert!(polls < 50, "{polls}");
}
