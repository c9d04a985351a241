//! Everybody comes at once, to a service that knows nobody.

use std::{env, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, interval},
};
use tower_clerk::{
    AuthenticateLayer, Clock, Credential, Policy, SessionResolver,
    testing::{Operation, SessionsApi},
};

use crate::{
    clerk, resolver_of,
    stacks::{self, Outcome},
};

const SHORT: Duration = Duration::from_millis(250);

fn tokens(clerk: &SessionsApi, count: usize) -> Vec<String> {
    (0..count).map(|number| clerk.token(&clerk.sign_in(&format!("user_{number}")))).collect()
}

#[tokio::test(start_paused = true)]
async fn five_thousand_users_at_once_are_answered_within_the_short_time() {
    let clock = Clock::fixed(std::time::SystemTime::now());
    let clerk = clerk(&clock).await;
    let resolver = resolver_of(&clerk).networkless_if_error().build().unwrap();
    resolver.warm_up().await.unwrap();
    let tokens = tokens(&clerk, 5_000);
    let described = ask_at_once(&resolver, &tokens).await;
    assert!((1..100).contains(&described), "{described}");

    // They go on, a tenth of them each second, and the questions at the quota's pace, which is 80 in ten seconds.
    let (mut described, mut seconds) = (0, interval(Duration::from_secs(1)));
    for second in 0..50 {
        seconds.tick().await;
        clock.advance(Duration::from_secs(1));
        let tenth = second % 10 * 500;
        described = ask_at_once(&resolver, &tokens[tenth..tenth + 500]).await;
    }
    let calls = clerk.requests().count(Operation::Get);
    assert!((380..=480).contains(&calls), "{calls}");
    assert!(described > 20, "the questions were of use: {described}");
}

/// How many get their session; all others get in by what their tokens say. Nobody waits for long.
async fn ask_at_once(resolver: &SessionResolver, tokens: &[String]) -> usize {
    let mut callers = JoinSet::new();
    for token in tokens {
        let (resolver, token) = (resolver.clone(), token.clone());
        callers.spawn(async move {
            let began = Instant::now();
            let credential = Credential::session_token(token.as_bytes());
            let resolved = resolver.resolve(credential, &Policy::new()).await.unwrap();
            (resolved, began.elapsed())
        });
    }
    let answers = callers.join_all().await;
    assert!(answers.iter().all(|(resolved, _)| resolved.claims().is_some()));
    let slowest = answers.iter().map(|(_, waited)| *waited).max().unwrap();
    assert!(slowest <= SHORT + Duration::from_millis(50), "{slowest:?}");
    answers.iter().filter(|(resolved, _)| resolved.session().is_some()).count()
}

/// Over sockets it is a number and no assertion: it depends on the machine.
#[tokio::test(flavor = "multi_thread")]
async fn over_sockets_they_are_answered_as_fast_as_the_machine_allows() {
    let Ok(_) = env::var("CAPACITY_SECONDS") else { return };
    let clerk = clerk(&Clock::adjustable()).await;
    let resolver = resolver_of(&clerk).networkless_if_error().build().unwrap();
    resolver.warm_up().await.unwrap();
    let stack = stacks::tonic(AuthenticateLayer::new(resolver).unwrap()).await;
    // HTTP/2: each connection carries a hundred requests, and the machine has room for fifty connections.
    let connections: Vec<_> = (0..50).map(|_| stack.with_a_connection_of_its_own()).collect();
    let mut callers = JoinSet::new();
    for (number, token) in tokens(&clerk, 5_000).into_iter().enumerate() {
        let stack = connections[number % 50].clone();
        callers.spawn(async move {
            let began = Instant::now();
            assert!(matches!(stack.bearer(&token).await, Outcome::Admitted(_)));
            began.elapsed()
        });
    }
    let mut waits = callers.join_all().await;
    waits.sort_unstable();
    let at = |percent: usize| waits[(waits.len() - 1) * percent / 100];
    println!("5,000 at once: median {:?}, p99 {:?}, slowest {:?}", at(50), at(99), at(100));
}
