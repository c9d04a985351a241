//! A crowd on the rate limit of a development instance, which the emulator keeps.
//!
//! In the suite the time is simulated and the requests are made in process.
//! `CAPACITY_SECONDS=600 cargo test --release --all-features --test capacity -- --nocapture` takes its time: the same crowd makes
//! its requests over sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cold_start;
mod crowd;
#[expect(dead_code, reason = "the other tests ask for more")]
#[path = "../authenticate/stacks.rs"]
mod stacks;

use std::{env, time::Duration};

use tower_clerk::{AuthenticateLayer, Clock, SessionResolver, testing::SessionsApi};

use crowd::{Asked, Crowd, Time, in_process, over_sockets};

const USERS: usize = 400;
/// From then on everybody is known.
const COLD: u64 = 60;

/// Clerk with the quota of a development instance.
async fn clerk(clock: &Clock) -> SessionsApi {
    SessionsApi::builder().enforce_quota(true).clock(clock.clone()).start().await.unwrap()
}

/// As it comes, but for the emulator's address and clock.
fn resolver_of(clerk: &SessionsApi) -> tower_clerk::SessionResolverBuilder {
    let client = clerk.client_builder().build().unwrap();
    SessionResolver::builder(&clerk.instance()).client(client).clock(clerk.clock())
}

fn assert_carried(asked: &Asked) {
    let late = asked.from(COLD);
    assert!(late.admitted > 0 && late.refused == 0, "{}", asked.table());
    assert_eq!(asked.turned_out(), 0, "nobody is signed out");
    assert!(late.calls_per_second() < 1.0, "{}", asked.table());
}

#[tokio::test(start_paused = true)]
async fn four_hundred_users_live_on_the_rate_limit_of_a_development_instance() {
    let clock = Clock::fixed(std::time::SystemTime::now());
    let clerk = clerk(&clock).await;
    let resolver = resolver_of(&clerk).build().unwrap();
    resolver.warm_up().await.unwrap();
    let ask = in_process(&AuthenticateLayer::new(resolver).unwrap());
    let asked = Crowd::new(&clerk, USERS, ask, Time::Simulated(clock)).live(240).await;
    assert_carried(&asked);
    // From cold, it is the quota that bounds how fast all are known.
    let first = asked.within(0..COLD);
    assert!(first.refused > 0 && first.calls >= USERS as u64, "{}", asked.table());
}

#[tokio::test(start_paused = true)]
async fn without_evidence_in_tokens_they_do_not() {
    let clock = Clock::fixed(std::time::SystemTime::now());
    let clerk = clerk(&clock).await;
    let builder = resolver_of(&clerk).ttl(Duration::from_secs(30)).evidence_from_answers_only();
    let resolver = builder.build().unwrap();
    resolver.warm_up().await.unwrap();
    let ask = in_process(&AuthenticateLayer::new(resolver).unwrap());
    let asked = Crowd::new(&clerk, USERS, ask, Time::Simulated(clock)).live(120).await;
    let late = asked.from(COLD);
    assert!(late.refused * 10 > late.admitted, "{}", asked.table());
}

#[tokio::test(flavor = "multi_thread")]
async fn they_do_over_sockets_for_as_long_as_is_wanted() {
    let Ok(seconds) = env::var("CAPACITY_SECONDS") else { return };
    let clerk = clerk(&Clock::adjustable()).await;
    let resolver = resolver_of(&clerk).build().unwrap();
    resolver.warm_up().await.unwrap();
    let ask = over_sockets(stacks::tonic(AuthenticateLayer::new(resolver).unwrap()).await);
    let asked = Crowd::new(&clerk, USERS, ask, Time::Real).live(seconds.parse().unwrap()).await;
    println!("{}", asked.table());
    assert_carried(&asked);
}
