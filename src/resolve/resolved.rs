use std::time::{Duration, SystemTime};

use crate::{Claims, Session, admitted_by::ResolverId, unix_time::UnixTime};

/// What a credential was resolved to.
///
/// Which parts there are depends on the [check](crate::SessionCheck): claims need a token, a
/// session needs an answer of Clerk's.
///
/// A resolver of your own that asks a [`SessionResolver`](crate::SessionResolver) hands on what that
/// one gave, changed where need be: it also says whose it is, without which
/// [`RevokeSession`](crate::RevokeSession) does not know that a revocation would be in force here.
///
/// ```
/// use tower_clerk::{Resolved, Session};
///
/// fn found_in_a_store_of_ours(session: Session) -> Resolved {
///     Resolved::default().with_session(session)
/// }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Resolved {
    pub(crate) session: Option<Session>,
    pub(crate) claims: Option<Claims>,
    pub(crate) freshness: Option<Freshness>,
    /// Whose revocations are in force here.
    pub(crate) resolver: Option<ResolverId>,
}

impl Resolved {
    /// The same, to this session.
    #[must_use]
    pub fn with_session(self, session: impl Into<Option<Session>>) -> Self {
        Self { session: session.into(), ..self }
    }

    /// The same, by a token with these claims.
    #[must_use]
    pub fn with_claims(self, claims: impl Into<Option<Claims>>) -> Self {
        Self { claims: claims.into(), ..self }
    }

    /// The same, known as of then.
    #[must_use]
    pub fn with_freshness(self, freshness: impl Into<Option<Freshness>>) -> Self {
        Self { freshness: freshness.into(), ..self }
    }

    /// The session, as Clerk last described it. None beside a [stale](Freshness::is_stale) freshness means that Clerk could
    /// not be asked, and a handler that asks for a session is answered 503.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The claims of the verified token.
    #[must_use]
    pub fn claims(&self) -> Option<&Claims> {
        self.claims.as_ref()
    }

    /// How old what is known of the session is; none where Clerk was not asked.
    #[must_use]
    pub fn freshness(&self) -> Option<Freshness> {
        self.freshness
    }
}

/// How old what is known of a session is.
///
/// Two things age: the evidence that it is active, which an answer of Clerk's is and a token is that Clerk assembled since, and
/// its description, which only an answer renews. The layer puts this into the request's extensions only where it is
/// [stale](Freshness::is_stale). The [guide](crate::guide::freshness) has the whole picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    confirmed_at: UnixTime,
    described_at: Option<UnixTime>,
    stale: bool,
}

impl Freshness {
    /// Of an answer to a request that was sent at this time.
    #[must_use]
    pub fn fresh(sent_at: SystemTime) -> Self {
        Self::of(sent_at.into(), sent_at.into(), false)
    }

    /// Of such an answer that is used beyond its time because Clerk is unavailable
    /// (`stale-if-error`, [RFC 5861 §4]).
    ///
    /// [RFC 5861 §4]: https://www.rfc-editor.org/rfc/rfc5861#section-4
    #[must_use]
    pub fn stale(sent_at: SystemTime) -> Self {
        Self::of(sent_at.into(), sent_at.into(), true)
    }

    pub(super) fn of(confirmed_at: UnixTime, described_at: UnixTime, stale: bool) -> Self {
        Self { confirmed_at, described_at: Some(described_at), stale }
    }

    /// Of a token that has to do without a description of its session.
    pub(super) fn unconfirmed(vouched_at: UnixTime) -> Self {
        Self { confirmed_at: vouched_at, described_at: None, stale: true }
    }

    /// As of when the session was certainly active: when the request was sent that Clerk answered, or when Clerk
    /// assembled the claims of a token, whichever is later.
    #[must_use]
    pub fn confirmed_at(&self) -> SystemTime {
        self.confirmed_at.to_system_time()
    }

    /// When the request was sent whose answer describes the session; none where a token had to do.
    #[must_use]
    pub fn described_at(&self) -> Option<SystemTime> {
        self.described_at.map(UnixTime::to_system_time)
    }

    /// How old the evidence is that the session is active.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Duration {
        UnixTime::from(now).since(self.confirmed_at)
    }

    /// How old the description of the session is, where there is one.
    #[must_use]
    pub fn description_age(&self, now: SystemTime) -> Option<Duration> {
        self.described_at.map(|at| UnixTime::from(now).since(at))
    }

    /// Whether one of the two is used beyond its time, since Clerk cannot be asked.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale
    }
}
