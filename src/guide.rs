//! Pages on what concerns more than one type. There is no code here; the programs on the pages are run as tests.

/// Who may do what: roles, permissions, plans and re-verification.
#[cfg_attr(
    all(feature = "axum", feature = "tonic", feature = "testing"),
    doc = include_str!("guide/authorization.md")
)]
pub mod authorization {}

#[doc = include_str!("guide/freshness.md")]
pub mod freshness {}
