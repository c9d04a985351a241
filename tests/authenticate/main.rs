//! The layer around real servers: axum, hyper and tonic on loopback sockets, and the emulator behind them.

mod answers;
mod bodies;
mod bypass;
mod checks;
mod composition;
mod contract;
mod credentials;
mod csrf;
mod doubles;
mod environment;
mod extractors;
mod raw;
mod resolving;
mod revoking;
mod stacks;
