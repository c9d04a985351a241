use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower::Service;

use super::{AuthorizeFuture, RequireAuthorization};
use crate::middleware::ResponseBody;

/// Lets a request pass to the inner service only where its caller may.
///
/// [`RequireAuthorization`] makes it. It is ready when the inner service is.
#[derive(Debug, Clone)]
pub struct Authorize<S> {
    inner: S,
    layer: RequireAuthorization,
}

impl<S> Authorize<S> {
    pub(super) fn new(inner: S, layer: RequireAuthorization) -> Self {
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

    /// The inner service, for everybody.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Authorize<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ResBody: Body<Data = Bytes>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = AuthorizeFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        match self.layer.admit(request.extensions()) {
            Ok(()) => AuthorizeFuture::inner(self.inner.call(request)),
            Err(rejection) => {
                let (parts, _) = request.into_parts();
                // Kept, the service that was polled ready would hold its permit until some later call.
                self.inner = self.inner.clone();
                AuthorizeFuture::refused(self.layer.refuse(rejection, &parts))
            }
        }
    }
}
