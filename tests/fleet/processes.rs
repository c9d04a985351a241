//! Three processes that are three processes.

use std::{
    env,
    time::{Duration, Instant},
};

use tower_clerk::testing::SessionsApi;

use crate::{
    process::{self, Delay, Processes, Streams},
    server::RedisServer,
};

/// By when every process refuses, on a machine that has other things to do.
const BOUND: Duration = Duration::from_secs(2);
/// What starts this program as a process of a fleet.
const ARGUMENTS: [&str; 3] =
    ["--exact", "processes::a_process_of_a_fleet_does_as_it_is_told", "--nocapture"];

/// What the processes are started as. By itself it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_of_a_fleet_does_as_it_is_told() {
    process::serve_if_told().await;
}

/// A thousand revocations and a hundred events with `LONG_TESTS`.
fn how_many() -> (usize, usize) {
    if env::var_os("LONG_TESTS").is_some() { (1000, 100) } else { (100, 10) }
}

#[tokio::test]
async fn of_revocations_under_load_three_processes_refuse_each_in_time_and_for_good() {
    let Some(server) = RedisServer::start() else { return };
    let clerk = SessionsApi::start().await;
    let mut fleet = Processes::start(&ARGUMENTS, &clerk, &server.url()).await;
    let (revocations, _) = how_many();
    let delays = fleet.revoke(&clerk, revocations).await;
    assert_eq!(delays.len(), revocations * 2);
    assert_eq!(late(&delays), [], "within {BOUND:?} of the return of `revoke`");
    assert!(fleet.end().await.iter().all(|&answered| answered > 10_000), "under load");
}

#[tokio::test]
async fn an_event_that_one_process_accepts_all_three_act_upon_in_time_and_for_good() {
    let Some(server) = RedisServer::start() else { return };
    let clerk = SessionsApi::start().await;
    let mut fleet = Processes::start(&ARGUMENTS, &clerk, &server.url()).await;
    let (_, events) = how_many();
    let delays = fleet.end_by_webhook(&clerk, events).await;
    assert_eq!(delays.len(), events);
    assert_eq!(late(&delays), [], "within {BOUND:?} of the acceptance");
    assert!(fleet.end().await.iter().all(|&answered| answered > 1_000), "under load");
}

fn late(delays: &[Delay]) -> Vec<Duration> {
    delays.iter().map(|delay| delay.since_returned).filter(|&delay| delay > BOUND).collect()
}

#[tokio::test]
async fn an_event_that_one_process_accepts_ends_the_streams_that_are_open_at_another() {
    let Some(server) = RedisServer::start() else { return };
    let clerk = SessionsApi::start().await;
    let fleet = Processes::start(&ARGUMENTS, &clerk, &server.url()).await;
    for here in 0..3 {
        let there = (here + 1) % 3;
        let [ada, bob] = ["user_ada", "user_bob"].map(|user| clerk.sign_in(user));
        let of_ada = Streams::open(&fleet, there, &clerk, &ada).await;
        let mut of_bob = Streams::open(&fleet, there, &clerk, &bob).await;
        let delivered = Instant::now();
        let (_, ended) = tokio::join!(fleet.deliver(here, &ada), of_ada.end());
        for (stream, at) in ended {
            let after = at - delivered;
            println!("an event at process {here}: {stream} at {there} has ended after {after:?}");
            assert!(after <= BOUND, "{stream} at {there} has ended after {after:?}");
        }
        of_bob.go_on().await;
    }
}
