//! How things are set up in one interleaving.

use std::{sync::OnceLock, time::Duration};

use super::{PROCESSES, Random, SESSIONS, SKEW, clerk::Clerk, log::Log, tokens::Kind};
use crate::{
    Clock, Instance, SessionResolver, sessions::SessionCheck, token::test_signer::TestSigner,
};

/// How the resolvers are set up in a run, and by how much Clerk's clock is ahead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) check: SessionCheck,
    pub(super) seed: u64,
    pub(super) ttl: Duration,
    session_ttl: Duration,
    stale_if_error: Duration,
    answers_only: bool,
    pub(super) networkless_if_error: bool,
    /// In seconds.
    pub(super) clerk_is_ahead: i64,
    capacity: u64,
    /// How many sessions anything happens to.
    pub(super) sessions: usize,
    pub(super) mood: Mood,
    /// What a token is that is not to be believed.
    pub(super) dubious: Kind,
    /// How many processes there are. They share a log, where there are several.
    pub(super) processes: usize,
}

/// What happens in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// Everything.
    Busy,
    /// Nobody revokes or forgets anything here: time passes, and tokens are issued that are not to be believed.
    Quiet,
}

impl Plan {
    pub(super) fn draw(check: SessionCheck, seed: u64) -> Self {
        let random = &mut Random::new(seed);
        let asks = check != SessionCheck::Networkless;
        let answers_only = asks && random.is_one_in(8);
        Self {
            check,
            seed,
            ttl: Duration::from_secs(random.pick(&[0, 8, 8, 16])),
            session_ttl: Duration::from_secs(random.pick(&[1, 20, 40, 100])),
            stale_if_error: Duration::from_secs(if asks { random.pick(&[0, 0, 20]) } else { 0 }),
            answers_only,
            networkless_if_error: asks && !answers_only && random.is_one_in(2),
            clerk_is_ahead: random.pick(&[-5, 0, 5]),
            capacity: random.pick(&[1, 2, 100]),
            sessions: random.pick(&[1, 2, SESSIONS, SESSIONS]),
            mood: random.pick(&[Mood::Busy, Mood::Quiet]),
            dubious: random.pick(&[Kind::Untold, Kind::Template, Kind::Foreign]),
            processes: random.pick(&[1, 2, 2, PROCESSES]),
        }
    }

    /// For how long after its end elsewhere a session may be admitted.
    pub(super) fn bound(&self, max_age: Option<Duration>, is_stale: bool) -> Duration {
        let is_by_answers = self.answers_only || self.ttl.is_zero() && !is_stale;
        let skew = if is_by_answers { Duration::ZERO } else { SKEW };
        let bound = self.ttl + skew + if is_stale { self.stale_if_error } else { Duration::ZERO };
        max_age.map_or(bound, |max_age| max_age.min(bound))
    }

    pub(super) fn resolver(&self, clerk: Clerk, log: Log, clock: &Clock) -> SessionResolver {
        let mut builder = SessionResolver::builder(instance())
            .check(self.check)
            .clock(clock.clone())
            .clock_skew(SKEW)
            .capacity(self.capacity)
            .ttl(self.ttl)
            .session_ttl(self.session_ttl)
            .stale_if_error(self.stale_if_error);
        if self.answers_only {
            builder = builder.evidence_from_answers_only();
        }
        if self.networkless_if_error {
            builder = builder.networkless_if_error();
        }
        if self.processes > 1 {
            builder = builder.revocation_log(log);
        }
        builder.build_upon(None, Box::new(clerk)).unwrap()
    }
}

fn instance() -> &'static Instance {
    static INSTANCE: OnceLock<Instance> = OnceLock::new();
    let new = || Instance::builder().jwk_set(TestSigner::ours().jwk_set()).build().unwrap();
    INSTANCE.get_or_init(new)
}
