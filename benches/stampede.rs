//! Ten thousand concurrent requests for a session that nobody knows yet: how many calls to Clerk, and
//! how long the slowest waits, beside what the call itself takes.
//!
//! `cargo bench --all-features --bench stampede`

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tower_clerk::{
    Credential, Policy,
    testing::{Fault, Operation, SessionsApi},
};

const REQUESTS: usize = 10_000;
const UPSTREAM: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() {
    for round in 1..=5 {
        let clerk = SessionsApi::start().await;
        clerk.fail(Operation::Get, Fault::delay(UPSTREAM));
        let resolver = clerk.resolver();
        resolver.warm_up().await.unwrap();
        let token: Arc<str> = clerk.token(&clerk.sign_in("user_ada")).into();
        let began = Instant::now();
        let requests: Vec<_> = (0..REQUESTS)
            .map(|_| {
                let (resolver, token) = (resolver.clone(), Arc::clone(&token));
                tokio::spawn(async move {
                    let credential = Credential::session_token(token.as_bytes());
                    resolver.resolve(credential, &Policy::new()).await.unwrap();
                    began.elapsed()
                })
            })
            .collect();
        let mut slowest = Duration::ZERO;
        for request in requests {
            slowest = slowest.max(request.await.unwrap());
        }
        let calls = clerk.requests().count(Operation::Get);
        let times = slowest.as_secs_f64() / UPSTREAM.as_secs_f64();
        println!(
            "round {round}: {REQUESTS} requests, {calls} call, the slowest after {} ms, {times:.2} times \
             the upstream's {} ms",
            slowest.as_millis(),
            UPSTREAM.as_millis(),
        );
    }
}
