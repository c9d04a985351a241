//! Pages on what concerns more than one type. There is no code here; the programs on the pages are run as tests.

/// Who may do what: roles, permissions, plans and re-verification.
#[cfg_attr(
    all(feature = "axum", feature = "tonic", feature = "testing"),
    doc = include_str!("guide/authorization.md")
)]
#[cfg_attr(
    not(all(feature = "axum", feature = "tonic", feature = "testing")),
    doc = "Who may do what: the page is there with the features `axum`, `tonic` and `testing`."
)]
pub mod authorization {}

/// Several processes that act as one: what is revoked anywhere is refused everywhere.
#[cfg_attr(feature = "testing", doc = include_str!("guide/fleet.md"))]
pub mod fleet {}

#[doc = include_str!("guide/freshness.md")]
pub mod freshness {}

/// Streams and sockets: what ends with the session, and how late.
#[cfg_attr(
    all(feature = "axum", feature = "tonic", feature = "testing"),
    doc = include_str!("guide/streams.md")
)]
#[cfg_attr(
    not(all(feature = "axum", feature = "tonic", feature = "testing")),
    doc = "Streams and sockets: the page is there with the features `axum`, `tonic` and `testing`."
)]
pub mod streams {}
