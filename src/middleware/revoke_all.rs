use std::{
    convert::Infallible,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use tower::Service;

use super::{AnswerBody, AnswerFuture, sign_out::SignOut};
use crate::{ConfigError, SessionResolver};

/// A ready sign-out everywhere: revokes all sessions of whoever calls it, as
/// [`SessionResolver::revoke_all`] does.
///
/// As [`RevokeSession`](super::RevokeSession) it is put behind an
/// [`AuthenticateLayer`](super::AuthenticateLayer) with the same resolver, takes POST only, obeys this service's own
/// pages only where the credential came in a cookie, and writes refusals as the layer does. It answers 204 once
/// Clerk lists no session of the user any more, and expires the cookie; and 503 with `Retry-After` where it is not known that all
/// have ended: what was revoked stays revoked, and whoever asks again goes on from there.
///
/// ```
/// # use tower_clerk::Instance;
/// use axum::Router;
/// use tower_clerk::{AuthenticateLayer, RevokeAllSessions, SessionResolver};
///
/// # let secret_key = "sk_test_TheKeyFromClerksDashboard".parse()?;
/// # let resolver = SessionResolver::new(&Instance::builder().secret_key(secret_key).build()?)?;
/// let elsewhere = RevokeAllSessions::new(resolver.clone()).except_own();
/// let app: Router = Router::new()
///     .route_service("/sign-out-everywhere", RevokeAllSessions::new(resolver.clone()))
///     .route_service("/sign-out-elsewhere", elsewhere)
///     .layer(AuthenticateLayer::new(resolver)?);
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct RevokeAllSessions {
    sign_out: SignOut,
    within: Option<Duration>,
}

impl RevokeAllSessions {
    /// Revokes through this resolver, which must be the layer's, so that it takes effect at once.
    pub fn new(resolver: SessionResolver) -> Self {
        Self { sign_out: SignOut::new(resolver), within: None }
    }

    /// All but the caller's own session, which goes on.
    pub fn except_own(self) -> Self {
        Self { sign_out: self.sign_out.keeping_own(), ..self }
    }

    /// How long it may take: as long as [`RevokeAll::within`](crate::RevokeAll::within) says by default. It had better be less
    /// than whatever is in front of this service waits for an answer.
    pub fn within(self, time: Duration) -> Self {
        Self { within: Some(time), ..self }
    }

    /// The origins under which browsers see this service, as
    /// [`RevokeSession::public_origins`](super::RevokeSession::public_origins) has them.
    ///
    /// # Errors
    ///
    /// Fails where one is not an origin, or there is none.
    pub fn public_origins<I>(self, origins: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Ok(Self { sign_out: self.sign_out.public_origins(origins)?, ..self })
    }
}

impl<B> Service<Request<B>> for RevokeAllSessions {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = AnswerFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> AnswerFuture {
        let (keeps_own, within) = (self.sign_out.keeps_own(), self.within);
        self.sign_out.answer(request, async move |resolver, caller| {
            let mut revoking = resolver.revoke_all(&caller.user);
            if keeps_own {
                revoking = revoking.except(caller.session()?);
            }
            if let Some(within) = within {
                revoking = revoking.within(within);
            }
            revoking.await?;
            Ok(())
        })
    }
}
