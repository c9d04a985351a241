//! By whom a request was admitted, as it travels with the request.

use std::{any::Any, fmt, num::NonZero, ptr::NonNull, sync::Arc};

/// Which resolver said yes to a request, and how its layer answers what is refused.
///
/// It travels within what a request carries anyway, the caller's claims or the mark that says why
/// there are none: an entry of its own among the extensions would be one more allocation per request.
#[derive(Clone, Default)]
pub(crate) struct AdmittedBy {
    pub(crate) resolver: Option<ResolverId>,
    /// What the layer was told of refusals, if anything; the floor that knows its type is further up.
    pub(crate) refusals: Option<Arc<dyn Any + Send + Sync>>,
}

/// Tells resolvers apart, and takes the clones of one for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResolverId(NonZero<usize>);

impl ResolverId {
    /// By the address of what a resolver's clones share. An address may be used again, but not while a
    /// layer holds the resolver that a request came through.
    pub(crate) fn of<T>(shared: &Arc<T>) -> Self {
        Self(NonNull::from(&**shared).addr())
    }
}

impl fmt::Debug for AdmittedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdmittedBy").field("resolver", &self.resolver).finish_non_exhaustive()
    }
}
