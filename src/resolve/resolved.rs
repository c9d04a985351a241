use std::time::SystemTime;

use crate::{Claims, Session, admitted_by::ResolverId};

/// What a credential was resolved to.
///
/// Which parts there are depends on the [check](crate::SessionCheck): claims need a token, a
/// session needs an answer of Clerk's.
///
/// A resolver of your own that asks a [`SessionResolver`](crate::SessionResolver) hands on what that
/// one gave, changed where need be: it also says whose it is, without which
/// [`RevokeSession`](crate::RevokeSession) does not know that a revocation would be in force here.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Resolved {
    /// The session, as Clerk last described it.
    pub session: Option<Session>,
    /// The claims of the verified token.
    pub claims: Option<Claims>,
    /// How old the session's description is; none where Clerk was not asked.
    pub freshness: Option<Freshness>,
    /// Whose revocations are in force here.
    pub(crate) resolver: Option<ResolverId>,
}

/// How old what is known of a session is.
///
/// The layer puts it into the request's extensions only where it is [stale](Freshness::is_stale).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    checked_at: SystemTime,
    stale: bool,
}

impl Freshness {
    /// Of an answer to a request that was sent at this time.
    #[must_use]
    pub fn fresh(checked_at: SystemTime) -> Self {
        Self { checked_at, stale: false }
    }

    /// Of such an answer that is used beyond its time because Clerk is unavailable
    /// (`stale-if-error`, [RFC 5861 §4]).
    ///
    /// [RFC 5861 §4]: https://www.rfc-editor.org/rfc/rfc5861#section-4
    #[must_use]
    pub fn stale(checked_at: SystemTime) -> Self {
        Self { checked_at, stale: true }
    }

    /// When the request was sent that Clerk's answer came from.
    #[must_use]
    pub fn checked_at(&self) -> SystemTime {
        self.checked_at
    }

    /// Whether it is used beyond its time.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale
    }
}
