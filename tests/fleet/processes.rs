//! Three processes that are three processes.

use std::time::Duration;

use tower_clerk::testing::SessionsApi;

use crate::{
    process::{self, Processes},
    server::RedisServer,
};

/// By when every process refuses, on a machine that has other things to do.
const BOUND: Duration = Duration::from_secs(2);
const REVOCATIONS: usize = 1000;

/// What the processes are started as. By itself it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_of_a_fleet_does_as_it_is_told() {
    process::serve_if_told().await;
}

#[tokio::test]
async fn of_a_thousand_revocations_three_processes_refuse_each_in_time_and_for_good() {
    let Some(server) = RedisServer::start() else { return };
    let clerk = SessionsApi::start().await;
    let arguments =
        ["--exact", "processes::a_process_of_a_fleet_does_as_it_is_told", "--nocapture"];
    let mut fleet = Processes::start(&arguments, &clerk, &server.url()).await;
    let delays = fleet.revoke(&clerk, REVOCATIONS).await;
    assert_eq!(delays.len(), REVOCATIONS * 2);
    let late = delays.iter().map(|delay| delay.since_returned).filter(|&delay| delay > BOUND);
    assert_eq!(late.collect::<Vec<_>>(), [], "within {BOUND:?} of the return of `revoke`");
    assert!(fleet.end().await.iter().all(|&answered| answered > 100_000), "under load");
}
