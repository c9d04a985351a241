//! The resolver itself and the emulator with its quota, in simulated time.

use std::time::{Duration, SystemTime};

use tokio::{
    runtime,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tower_clerk::{
    Clock, Credential, Policy, SessionResolver,
    testing::{Operation, SessionsApi},
};

const TICKS: usize = 10;
const TICK: Duration = Duration::from_millis(100);

pub(crate) struct Measured {
    pub(crate) calls_per_second: f64,
    pub(crate) refused_percent: f64,
}

/// From the second minute on.
pub(crate) fn run(sessions: usize, seconds: usize, tokens_tell: bool) -> Measured {
    let runtime = runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime can be started").block_on(measure(sessions, seconds, tokens_tell))
}

async fn measure(sessions: usize, seconds: usize, tokens_tell: bool) -> Measured {
    let clock = Clock::fixed(SystemTime::now());
    let clerk = SessionsApi::builder().enforce_quota(true).clock(clock.clone()).start().await;
    let clerk = clerk.expect("a loopback port can be bound");
    let client = clerk.client_builder().build().expect("an HTTP client can be built");
    let resolver = SessionResolver::builder(&clerk.instance()).client(client).clock(clock.clone());
    let resolver = resolver.build().expect("the settings go together");
    let ids: Vec<_> =
        (0..sessions).map(|number| clerk.sign_in(&format!("user_{number}"))).collect();
    let token = |id| match tokens_tell {
        true => clerk.token(id),
        false => clerk.mint(id).without_oiat().sign(),
    };
    let mut tokens: Vec<_> = ids.iter().map(token).collect();

    let (mut asked, mut refused, mut cold_calls) = (0, 0, 0);
    let mut under_way = JoinSet::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for second in 0..seconds {
        if second == 60 {
            cold_calls = clerk.requests().count(Operation::Get);
        }
        for tick in 0..TICKS {
            ticks.tick().await;
            clock.advance(TICK);
            for number in (tick..sessions).step_by(TICKS) {
                if second % 50 == number % 50 {
                    tokens[number] = token(&ids[number]);
                }
                let (resolver, token) = (resolver.clone(), tokens[number].clone());
                under_way.spawn(async move {
                    let credential = Credential::session_token(token.as_bytes());
                    (second, resolver.resolve(credential, &Policy::new()).await.is_err())
                });
            }
        }
    }
    while let Some(answer) = under_way.join_next().await {
        let (second, is_refused) = answer.expect("no request panics");
        if second >= 60 {
            asked += 1;
            refused += usize::from(is_refused);
        }
    }
    let calls = clerk.requests().count(Operation::Get) - cold_calls;
    Measured {
        calls_per_second: calls as f64 / (seconds - 60) as f64,
        refused_percent: 100.0 * refused as f64 / f64::from(asked),
    }
}
