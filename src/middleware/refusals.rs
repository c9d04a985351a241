use std::{any::Any, fmt, sync::Arc};

use bytes::Bytes;
use http::{Extensions, Response, request::Parts};

use super::{Protocol, absence};
use crate::Rejection;

/// How refusals are answered: what a layer was told of it.
///
/// It travels with each request, so that whatever refuses behind the layer (extractors, a sign-out)
/// answers as the layer does. While nothing was told, it is empty and costs nothing to pass on.
#[derive(Clone, Default)]
pub(crate) struct Refusals(Option<Arc<Told>>);

#[derive(Clone, Default)]
struct Told {
    protocol: Option<Protocol>,
    response: Option<Arc<dyn RejectionResponse>>,
}

/// Writes the answer to a refused request.
pub(super) trait RejectionResponse:
    Fn(&Rejection, Protocol) -> Response<Bytes> + Send + Sync
{
}

impl<F: Fn(&Rejection, Protocol) -> Response<Bytes> + Send + Sync> RejectionResponse for F {}

impl Refusals {
    /// What the layer that passed this request was told; nothing where there was none.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        let told = absence::admitted_by(extensions).and_then(|by| by.refusals.clone());
        Self(told.and_then(|told| told.downcast().ok()))
    }

    /// What the layer was told that the caller of this rejection came through, as far as it is known.
    #[cfg(any(feature = "axum", feature = "tonic"))]
    pub(crate) fn of_rejection(rejection: &Rejection) -> Self {
        Self(rejection.refusals().and_then(|told| Arc::clone(told).downcast().ok()))
    }

    /// For the request to carry.
    pub(super) fn erased(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.0.as_ref().map(|told| Arc::clone(told) as _)
    }

    pub(super) fn fix_protocol(&mut self, protocol: Protocol) {
        self.told().protocol = Some(protocol);
    }

    pub(super) fn write_with(&mut self, response: Arc<dyn RejectionResponse>) {
        self.told().response = Some(response);
    }

    /// In whose terms this request is answered.
    pub(crate) fn protocol(&self, request: &Parts) -> Protocol {
        self.fixed_protocol().unwrap_or_else(|| Protocol::of(request))
    }

    /// The one that the layer was told, whatever requests look like.
    pub(crate) fn fixed_protocol(&self) -> Option<Protocol> {
        self.0.as_ref().and_then(|told| told.protocol)
    }

    /// The answer, with the rejection in its extensions for the layers outside.
    pub(crate) fn write(&self, rejection: Rejection, protocol: Protocol) -> Response<Bytes> {
        let mut response = match self.0.as_ref().and_then(|told| told.response.as_ref()) {
            Some(response) => response(&rejection, protocol),
            None => rejection.to_response(protocol),
        };
        response.extensions_mut().insert(rejection);
        response
    }

    fn told(&mut self) -> &mut Told {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}

impl fmt::Debug for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.0.as_ref();
        f.debug_struct("Refusals")
            .field("protocol", &told.and_then(|told| told.protocol))
            .field("response", &told.is_some_and(|told| told.response.is_some()))
            .finish()
    }
}
