use tokio::task::JoinSet;
use tower_clerk::{Policy, SessionCheck, testing::Operation};

use crate::world::{MINUTE, SECOND, World, end, goes_on};

const MANY: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_who_watch_one_session_cost_one_call_per_recheck_and_are_all_told() {
    let world = World::new().await;
    let ada = world.clerk.sign_in("user_ada");
    let resolved = world.resolve(&ada).await;
    let mut watching = JoinSet::new();
    for _ in 0..MANY {
        let watch = world.resolver.watch(&resolved, &Policy::new());
        watching.spawn(async move { watch.ended().await });
    }
    world.clerk.forget_requests();
    // All that are made by chance lie between 270 and 330 seconds.
    for recheck in 1..=3 {
        world.pass(331 * SECOND);
        tokio::time::sleep(SECOND).await;
        assert_eq!(world.clerk.requests().count(Operation::Get), recheck);
    }
    assert!(watching.try_join_next().is_none(), "nobody was told anything");

    world.resolver.revoke(&ada).await.unwrap();
    let since = std::time::Instant::now();
    while let Some(rejection) = watching.join_next().await {
        assert_eq!(rejection.unwrap().reason(), "session-revoked");
    }
    assert!(since.elapsed() < SECOND, "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_session_that_is_in_use_is_not_asked_about_for_those_who_watch() {
    let world = World::with(|builder| builder.session_ttl(60 * MINUTE)).await;
    let ada = world.clerk.sign_in("user_ada");
    let (watch, _) = (world.watch(&ada).await, world.clerk.forget_requests());
    for _ in 0..8 {
        world.pass(MINUTE);
        // A request with a token that its front end has renewed.
        world.resolve(&ada).await;
        assert!(goes_on(&watch).await);
    }
    assert_eq!(world.clerk.requests().count(Operation::Get), 0);
}

#[tokio::test]
async fn a_full_cache_hides_no_ending() {
    for check in [SessionCheck::Get, SessionCheck::Networkless] {
        let world = World::with(|builder| builder.check(check).capacity(1)).await;
        let ada = world.clerk.sign_in("user_ada");
        let watch = world.watch(&ada).await;
        for number in 0..300 {
            world.resolve(&world.clerk.sign_in(&format!("user_{number}"))).await;
        }
        world.resolver.revoke(&ada).await.unwrap();
        assert_eq!(end(&watch).await.reason(), "session-revoked", "{check:?}");
    }
}
