//! Rounds in turn, so that whatever else the machine does falls on all alike.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use crate::{
    scenario::{Contestant, Scenario, Traffic, request},
    scene::Header,
};

/// How long a contestant's turn takes, roughly.
const TURN: Duration = Duration::from_millis(4);

/// In each round every contestant has its turn, and each time another one begins.
pub(crate) fn rounds(scenarios: &mut [Scenario<'_>], rounds: usize) {
    for scenario in &mut *scenarios {
        count_allocations(scenario);
    }
    for round in 0..rounds {
        for scenario in &mut *scenarios {
            let headers = scenario.traffic.of_a_round();
            let again = matches!(scenario.traffic, Traffic::Again(_));
            let contestants = scenario.contestants.len();
            for turn in 0..contestants {
                let contestant = &mut scenario.contestants[(round + turn) % contestants];
                // What it keeps in memory is in the processor's caches again after the first calls.
                let nanos = if again {
                    timed(contestant, &headers, headers.len().max(20));
                    timed(contestant, &headers, calls_in_a_turn(contestant))
                } else {
                    let (first, others) = headers.split_at(headers.len() / 4);
                    timed(contestant, first, first.len());
                    timed(contestant, others, others.len())
                };
                contestant.nanos.push(nanos);
            }
        }
    }
}

/// Many to begin with, and then by what a call has taken.
fn calls_in_a_turn(contestant: &Contestant<'_>) -> usize {
    let Some(nanos) = contestant.nanos.last() else { return 100 };
    ((TURN.as_nanos() as f64 / nanos) as usize).clamp(20, 20_000)
}

fn timed(contestant: &mut Contestant<'_>, headers: &[Option<Header>], calls: usize) -> f64 {
    let mut nanos = 0.0;
    // Counting takes time as well.
    allocation_counter::opt_out(|| {
        let start = Instant::now();
        for header in headers.iter().cycle().take(calls) {
            black_box((contestant.call)(request(header.as_ref())));
        }
        nanos = start.elapsed().as_nanos() as f64 / calls as f64;
    });
    nanos
}

/// The median of some calls, since a cache tidies up now and then.
fn count_allocations(scenario: &mut Scenario<'_>) {
    let headers = scenario.traffic.of_a_round();
    for contestant in &mut scenario.contestants {
        let count = |header: &Option<Header>| {
            let measured = allocation_counter::measure(|| {
                black_box((contestant.call)(request(header.as_ref())));
            });
            measured.count_total
        };
        let take = if matches!(scenario.traffic, Traffic::Again(_)) { 49 } else { headers.len() };
        let mut counts: Vec<u64> = headers.iter().cycle().take(take).map(count).collect();
        counts.sort_unstable();
        contestant.allocations = counts[counts.len() / 2];
    }
}

pub(crate) fn median(of: &[f64]) -> f64 {
    let mut sorted = of.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
