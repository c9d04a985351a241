use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use tower::Service;

use super::{
    AnswerBody, Protocol,
    passage::{CookieRead, Passage},
};
use crate::{Claims, Rejection, RejectionKind, Session, SessionId, SessionResolver};

/// A ready sign-out: revokes the session of whoever calls it.
///
/// Put it behind an [`AuthenticateLayer`](super::AuthenticateLayer). It answers POST with 204, also where
/// the session was revoked elsewhere in the meantime, and expires the cookie that the credential came in; with 503 and
/// `Retry-After` where the outcome is unknown.
///
/// # Security
///
/// Where the credential came in a cookie, which browsers send on their own, another site could sign
/// the user out. Such a request is refused unless `Sec-Fetch-Site` says `same-origin` or `none`, or, from
/// browsers that do not send it, `Origin` is this host.
///
/// ```
/// # use tower_clerk::{SecretKey, SessionsClient};
/// use axum::Router;
/// use tower_clerk::{AuthenticateLayer, RevokeSession, SessionResolver};
///
/// # let secret_key: SecretKey = "sk_test_TheKeyFromClerksDashboard".parse()?;
/// # let resolver = SessionResolver::new(SessionsClient::new(secret_key)?)?;
/// let app: Router = Router::new()
///     .route_service("/sign-out", RevokeSession::new(resolver.clone()))
///     .layer(AuthenticateLayer::new(resolver)?);
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct RevokeSession {
    resolver: SessionResolver,
}

impl RevokeSession {
    /// Revokes through this resolver, which must be the layer's, so that it takes effect at once.
    #[must_use]
    pub fn new(resolver: SessionResolver) -> Self {
        Self { resolver }
    }
}

impl<B> Service<Request<B>> for RevokeSession {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = RevokeFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> RevokeFuture {
        let cookie = request.extensions().get::<CookieRead>().cloned();
        let session = match session_to_revoke(&request, cookie.is_some()) {
            Ok(session) => session,
            Err(response) => return RevokeFuture(State::Answered(Some(*response))),
        };
        let resolver = self.resolver.clone();
        RevokeFuture(State::Revoking(Box::pin(async move {
            match resolver.revoke(&session).await {
                Ok(_) => signed_out(cookie.as_ref()),
                Err(error) if error.is_not_found() => signed_out(cookie.as_ref()),
                Err(error) => refusal(&Rejection::from(error)),
            }
        })))
    }
}

/// The answer to come of [`RevokeSession`].
pub struct RevokeFuture(State);

enum State {
    Answered(Option<Response<AnswerBody>>),
    Revoking(Pin<Box<dyn Future<Output = Response<AnswerBody>> + Send>>),
}

impl Future for RevokeFuture {
    type Output = Result<Response<AnswerBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(match &mut self.0 {
            State::Answered(response) => response.take().expect("polled after completion"),
            State::Revoking(revoking) => ready!(revoking.as_mut().poll(cx)),
        }))
    }
}

impl fmt::Debug for RevokeFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RevokeFuture").finish_non_exhaustive()
    }
}

fn session_to_revoke<B>(
    request: &Request<B>,
    in_cookie: bool,
) -> Result<SessionId, Box<Response<AnswerBody>>> {
    if request.method() != Method::POST {
        return Err(Box::new(method_not_allowed()));
    }
    let extensions = request.extensions();
    let session = extensions.get::<Session>().map(Session::id);
    let claimed = || extensions.get::<Claims>().and_then(Claims::session_id);
    let Some(session) = session.or_else(claimed) else {
        let rejection = match extensions.get() {
            None => Rejection::misconfigured("authenticate-layer-missing"),
            Some(Passage::Anonymous) => Rejection::missing_credential(),
            Some(_) => Rejection::misconfigured("nobody-to-sign-out"),
        };
        return Err(Box::new(refusal(&rejection)));
    };
    if in_cookie && !is_from_this_site(request.headers(), request.uri()) {
        let rejection = Rejection::new(RejectionKind::CrossSite, "cross-site-request");
        return Err(Box::new(refusal(&rejection)));
    }
    Ok(session.clone())
}

/// Whether a page of this host sent the request, as far as the browser says.
fn is_from_this_site(headers: &HeaderMap, uri: &Uri) -> bool {
    if headers.contains_key("sec-fetch-site") {
        return matches!(only(headers, "sec-fetch-site"), Some("same-origin" | "none"));
    }
    let host =
        uri.authority().map(|authority| authority.as_str()).or_else(|| only(headers, "host"));
    let origin_host = only(headers, "origin").and_then(|origin| {
        origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"))
    });
    matches!((host, origin_host), (Some(host), Some(origin)) if host.eq_ignore_ascii_case(origin))
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
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

fn method_not_allowed() -> Response<AnswerBody> {
    let mut response = answer(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

fn answer(status: StatusCode) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::default());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn refusal(rejection: &Rejection) -> Response<AnswerBody> {
    if rejection.kind() == RejectionKind::Misconfigured {
        tracing::error!(reason = rejection.reason(), "a session could not be revoked");
    }
    let mut response = rejection.to_response(Protocol::Http).map(AnswerBody::new);
    response.extensions_mut().insert(rejection.clone());
    response
}
