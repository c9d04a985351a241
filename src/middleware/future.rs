use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower::Service;

use super::{AuthenticateLayer, Protocol, ResponseBody, events::Source};
use crate::resolve::Resolving;

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
        Inner { #[pin] future: F },
        /// The request is refused.
        Refused { response: Option<Response<Bytes>> },
        /// The caller is not known yet.
        Resolving {
            resolving: Resolving,
            waiting: Option<Box<Waiting<S, ReqBody>>>,
        },
    }
}

/// What a request needs once its caller is known.
struct Waiting<S, ReqBody> {
    since: Instant,
    ready: S,
    request: Request<ReqBody>,
    layer: AuthenticateLayer,
}

impl<S, ReqBody> ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    pub(super) fn inner(future: S::Future) -> Self {
        Self { state: State::Inner { future } }
    }

    pub(super) fn refused(response: Response<Bytes>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }

    pub(super) fn resolving(
        resolving: Resolving,
        ready: S,
        request: Request<ReqBody>,
        layer: AuthenticateLayer,
    ) -> Self {
        let waiting = Some(Box::new(Waiting { since: Instant::now(), ready, request, layer }));
        Self { state: State::Resolving { resolving, waiting } }
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
                StateProj::Inner { future } => {
                    let response = ready!(future.poll(cx))?;
                    return Poll::Ready(Ok(response.map(ResponseBody::inner)));
                }
                StateProj::Refused { response } => {
                    let response = response.take().expect("polled after completion");
                    return Poll::Ready(Ok(response.map(ResponseBody::answer)));
                }
                StateProj::Resolving { resolving, waiting } => {
                    let answer = ready!(resolving.as_mut().poll(cx));
                    let waiting = waiting.take().expect("polled after completion");
                    let Waiting { since, mut ready, mut request, layer } = *waiting;
                    let admitted =
                        answer.and_then(|resolved| layer.grant(resolved, request.extensions_mut()));
                    match admitted {
                        Ok(()) => State::Inner { future: ready.call(request) },
                        Err(rejection) => {
                            let protocol = Protocol::of(request.headers());
                            let source = Source::Miss(since.elapsed());
                            State::Refused {
                                response: Some(layer.refuse(rejection, protocol, source)),
                            }
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
