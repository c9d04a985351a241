//! The table, in Markdown.

use std::fmt::Write;

use crate::{
    measure::median,
    scenario::{Contestant, Scenario},
};

const YARDSTICK: &str = "clerk-rs";

pub(crate) fn of(scenarios: &[Scenario<'_>]) -> String {
    let mut table = String::from(
        "| request | layer | ns | over bare, ns | of clerk-rs | allocations over bare |\n\
         | --- | --- | ---: | ---: | ---: | ---: |\n",
    );
    for scenario in scenarios {
        let (bare, yardstick) = (&scenario.contestants[0], yardstick(scenario, scenarios));
        for contestant in &scenario.contestants {
            let nanos = median(&contestant.nanos);
            let _ = writeln!(
                table,
                "| {} | {} | {:.0} | {:.0} | {:.3} | {} |",
                scenario.title,
                contestant.layer,
                nanos,
                nanos - median(&bare.nanos),
                nanos / median(&yardstick.nanos),
                contestant.allocations.saturating_sub(bare.allocations),
            );
        }
    }
    table
}

/// clerk-rs under the same requests, or else under those of the first scenario.
fn yardstick<'a>(scenario: &'a Scenario<'_>, all: &'a [Scenario<'_>]) -> &'a Contestant<'a> {
    let is_it = |contestant: &&Contestant<'_>| contestant.layer == YARDSTICK;
    let mut candidates = scenario.contestants.iter().chain(&all[0].contestants);
    candidates.find(is_it).expect("it takes part in the first scenario")
}
