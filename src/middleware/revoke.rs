use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use tower::Service;

use super::{
    AnswerBody, AnswerFuture, Protocol, Refusals,
    absence::{self, Absence, Cause},
    answer::{answer, only_post_is_allowed},
    gate::CookieRead,
    same_origin::is_same_origin,
};
use crate::{
    Claims, ConfigError, Rejection, RejectionKind, Session, SessionId, SessionResolver,
    origin::Origin,
};

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
pub struct RevokeSession {
    resolver: SessionResolver,
    public_origins: Arc<[Origin]>,
}

impl RevokeSession {
    /// Revokes through this resolver, which must be the layer's, so that it takes effect at once.
    pub fn new(resolver: SessionResolver) -> Self {
        Self { resolver, public_origins: Arc::default() }
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
    pub fn public_origins<I>(mut self, origins: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let origins = origins.into_iter().map(|origin| origin.as_ref().parse::<Origin>());
        let origins = origins.collect::<Result<Vec<_>, _>>();
        let origins = origins.map_err(|error| error.about("each public origin"))?;
        if origins.is_empty() {
            return Err(ConfigError::malformed(
                "the public origins",
                "at least one: leave the setting out to go by the host that is asked",
            ));
        }
        self.public_origins = origins.into();
        Ok(self)
    }

    fn session_to_revoke(&self, request: &Parts) -> Result<SessionId, Rejection> {
        let extensions = &request.extensions;
        let admitted_by = absence::admitted_by(extensions).ok_or_else(|| {
            Rejection::misconfigured("authenticate-layer-missing").with_detail(
                "nobody looked who is to be signed out: add `tower_clerk::AuthenticateLayer` to this route",
            )
        })?;
        let session = extensions.get::<Session>().map(Session::id);
        let claimed = || extensions.get::<Claims>().and_then(Claims::session_id);
        let Some(session) = session.or_else(claimed) else {
            return Err(match extensions.get::<Absence>().map(|absence| absence.cause) {
                Some(Cause::Anonymous | Cause::Preflight) => Rejection::missing_credential(),
                _ => Rejection::misconfigured("nobody-to-sign-out"),
            });
        };
        if admitted_by.resolver != Some(self.resolver.id()) {
            return Err(Rejection::misconfigured("revoke-session-resolver-mismatch").with_detail(
                "`RevokeSession` and `AuthenticateLayer` have different resolvers: give both a clone of one",
            ));
        }
        let in_cookie = extensions.get::<CookieRead>().is_some();
        if in_cookie && !is_same_origin(request, &self.public_origins) {
            return Err(Rejection::new(RejectionKind::CrossSite, "cross-site-request"));
        }
        Ok(session.clone())
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
        let (request, _) = request.into_parts();
        if request.method != Method::POST {
            return AnswerFuture::answered(only_post_is_allowed());
        }
        let refusals = Refusals::of(&request.extensions);
        let protocol = refusals.protocol(&request);
        let session = match self.session_to_revoke(&request) {
            Ok(session) => session,
            Err(rejection) => {
                return AnswerFuture::answered(refused(rejection, &refusals, protocol));
            }
        };
        let cookie = request.extensions.get::<CookieRead>().cloned();
        let resolver = self.resolver.clone();
        AnswerFuture::answering(async move {
            match revoke(&resolver, &session).await {
                Ok(()) => signed_out(cookie.as_ref()),
                Err(rejection) => refused(rejection, &refusals, protocol),
            }
        })
    }
}

async fn revoke(resolver: &SessionResolver, session: &SessionId) -> Result<(), Rejection> {
    if tokio::runtime::Handle::try_current().is_err() {
        return Err(Rejection::outside_of_a_runtime());
    }
    match resolver.revoke(session).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn signed_out(cookie: Option<&CookieRead>) -> Response<AnswerBody> {
    let mut response = answer(StatusCode::NO_CONTENT);
    if let Some(CookieRead(name)) = cookie
        && let Ok(expired) = HeaderValue::try_from(format!("{name}=; Path=/; Max-Age=0"))
    {
        response.headers_mut().insert(header::SET_COOKIE, expired);
    }
    response
}

fn refused(rejection: Rejection, refusals: &Refusals, protocol: Protocol) -> Response<AnswerBody> {
    if rejection.kind() == RejectionKind::Misconfigured {
        let detail = rejection.detail();
        tracing::error!(reason = rejection.reason(), detail, "a session could not be revoked");
    }
    refusals.write(rejection, protocol).map(AnswerBody::new)
}
