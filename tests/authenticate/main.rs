//! The layer around real servers: axum, hyper and tonic on loopback sockets, and the emulator behind them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod authorization;
mod bodies;
mod bypass;
mod checks;
mod composition;
mod contract;
mod coverage;
mod credentials;
mod csrf;
mod decisions;
mod doubles;
mod ended_elsewhere;
mod environment;
mod everywhere;
mod extractors;
mod faults;
mod gateways;
mod instances;
mod key_refusals;
mod log;
mod networkless_if_error;
mod newer_word;
mod policies;
mod raw;
mod refusals;
mod resolving;
mod revoking;
mod runtimes;
mod several_runtimes;
mod signing_out;
mod stacks;
mod upgrades;
mod webhooks;
