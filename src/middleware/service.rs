use std::{
    mem,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Extensions, Request, Response, request::Parts};
use http_body::Body;
use tower::Service;

use super::{
    AuthenticateLayer, Protocol, ResponseBody, ResponseFuture,
    events::Source,
    layer::Settings,
    passage::{self, CookieRead, Passage},
    preflight::is_preflight,
};
use crate::{Credential, Rejection, Resolved, resolve::Resolving};

/// Authenticates each request before the inner service sees it.
///
/// [`AuthenticateLayer`] makes and configures it. It is ready when the inner service is, and holds
/// that readiness while Clerk is asked.
#[derive(Debug, Clone)]
pub struct Authenticate<S> {
    inner: S,
    layer: AuthenticateLayer,
}

impl<S> Authenticate<S> {
    pub(super) fn new(inner: S, layer: AuthenticateLayer) -> Self {
        Self { inner, layer }
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to be changed.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the authentication.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Authenticate<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ResBody: Body<Data = Bytes>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        passage::strip(&mut parts.extensions);
        match self.layer.admit(&mut parts) {
            Admission::Granted => {
                ResponseFuture::inner(self.inner.call(Request::from_parts(parts, body)))
            }
            Admission::Refused(rejection) => {
                let protocol = Protocol::of(&parts.headers);
                ResponseFuture::refused(self.layer.refuse(rejection, protocol, Source::Hit))
            }
            Admission::Asking(resolving) => {
                // The service that was polled ready is the one to be called:
                // https://docs.rs/tower/latest/tower/trait.Service.html#be-careful-when-cloning-inner-services
                let next = self.inner.clone();
                let ready = mem::replace(&mut self.inner, next);
                let request = Request::from_parts(parts, body);
                ResponseFuture::resolving(resolving, ready, request, self.layer.clone())
            }
        }
    }
}

/// What becomes of a request.
enum Admission {
    /// It may pass; its extensions say as whose.
    Granted,
    Refused(Rejection),
    /// Clerk must be asked first.
    Asking(Resolving),
}

impl AuthenticateLayer {
    fn admit(&self, parts: &mut Parts) -> Admission {
        let settings = &*self.settings;
        if settings.exempt.as_ref().is_some_and(|exempt| exempt(parts)) {
            parts.extensions.insert(Passage::Exempt);
            return Admission::Granted;
        }
        if settings.preflight && is_preflight(parts) {
            parts.extensions.insert(Passage::Anonymous);
            return Admission::Granted;
        }
        let credential = match settings.extractor.extract(parts) {
            Ok(Some(credential)) => credential,
            Ok(None) if settings.anonymous => {
                parts.extensions.insert(Passage::Anonymous);
                return Admission::Granted;
            }
            Ok(None) => return Admission::Refused(Rejection::missing_credential()),
            Err(error) => return Admission::Refused(error.into()),
        };
        let cookie = match &credential {
            Credential::SessionToken(token) => token.cookie_name().cloned(),
            Credential::SessionId(_) => None,
        };
        let answer = match settings.resolver.cached(&credential, &settings.policy) {
            Some(answer) => {
                let admitted =
                    answer.and_then(|resolved| self.grant(resolved, &mut parts.extensions));
                admitted.map_or_else(Admission::Refused, |()| Admission::Granted)
            }
            None => {
                let resolving =
                    settings.resolver.resolve(credential.to_owned(), settings.policy.clone());
                Admission::Asking(resolving)
            }
        };
        if let Some(name) = cookie {
            parts.extensions.insert(CookieRead(name));
        }
        answer
    }

    /// Lets a request pass as this caller's.
    pub(super) fn grant(
        &self,
        resolved: Resolved,
        extensions: &mut Extensions,
    ) -> Result<(), Rejection> {
        if resolved.freshness.is_some_and(|freshness| freshness.is_stale()) {
            self.settings.events.admitted_stale(self.settings.resolver.name());
        }
        passage::insert(resolved, extensions)
    }

    pub(super) fn refuse(
        &self,
        rejection: Rejection,
        protocol: Protocol,
        source: Source,
    ) -> Response<Bytes> {
        let Settings { resolver, events, response, .. } = &*self.settings;
        events.refused(&rejection, protocol, resolver.name(), source);
        let mut response = match response {
            Some(response) => response(&rejection, protocol),
            None => rejection.to_response(protocol),
        };
        response.extensions_mut().insert(rejection);
        response
    }
}
