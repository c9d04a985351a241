use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use pin_project_lite::pin_project;
use tower::Service;

use super::{AuthenticateLayer, ResponseBody, ending::Ending, events::Source};
use crate::{Rejection, resolve::Resolving};

pin_project! {
    /// The response to come of [`Authenticate`](super::Authenticate).
    pub struct ResponseFuture<S, ReqBody>
    where
        S: Service<Request<ReqBody>>,
    {
        #[pin]
        state: State<S, S::Future, ReqBody>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, F, ReqBody> {
        /// The caller is known; the inner service is at work.
        Inner { #[pin] future: F, ending: Option<Ending> },
        /// The request is refused.
        Refused { response: Option<Response<Bytes>> },
        /// The caller is not known yet.
        Resolving {
            resolving: Resolving,
            waiting: Option<Box<Waiting<S, ReqBody>>>,
        },
        /// The caller may pass; the inner service is not ready yet.
        Granted {
            waiting: Option<Box<Waiting<S, ReqBody>>>,
            has_waited: bool,
        },
    }
}

/// What a request needs once its caller is known.
struct Waiting<S, ReqBody> {
    since: Instant,
    /// A clone of the request's own, polled ready when there is something to call it with.
    inner: S,
    parts: Parts,
    body: ReqBody,
    layer: AuthenticateLayer,
}

impl<S, ReqBody> ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    pub(super) fn inner(future: S::Future, ending: Option<Ending>) -> Self {
        Self { state: State::Inner { future, ending } }
    }

    pub(super) fn refused(response: Response<Bytes>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }

    pub(super) fn resolving(
        resolving: Resolving,
        inner: S,
        parts: Parts,
        body: ReqBody,
        layer: AuthenticateLayer,
    ) -> Self {
        let waiting = Waiting { since: Instant::now(), inner, parts, body, layer };
        Self { state: State::Resolving { resolving, waiting: Some(Box::new(waiting)) } }
    }
}

impl<S, ReqBody> Waiting<S, ReqBody> {
    fn refuse(&self, rejection: Rejection) -> Response<Bytes> {
        self.layer.settings.refuse(rejection, &self.parts, Source::Miss(self.since.elapsed()))
    }
}

impl<S, ReqBody, ResBody> Future for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Inner { future, ending } => {
                    let response = ready!(future.poll(cx))?;
                    let ending = ending.take();
                    return Poll::Ready(Ok(response.map(|body| match ending {
                        None => ResponseBody::inner(body),
                        Some(ending) => ResponseBody::watched(body, ending),
                    })));
                }
                StateProj::Refused { response } => {
                    let response = response.take().expect("polled after completion");
                    return Poll::Ready(Ok(response.map(ResponseBody::answer)));
                }
                StateProj::Resolving { resolving, waiting } => {
                    let answer = ready!(resolving.as_mut().poll(cx));
                    let mut waiting = waiting.take().expect("polled after completion");
                    let settings = &waiting.layer.settings;
                    let extensions = &mut waiting.parts.extensions;
                    match answer.and_then(|resolved| settings.grant(resolved, extensions)) {
                        Ok(()) => State::Granted { waiting: Some(waiting), has_waited: false },
                        Err(rejection) => {
                            State::Refused { response: Some(waiting.refuse(rejection)) }
                        }
                    }
                }
                StateProj::Granted { waiting, has_waited } => {
                    let ready = waiting.as_mut().expect("polled after completion");
                    let Poll::Ready(is_ready) = ready.inner.poll_ready(cx) else {
                        *has_waited = true;
                        return Poll::Pending;
                    };
                    let mut ready = waiting.take().expect("it was there just now");
                    is_ready?;
                    // The session may have been revoked, or the token have expired, meanwhile.
                    let refused = || ready.layer.settings.refused_since(&ready.parts);
                    match has_waited.then(refused).flatten() {
                        Some(rejection) => {
                            State::Refused { response: Some(ready.refuse(rejection)) }
                        }
                        None => {
                            let ending = Ending::of(&ready.parts, &ready.layer);
                            let request = Request::from_parts(ready.parts, ready.body);
                            State::Inner { future: ready.inner.call(request), ending }
                        }
                    }
                }
            };
            state.set(next);
        }
    }
}

impl<S, ReqBody> fmt::Debug for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
