use std::sync::Arc;

use http::Extensions;

use crate::{Claims, Freshness, Rejection, Resolved, Session};

/// The mark on a request that the layer passed without a session or without claims, so that an
/// extractor can tell a forgotten layer from an anonymous caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    /// There was no credential, and none is required.
    Anonymous,
    /// The route is exempt: nobody looked.
    Exempt,
    /// There are claims; Clerk is not asked for sessions.
    Networkless,
    /// There is a session; no token came with it.
    WithoutToken,
}

/// The name of the cookie that the credential came in.
#[derive(Debug, Clone)]
pub(super) struct CookieRead(pub(super) Arc<str>);

/// Removes whatever somebody else may have put where only the layer's word counts.
pub(super) fn strip(extensions: &mut Extensions) {
    if !extensions.is_empty() {
        extensions.remove::<Session>();
        extensions.remove::<Claims>();
        extensions.remove::<Freshness>();
        extensions.remove::<Passage>();
        extensions.remove::<CookieRead>();
    }
}

/// Puts what was resolved where handlers find it.
///
/// A resolver that says yes and names nobody is mistaken, and admits nobody.
pub(super) fn insert(resolved: Resolved, extensions: &mut Extensions) -> Result<(), Rejection> {
    let passage = match (&resolved.session, &resolved.claims) {
        (Some(_), Some(_)) => None,
        (Some(_), None) => Some(Passage::WithoutToken),
        (None, Some(_)) => Some(Passage::Networkless),
        (None, None) => return Err(Rejection::misconfigured("nothing-resolved")),
    };
    if let Some(passage) = passage {
        extensions.insert(passage);
    }
    if let Some(session) = resolved.session {
        extensions.insert(session);
    }
    if let Some(claims) = resolved.claims {
        extensions.insert(claims);
    }
    if let Some(freshness) = resolved.freshness.filter(Freshness::is_stale) {
        extensions.insert(freshness);
    }
    Ok(())
}
