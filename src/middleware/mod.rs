//! The middleware: requests go in, requests with a session come out.

mod body;
mod events;
mod future;
mod layer;
mod passage;
mod preflight;
mod protocol;
mod response;
mod revoke;
mod service;

#[cfg(any(feature = "axum", feature = "tonic"))]
pub(crate) use self::passage::Passage;
pub use self::{
    body::{AnswerBody, ResponseBody},
    future::ResponseFuture,
    layer::AuthenticateLayer,
    protocol::Protocol,
    revoke::{RevokeFuture, RevokeSession},
    service::Authenticate,
};
