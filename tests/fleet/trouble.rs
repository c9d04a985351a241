use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower_clerk::{
    SessionCheck, SessionResolver,
    for_redis::RedisLog,
    testing::{MemoryLog, SessionsApi},
};

use crate::fleet::{Log, SOON, admits, all_refuse_within, becomes_usable, log_is_usable};

#[tokio::test]
async fn a_log_that_is_down_refuses_nobody_and_has_clerk_asked_no_more_often() {
    let clerk = SessionsApi::start().await;
    let cut = MemoryLog::new();
    cut.cut();
    let nowhere = RedisLog::new("unix:///nowhere/at/all").unwrap();
    let alone = clerk.resolver();
    let of_memory = clerk.resolver_builder().revocation_log(cut).build().unwrap();
    let of_redis = clerk.resolver_builder().revocation_log(nowhere).build().unwrap();

    let asked = asked_by(&clerk, &alone).await;
    for process in [of_memory, of_redis] {
        let began = Instant::now();
        while process.readiness().revocation_log().unwrap().last_error().is_none() {
            assert!(began.elapsed() < SOON);
            sleep(Duration::from_millis(1)).await;
        }
        assert!(!log_is_usable(&process));
        assert_eq!(asked_by(&clerk, &process).await, asked);
        assert!(process.readiness().is_ready(), "nobody takes it out of rotation for that");
    }
}

#[tokio::test]
async fn a_log_that_keeps_nothing_for_long_enough_is_refused() {
    let clerk = SessionsApi::start().await;
    let build = |seconds| {
        let log = RedisLog::new("unix:///nowhere/at/all").unwrap();
        let log = log.keep_for(Duration::from_secs(seconds));
        clerk.resolver_builder().revocation_log(log).build()
    };
    for seconds in [0, 59] {
        let error = build(seconds).unwrap_err().to_string();
        assert!(error.contains("at least a minute"), "{error}");
    }
    for seconds in [60, u64::MAX] {
        build(seconds).unwrap();
    }
}

/// How often Clerk is asked for twenty sessions and five requests each, all of which are admitted.
async fn asked_by(clerk: &SessionsApi, process: &SessionResolver) -> u64 {
    process.warm_up().await.unwrap();
    clerk.forget_requests();
    for _ in 0..20 {
        let token = clerk.token(&clerk.sign_in("user_ada"));
        for _ in 0..5 {
            assert!(admits(process, &token).await);
        }
    }
    clerk.requests().total()
}

#[tokio::test]
async fn a_sign_out_while_the_log_is_down_succeeds_and_arrives_when_it_is_back() {
    let clerk = SessionsApi::start().await;
    let log = MemoryLog::new();
    let here_goes = log.handle();
    let here = clerk.resolver_builder().revocation_log(log).build().unwrap();
    let there = Log::Memory(here_goes.another_process());
    let there = there.process(&clerk, SessionCheck::Get).await;
    becomes_usable(&here).await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.token(&session);
    assert!(admits(&here, &token).await && admits(&there, &token).await);

    here_goes.cut();
    here.revoke(&session).await.unwrap();
    assert!(!admits(&here, &token).await);
    assert!(admits(&there, &token).await, "it cannot know");
    here_goes.mend();
    all_refuse_within(SOON, &[there], &token).await;
}
