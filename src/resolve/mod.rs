//! From a credential and a policy to a session.

mod builder;
mod check;
mod generations;
mod judge;
mod known;
mod policy;
#[cfg(tower_clerk_benchmarks)]
mod preload;
mod readiness;
mod rejection;
mod resolve_session;
mod resolved;
mod resolver;
mod sessions;
mod slot;
mod slots;
mod tail_hash;
mod tokens;
mod tombstones;
mod upstream;
mod verified_token;

#[cfg(test)]
mod revocation_model;

pub(crate) use self::resolve_session::{AnyResolver, Resolving};
pub use self::{
    builder::SessionResolverBuilder,
    check::SessionCheck,
    policy::Policy,
    readiness::{Dependency, Readiness},
    rejection::{Rejection, RejectionKind},
    resolve_session::ResolveSession,
    resolved::{Freshness, Resolved},
    resolver::SessionResolver,
};
