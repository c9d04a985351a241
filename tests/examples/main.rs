//! The examples, as a stranger meets them: started as processes and asked over sockets.
//!
//! Cargo builds them for `cargo test`, but not for `cargo test --test examples`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod axum;
mod capacity;
mod configuration;
#[cfg(feature = "redis")]
mod fleet;
mod http;
mod hyper;
mod instances;
mod one_port;
mod process;
mod real_instance;
mod redirect;
mod roles;
mod tonic;
mod webhooks;
mod websocket;
