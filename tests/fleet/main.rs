//! Whole resolvers that share a log, in memory and on a real server: what one revokes all refuse.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod faults;
mod fleet;
#[expect(dead_code, reason = "the benchmark tells of more")]
mod process;
mod processes;
mod promises;
#[expect(dead_code, reason = "the log's own tests need more of it")]
#[path = "../../src/for_redis/tests/proxy.rs"]
mod proxy;
#[path = "../../src/for_redis/tests/server.rs"]
mod server;
mod trouble;
mod under_load;
mod webhooks;
