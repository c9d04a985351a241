//! The layer around real servers: axum, hyper and tonic on loopback sockets, and the emulator behind them.

mod answers;
mod checks;
mod contract;
mod environment;
mod extractors;
mod resolving;
mod revoking;
mod stacks;
