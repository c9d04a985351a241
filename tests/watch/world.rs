use std::time::{Duration, Instant};

use tokio::time::timeout;
use tower_clerk::{
    Credential, Policy, Rejection, Resolved, SessionId, SessionResolver, SessionResolverBuilder,
    SessionWatch,
    testing::{Membership, SessionsApi},
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// Clerk, and a process that asks it.
pub(crate) struct World {
    pub(crate) clerk: SessionsApi,
    pub(crate) resolver: SessionResolver,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(
        set_up: impl FnOnce(SessionResolverBuilder) -> SessionResolverBuilder,
    ) -> Self {
        let clerk = SessionsApi::start().await;
        let resolver = set_up(clerk.resolver_builder()).build().unwrap();
        Self { clerk, resolver }
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.clerk.clock().advance(time);
    }

    /// A member of this organization signs in.
    pub(crate) fn member(&self, user: &str, organization: &str) -> SessionId {
        self.clerk.sign_in_with(user, |session| {
            session.organization = Some(Membership::new(organization.parse().unwrap()));
        })
    }

    /// Clerk gives the session up then, unless it is active.
    pub(crate) fn abandon_in(&self, session: &SessionId, time: Duration) {
        let at = self.clerk.clock().now() + time;
        self.clerk.edit(session, |session| session.abandon_at = at);
    }

    pub(crate) async fn resolve(&self, session: &SessionId) -> Resolved {
        let token = self.clerk.token(session);
        let credential = Credential::session_token(token.as_bytes());
        self.resolver.resolve(credential, &Policy::new()).await.unwrap()
    }

    pub(crate) async fn watch(&self, session: &SessionId) -> SessionWatch {
        self.resolver.watch(&self.resolve(session).await, &Policy::new())
    }
}

/// Why the watch ends, which it does within a second.
pub(crate) async fn end(watch: &SessionWatch) -> Rejection {
    let since = Instant::now();
    let rejection = timeout(10 * SECOND, watch.ended()).await.expect("it ends");
    assert!(since.elapsed() < SECOND, "{:?}", since.elapsed());
    assert_eq!(watch.is_over().map(|it| it.reason()), Some(rejection.reason()), "it stays over");
    assert_eq!(watch.ended().await.reason(), rejection.reason(), "and can be asked again");
    rejection
}

/// Whoever watches has the time to end, and does not.
pub(crate) async fn goes_on(watch: &SessionWatch) -> bool {
    timeout(Duration::from_millis(400), watch.ended()).await.is_err() && watch.is_over().is_none()
}
