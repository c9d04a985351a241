//! What services that sign their callers out have in common.

use std::sync::Arc;

use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};

use super::{
    AnswerBody, AnswerFuture, Protocol, Refusals,
    absence::{self, Absence, Cause},
    answer::{answer, only_post_is_allowed},
    gate::CookieRead,
    same_origin::is_same_origin,
};
use crate::{
    Claims, ConfigError, Rejection, RejectionKind, Session, SessionId, SessionResolver, UserId,
    origin::Origin,
};

/// Through which resolver callers are signed out, and whose pages may ask for it.
#[derive(Debug, Clone)]
pub(super) struct SignOut {
    resolver: SessionResolver,
    public_origins: Arc<[Origin]>,
    /// Whether the caller's own session, and the cookie that it came in, are to stay.
    keeps_own: bool,
}

/// Who is to be signed out.
pub(super) struct Caller {
    /// None where a token names none, as those of templates.
    session: Option<SessionId>,
    pub(super) user: UserId,
}

impl SignOut {
    pub(super) fn new(resolver: SessionResolver) -> Self {
        Self { resolver, public_origins: Arc::default(), keeps_own: false }
    }

    pub(super) fn keeping_own(self) -> Self {
        Self { keeps_own: true, ..self }
    }

    pub(super) fn keeps_own(&self) -> bool {
        self.keeps_own
    }

    pub(super) fn public_origins<I>(mut self, origins: I) -> Result<Self, ConfigError>
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

    /// Answers a request of somebody who wants to be signed out, which `end` sees to.
    pub(super) fn answer<B, F, Fut>(&self, request: Request<B>, end: F) -> AnswerFuture
    where
        F: FnOnce(SessionResolver, Caller) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), Rejection>> + Send,
    {
        let (request, _) = request.into_parts();
        if request.method != Method::POST {
            return AnswerFuture::answered(only_post_is_allowed());
        }
        let refusals = Refusals::of(&request.extensions);
        let protocol = refusals.protocol(&request);
        let caller = match self.caller(&request) {
            Ok(caller) => caller,
            Err(rejection) => {
                return AnswerFuture::answered(refused(rejection, &refusals, protocol));
            }
        };
        let cookie = request.extensions.get::<CookieRead>().filter(|_| !self.keeps_own).cloned();
        let resolver = self.resolver.clone();
        AnswerFuture::answering(async move {
            let ended = if tokio::runtime::Handle::try_current().is_ok() {
                end(resolver, caller).await
            } else {
                Err(Rejection::outside_of_a_runtime())
            };
            match ended {
                Ok(()) => signed_out(cookie.as_ref()),
                Err(rejection) => refused(rejection, &refusals, protocol),
            }
        })
    }

    fn caller(&self, request: &Parts) -> Result<Caller, Rejection> {
        let extensions = &request.extensions;
        let admitted_by = absence::admitted_by(extensions).ok_or_else(|| {
            Rejection::misconfigured("authenticate-layer-missing").with_detail(
                "nobody looked who is to be signed out: add `tower_clerk::AuthenticateLayer` to this route",
            )
        })?;
        let (session, claims) = (extensions.get::<Session>(), extensions.get::<Claims>());
        let user = session.map(Session::user_id).or_else(|| claims.map(Claims::user_id));
        let Some(user) = user else {
            return Err(match extensions.get::<Absence>().map(|absence| absence.cause) {
                Some(Cause::Anonymous | Cause::Preflight) => Rejection::missing_credential(),
                _ => nobody(),
            });
        };
        if admitted_by.resolver != Some(self.resolver.id()) {
            return Err(Rejection::misconfigured("revoke-session-resolver-mismatch").with_detail(
                "the sign-out and `AuthenticateLayer` have different resolvers: give both a clone of one",
            ));
        }
        let in_cookie = extensions.get::<CookieRead>().is_some();
        if in_cookie && !is_same_origin(request, &self.public_origins) {
            return Err(Rejection::new(RejectionKind::CrossSite, "cross-site-request"));
        }
        let session = session.map(Session::id).or_else(|| claims.and_then(Claims::session_id));
        Ok(Caller { session: session.cloned(), user: user.clone() })
    }
}

impl Caller {
    pub(super) fn session(&self) -> Result<&SessionId, Rejection> {
        self.session.as_ref().ok_or_else(nobody)
    }
}

fn nobody() -> Rejection {
    Rejection::misconfigured("nobody-to-sign-out")
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
