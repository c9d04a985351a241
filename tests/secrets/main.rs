//! Nothing secret is printed, and the secret key goes nowhere but to Clerk.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod eavesdropper;
mod printed;
#[expect(dead_code, reason = "the other tests ask for more")]
#[path = "../authenticate/stacks.rs"]
mod stacks;
mod travels;
