//! Some resolvers of one instance, the log that they share, and Clerk.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower_clerk::{
    Credential, Policy, Rejection, Resolved, SessionCheck, SessionResolver, SessionResolverBuilder,
    for_redis::RedisLog,
    testing::{MemoryLog, SessionsApi},
};

use crate::server::RedisServer;

/// Ample for whatever need not be fast, on a machine that has other things to do.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) enum Log {
    Memory(MemoryLog),
    Redis(RedisServer),
}

impl Log {
    /// One of each kind that there can be here.
    pub(crate) fn of_each_kind() -> impl Iterator<Item = Self> {
        let redis = RedisServer::start().map(Self::Redis);
        [Some(Self::Memory(MemoryLog::new())), redis].into_iter().flatten()
    }

    /// As another process joins it.
    pub(crate) fn joined_by(&self, builder: SessionResolverBuilder) -> SessionResolverBuilder {
        match self {
            Self::Memory(log) => builder.revocation_log(log.another_process()),
            Self::Redis(server) => builder.revocation_log(RedisLog::new(&server.url()).unwrap()),
        }
    }

    /// A process that has joined it and found it usable.
    pub(crate) async fn process(
        &self,
        clerk: &SessionsApi,
        check: SessionCheck,
    ) -> SessionResolver {
        let process = self.joined_by(clerk.resolver_builder().check(check)).build().unwrap();
        becomes_usable(&process).await;
        process
    }

    pub(crate) async fn fleet<const SIZE: usize>(
        &self,
        clerk: &SessionsApi,
        check: SessionCheck,
    ) -> [SessionResolver; SIZE] {
        let mut fleet = Vec::new();
        for _ in 0..SIZE {
            fleet.push(self.process(clerk, check).await);
        }
        fleet.try_into().unwrap()
    }
}

pub(crate) fn log_is_usable(process: &SessionResolver) -> bool {
    process.readiness().revocation_log().unwrap().is_usable()
}

pub(crate) async fn becomes_usable(process: &SessionResolver) {
    let began = Instant::now();
    while !log_is_usable(process) {
        assert!(began.elapsed() < SOON, "{:?}", process.readiness());
        sleep(Duration::from_millis(1)).await;
    }
}

pub(crate) async fn answer(process: &SessionResolver, token: &str) -> Result<Resolved, Rejection> {
    process.resolve(Credential::session_token(token.as_bytes()), &Policy::new()).await
}

#[track_caller]
pub(crate) fn is_over(answer: Result<Resolved, Rejection>) -> bool {
    match answer {
        Ok(_) => false,
        Err(refused) => {
            let reason = refused.reason();
            let is_for_good = reason.starts_with("session-") || reason == "token-superseded";
            assert!(is_for_good, "{refused}");
            true
        }
    }
}

pub(crate) async fn admits(process: &SessionResolver, token: &str) -> bool {
    !is_over(answer(process, token).await)
}

pub(crate) async fn all_admit(fleet: &[SessionResolver], token: &str) {
    for process in fleet {
        assert!(admits(process, token).await);
    }
}

pub(crate) async fn all_refuse_within(time: Duration, fleet: &[SessionResolver], token: &str) {
    let began = Instant::now();
    for (at, process) in fleet.iter().enumerate() {
        while admits(process, token).await {
            assert!(began.elapsed() < time, "process {at} admits after {:?}", began.elapsed());
            sleep(Duration::from_millis(1)).await;
        }
    }
}
