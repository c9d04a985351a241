//! Pages on what concerns more than one type. There is no code here.

#[doc = include_str!("guide/freshness.md")]
pub mod freshness {}
