//! From a credential and a policy to a session.

mod builder;
mod decide;
mod evidence;
mod inner;
#[cfg(tower_clerk_benchmarks)]
mod preload;
mod readiness;
mod rejection;
mod require;
mod resolve_session;
mod resolved;
mod resolver;
mod revoke_all;
mod verdict;
mod verified_token;
mod watch;
mod webhooks;

#[cfg(test)]
mod capacity_model;
#[cfg(test)]
mod revocation_model;

pub(crate) use self::resolve_session::{AnyResolver, Resolving};
pub use self::{
    builder::SessionResolverBuilder,
    readiness::{Dependency, Readiness},
    rejection::{Rejection, RejectionKind},
    resolve_session::ResolveSession,
    resolved::{Freshness, Resolved},
    resolver::SessionResolver,
    revoke_all::RevokeAll,
    watch::SessionWatch,
};
