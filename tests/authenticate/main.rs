//! The layer around real servers: axum, hyper and tonic on loopback sockets, and the emulator behind them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod checks;
mod contract;
mod environment;
mod extractors;
mod resolving;
mod revoking;
mod stacks;
