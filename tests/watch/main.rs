//! What goes on in a session's name ends with it: watches, event streams, sockets and calls.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod calls;
mod crowds;
mod endings;
mod rechecks;
mod renewals;
mod settings;
mod sockets;
mod streams;
mod world;
