use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower::Service;

use super::{
    AuthenticateLayer, ResponseBody, ResponseFuture, ending::Ending, events::Source, gate::Verdict,
};

/// Authenticates each request before the inner service sees it.
///
/// [`AuthenticateLayer`] makes and configures it. It is ready when the inner service is. Who is known
/// is handed to that very service; a request that has to wait for Clerk, or is refused, gives the
/// readiness back at once, and waits for the inner service again when its caller is known.
///
/// So what waits for Clerk holds no permit of a concurrency limit inside. Only a limit *outside* of the
/// layer bounds how many requests wait.
#[derive(Debug, Clone)]
pub struct Authenticate<S> {
    inner: S,
    layer: AuthenticateLayer,
}

impl<S> Authenticate<S> {
    /// Authenticates for this service as the layer says: what the layer's
    /// [`layer`](tower::Layer::layer) does.
    pub fn new(inner: S, layer: AuthenticateLayer) -> Self {
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

    /// Drops the service that was polled ready and is not going to be called: kept, it would hold its
    /// permit until some later call.
    fn give_readiness_back(&mut self)
    where
        S: Clone,
    {
        self.inner = self.inner.clone();
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
        match self.layer.settings.admit(&mut parts) {
            Verdict::Granted => {
                let ending = Ending::of(&parts, &self.layer);
                ResponseFuture::inner(self.inner.call(Request::from_parts(parts, body)), ending)
            }
            Verdict::Refused(rejection) => {
                self.give_readiness_back();
                ResponseFuture::refused(self.layer.settings.refuse(rejection, &parts, Source::Hit))
            }
            Verdict::Asking(resolving) => {
                self.give_readiness_back();
                let inner = self.inner.clone();
                ResponseFuture::resolving(resolving, inner, parts, body, self.layer.clone())
            }
        }
    }
}
