use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower::Service;

use super::{AnswerBody, AnswerFuture, sign_out::SignOut};
use crate::{ConfigError, Rejection, SessionId, SessionResolver};

/// A ready sign-out: revokes the session of whoever calls it.
///
/// Put it behind an [`AuthenticateLayer`](super::AuthenticateLayer). It answers POST with 204, also where
/// the session was revoked elsewhere in the meantime, and expires the cookie that the credential came in; with 503 and
/// `Retry-After` where the outcome is unknown. Refusals are written as the layer writes its own.
///
/// Its resolver must be the layer's: behind a layer with another one, a session that was signed out
/// would be admitted again by the next request, so all requests are answered 500, and the answer says why.
///
/// # Security
///
/// Where the credential came in a cookie, which browsers send on their own, another site could sign
/// the user out. Such a request is refused unless `Sec-Fetch-Site` says `same-origin` or `none`, or, from
/// browsers that do not send it, `Origin` is one of this service's
/// [public origins](RevokeSession::public_origins). Where none was named, it must be `https` and of the
/// host that was asked, or `http` on a loopback host. No `X-Forwarded-` header is believed.
///
/// ```
/// # use tower_clerk::Instance;
/// use axum::Router;
/// use tower_clerk::{AuthenticateLayer, RevokeSession, SessionResolver};
///
/// # let secret_key = "sk_test_TheKeyFromClerksDashboard".parse()?;
/// # let resolver = SessionResolver::new(&Instance::builder().secret_key(secret_key).build()?)?;
/// let app: Router = Router::new()
///     .route_service("/sign-out", RevokeSession::new(resolver.clone()))
///     .layer(AuthenticateLayer::new(resolver)?);
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct RevokeSession(SignOut);

impl RevokeSession {
    /// Revokes through this resolver, which must be the layer's, so that it takes effect at once.
    pub fn new(resolver: SessionResolver) -> Self {
        Self(SignOut::new(resolver))
    }

    /// The origins under which browsers see this service, such as `https://app.example.com`: the
    /// `Origin` of a request with a cookie must be one of them, byte for byte.
    ///
    /// It is needed where a proxy in front of the service rewrites `Host`, and where the service is
    /// reached over plain `http` from other machines.
    ///
    /// # Errors
    ///
    /// Fails where one is not an origin, or there is none.
    pub fn public_origins<I>(self, origins: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.0.public_origins(origins).map(Self)
    }
}

impl<B> Service<Request<B>> for RevokeSession {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = AnswerFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> AnswerFuture {
        self.0.answer(request, async |resolver, caller| revoke(&resolver, caller.session()?).await)
    }
}

async fn revoke(resolver: &SessionResolver, session: &SessionId) -> Result<(), Rejection> {
    match resolver.revoke(session).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error.into()),
    }
}
