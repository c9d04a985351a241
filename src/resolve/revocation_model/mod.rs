//! Revoke wins, and nobody is admitted for long who was ended elsewhere: checked against a model.
//!
//! A seeded scheduler drives the real resolver through thousands of interleavings of requests, answers, revocations, ends
//! elsewhere, tokens that are renewed with and without looking, invalidations, evictions, outages, callers that leave, time that
//! passes and clocks that differ. It decides when a question reaches Clerk and when the answer comes back. Often there are several
//! processes, and a log between them: it decides, too, which entries are lost, and when, in which order and how often each process
//! reads the others. An oracle that knows the truth judges each verdict.
//!
//! `REVOCATION_RUNS` sets how many runs there are for each way of checking.

mod clerk;
mod log;
mod oracle;
mod plan;
mod run;
mod tokens;

use std::{env, time::Duration};

use plan::Plan;
use run::Run;

use crate::sessions::SessionCheck;

const SESSIONS: usize = 4;
/// There are so many at most.
const PROCESSES: usize = 3;
const STEPS: usize = 150;
const SKEW: Duration = Duration::from_secs(5);

#[test]
fn no_resolution_admits_after_revoke_has_returned_nor_long_after_an_end_elsewhere() {
    let runs = env::var("REVOCATION_RUNS").map_or(80, |runs| runs.parse().unwrap());
    let mut seen = Seen::default();
    for check in [SessionCheck::Get, SessionCheck::Verify, SessionCheck::Networkless] {
        for seed in 0..runs {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            seen.add(&runtime.block_on(Run::new(Plan::draw(check, seed)).play()));
        }
    }
    // What the runs were to be about did happen, again and again.
    assert!(seen.counts().iter().all(|&count| count > runs / 4), "{runs} runs: {seen:?}");
}

/// How often things happened that the model is about.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    revoked: u64,
    ended_here: u64,
    ended_elsewhere: u64,
    accepted_oddly: u64,
    admitted: u64,
    /// By what a token proved, the answer being too old.
    admitted_by_evidence: u64,
    /// By a token without a description.
    admitted_unconfirmed: u64,
    admitted_stale: u64,
    refused: u64,
    /// After Clerk had been asked again, since what was known had been forgotten.
    admitted_after_forgetting: u64,
    left: u64,
    /// Fills that were answered after the session they were about had been revoked.
    late_fills: u64,
    /// Sessions that a process learned from the log to be over.
    ended_by_log: u64,
    /// How often the log had a process ask anew.
    forgotten_by_log: u64,
    /// Answers that Clerk gave to what was asked before the log said something of that session.
    outdated_by_log: u64,
    /// How often the log lost everything.
    lost: u64,
}

impl Seen {
    fn counts(self) -> [u64; 16] {
        let Self { revoked, ended_here, ended_elsewhere, accepted_oddly, admitted, .. } = self;
        let Self { admitted_by_evidence, admitted_unconfirmed, admitted_stale, .. } = self;
        let Self { refused, admitted_after_forgetting, left, late_fills, .. } = self;
        let Self { ended_by_log, forgotten_by_log, outdated_by_log, lost, .. } = self;
        [
            revoked,
            ended_here,
            ended_elsewhere,
            accepted_oddly,
            admitted,
            admitted_by_evidence,
            admitted_unconfirmed,
            admitted_stale,
            refused,
            admitted_after_forgetting,
            left,
            late_fills,
            ended_by_log,
            forgotten_by_log,
            outdated_by_log,
            lost,
        ]
    }

    fn add(&mut self, other: &Self) {
        self.revoked += other.revoked;
        self.ended_here += other.ended_here;
        self.ended_elsewhere += other.ended_elsewhere;
        self.accepted_oddly += other.accepted_oddly;
        self.admitted += other.admitted;
        self.admitted_by_evidence += other.admitted_by_evidence;
        self.admitted_unconfirmed += other.admitted_unconfirmed;
        self.admitted_stale += other.admitted_stale;
        self.refused += other.refused;
        self.admitted_after_forgetting += other.admitted_after_forgetting;
        self.left += other.left;
        self.late_fills += other.late_fills;
        self.ended_by_log += other.ended_by_log;
        self.forgotten_by_log += other.forgotten_by_log;
        self.outdated_by_log += other.outdated_by_log;
        self.lost += other.lost;
    }
}

/// A xorshift generator: the same seed, the same run.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap()
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.index(all.len())]
    }

    fn is_one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}
