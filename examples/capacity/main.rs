//! How many sessions an instance's rate limit carries: `cargo run --all-features --example capacity`
//!
//! A process asks Clerk about a session when nothing proves any longer that it is active, and to renew what it knows of it:
//!
//! ```text
//! calls per second ≈ active sessions × processes / 540    where tokens tell when Clerk looked their session up
//!                    active sessions × processes / 55     where they do not, or where that was long ago
//! ```
//!
//! Both stand here beside what comes of a simulation of requests, tokens and the quota (`model`), and of the
//! resolver itself, which asks the emulator in simulated time (`real`). `--svg FILE` draws what happens over time.

mod chart;

mod model;

mod real;

use std::{env, fs, ops::Range, process::ExitCode};

use model::{Instance, Rule, Scenario};

/// In seconds, as all times here.
const RESTART: usize = 1_200;

/// All is under way, and the restart is yet to come.
const STEADY: Range<usize> = 600..RESTART;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => {
            print_tables();
            ExitCode::SUCCESS
        }
        (Some("--svg"), Some(file)) => match fs::write(&file, chart::draw()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{file}: {error}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("usage: capacity [--svg FILE]");
            ExitCode::FAILURE
        }
    }
}

fn print_tables() {
    println!(
        "A request a second from each session, a new token every 50 s, one process, its default quota."
    );
    println!(
        "wanted: calls to Clerk per second by the formula; made: as simulated, once all is under way"
    );
    println!(
        "refused: percent of the requests then; cold: seconds from the start until nobody is refused\n"
    );
    println!("   instance  rule           sessions     wanted      made  refused    cold");
    for instance in [Instance::Production, Instance::Development] {
        for rule in Rule::ALL {
            for exponent in 2..=7 {
                let scenario = Scenario { instance, rule, sessions: 10_usize.pow(exponent) };
                print_row(&scenario);
            }
        }
    }
    println!(
        "\nA restart after 20 minutes, production: refused, in percent, in the minute thereafter.\n"
    );
    for rule in Rule::ALL {
        let run =
            Scenario { instance: Instance::Production, rule, sessions: 10_000 }.run(RESTART * 2);
        let refused = run.refused(RESTART..RESTART + 60);
        println!("restart  {:<14}  10000  {refused:>6.1}", rule.name());
    }
    println!(
        "\nThe resolver itself, on the quota of a development instance, as a check on the simulation.\n"
    );
    println!("     rule           sessions       made  refused, from the second minute on");
    for (rule, tells) in [(Rule::Evidence, true), (Rule::WithoutOiat, false)] {
        let real = real::run(100, 240, tells);
        let (made, refused) = (real.calls_per_second, real.refused_percent);
        println!("real {:<14} {:>8} {made:>10.2} {refused:>8.1}", rule.name(), 100);
    }
}

fn print_row(scenario: &Scenario) {
    let run = scenario.run(RESTART * 2);
    let cold = run.cold().map_or_else(|| "never".to_owned(), |seconds| seconds.to_string());
    println!(
        "{:>11}  {:<14} {:>8} {:>10.2} {:>9.2} {:>8.1} {cold:>7}",
        scenario.instance.name(),
        scenario.rule.name(),
        scenario.sessions,
        scenario.wanted(),
        run.calls_per_second(STEADY),
        run.refused(STEADY),
    );
}
