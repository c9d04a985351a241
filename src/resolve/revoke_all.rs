use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use tokio::{runtime::Handle, time::Instant};

use super::{Rejection, SessionResolver};
use crate::{
    SessionId, UserId,
    sessions::{Everywhere, RevokeAllError, Sessions},
};

/// The sessions of a user, about to be revoked: from [`SessionResolver::revoke_all`]. It begins when it is awaited.
#[derive(Debug)]
#[must_use = "nothing is revoked until it is awaited"]
pub struct RevokeAll {
    sessions: Arc<Sessions>,
    user: UserId,
    except: Option<SessionId>,
    within: Duration,
}

const DEFAULT_TIME: Duration = Duration::from_secs(30);

impl SessionResolver {
    /// Revokes all sessions of a user, active and pending ones: signs them out everywhere. When it has returned `Ok`, with
    /// how many there were, Clerk lists none any more, and no token of the user that was assembled up to then is admitted, by this
    /// resolver at once, and by those that follow the same [log](super::SessionResolverBuilder::revocation_log) a moment later.
    ///
    /// Each is [revoked](SessionResolver::revoke) by itself, a few at a time within the quota, and the list is read again until it shows
    /// none: a session that begins meanwhile is revoked, too. It is under way once it is awaited, and goes on where its
    /// future is dropped. It may be called again, and by several at a time. Pending sessions are listed in API versions that know them, as
    /// the default one does.
    ///
    /// ```
    /// # use tower_clerk::testing::SessionsApi;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let clerk = SessionsApi::start().await;
    /// let (here, _there) = (clerk.sign_in("user_ada"), clerk.sign_in("user_ada"));
    /// let (resolver, ada) = (clerk.resolver(), "user_ada".parse()?);
    ///
    /// // After a change of the password, say:
    /// assert_eq!(resolver.revoke_all(&ada).except(&here).await?, 1);
    /// // And after that of a laptop that was stolen:
    /// assert_eq!(resolver.revoke_all(&ada).await?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where the [time](RevokeAll::within) is over, where Clerk refuses the secret key or there is none, and where Clerk lists sessions that
    /// cannot be read. The error tells how many were revoked and how many remain.
    ///
    /// # Security
    ///
    /// Tokens tell in whole seconds when they were assembled. So one of a new session that begins within the second in which
    /// this ends is refused, until its front end has renewed it.
    pub fn revoke_all(&self, user: &UserId) -> RevokeAll {
        RevokeAll {
            sessions: Arc::clone(&self.inner.sessions),
            user: user.clone(),
            except: None,
            within: DEFAULT_TIME,
        }
    }
}

impl RevokeAll {
    /// All but this one: the caller's own, say. What tokens of the user were assembled earlier is not refused as such then: those
    /// of the sessions that were revoked are.
    pub fn except(self, session: &SessionId) -> Self {
        Self { except: Some(session.clone()), ..self }
    }

    /// How long it may take: 30 s by default.
    pub fn within(self, time: Duration) -> Self {
        Self { within: time, ..self }
    }
}

impl IntoFuture for RevokeAll {
    type Output = Result<usize, RevokeAllError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { sessions, user, except, within } = self;
        let Ok(runtime) = Handle::try_current() else {
            return Box::pin(std::future::ready(Err(RevokeAllError::interrupted())));
        };
        let everywhere = Everywhere { user, except, deadline: later(within) };
        let revoking = runtime.spawn(sessions.revoke_all(everywhere));
        Box::pin(async { revoking.await.unwrap_or_else(|_| Err(RevokeAllError::interrupted())) })
    }
}

/// So much later, or later than anybody will wait.
fn later(time: Duration) -> Instant {
    const YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
    Instant::now() + time.min(YEARS)
}

impl From<RevokeAllError> for Rejection {
    fn from(error: RevokeAllError) -> Self {
        if error.client_error().is_some_and(crate::client::Error::is_unauthorized) {
            return Self::misconfigured("secret-key-invalid").with_source(error);
        }
        let unavailable = Self::unavailable()
            .with_detail("not every session could be ended: try again")
            .with_retry_after(error.retry_after().unwrap_or(Duration::from_secs(1)));
        unavailable.with_source(error)
    }
}
