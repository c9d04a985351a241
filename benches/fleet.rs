//! How long after a revocation the other processes of a fleet refuse: three resolvers in one process, each with
//! connections of its own to a Redis or Valkey server that is started for it, and a task each that asks on and on.
//!
//! `cargo bench --all-features --bench fleet`

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[expect(dead_code, reason = "nothing is stopped here")]
#[path = "../examples/fleet/log_server.rs"]
mod log_server;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use log_server::LogServer;
use tokio::task::yield_now;
use tower_clerk::{
    Credential, Policy, SessionCheck, SessionResolver, for_redis::RedisLog, testing::SessionsApi,
};

const REVOCATIONS: usize = 1000;
const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::main]
async fn main() {
    let Some(log) = LogServer::start().await.unwrap() else {
        println!("left out: the log between processes; install redis-server or valkey-server");
        return;
    };
    println!("on {}, {REVOCATIONS} revocations, each seen by two others", log.program());
    let clerk = SessionsApi::start().await;
    let fleet: Vec<_> = (0..3)
        .map(|_| {
            let builder = clerk.resolver_builder().check(SessionCheck::Networkless);
            builder.revocation_log(RedisLog::new(&log.url()).unwrap()).build().unwrap()
        })
        .collect();
    for process in &fleet {
        while !process.readiness().revocation_log().unwrap().is_usable() {
            yield_now().await;
        }
        let token = clerk.mint(&clerk.sign_in("user_ada")).expires_in(HOUR).sign();
        load(process.clone(), token.into());
    }

    let (mut called, mut returned) = (Vec::new(), Vec::new());
    for _ in 0..REVOCATIONS {
        let session = clerk.sign_in("user_eve");
        let token = clerk.token(&session);
        for process in &fleet {
            assert!(admits(process, &token).await);
        }
        let (here, others) = fleet.split_first().unwrap();
        let call = Instant::now();
        here.revoke(&session).await.unwrap();
        let ret = Instant::now();
        for other in others {
            while admits(other, &token).await {
                yield_now().await;
            }
            called.push(call.elapsed());
            returned.push(ret.elapsed());
        }
    }
    print("from the call of revoke, which asks Clerk", called);
    print("from when it has returned", returned);
}

/// Asks for a session that stays, so that a core is busy with it and with its likes. It ends with the runtime.
fn load(process: SessionResolver, token: Arc<str>) {
    tokio::spawn(async move {
        loop {
            for _ in 0..100 {
                assert!(admits(&process, &token).await);
            }
            yield_now().await;
        }
    });
}

async fn admits(process: &SessionResolver, token: &str) -> bool {
    process.resolve(Credential::session_token(token.as_bytes()), &Policy::new()).await.is_ok()
}

fn print(since: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{since}: p50 {:.2?}, p99 {:.2?}, max {:.2?}", at(0.5), at(0.99), at(1.0));
}
