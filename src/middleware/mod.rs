//! The middleware: requests go in, requests with a session come out.

mod absence;
mod answer;
mod authenticate;
mod authorize;
mod body;
mod ending;
mod events;
mod future;
mod gate;
mod layer;
mod preflight;
mod protocol;
mod refusals;
mod response;
mod revoke;
mod revoke_all;
mod same_origin;
mod service;
mod sign_out;
mod webhooks;

#[cfg(feature = "tonic")]
pub(crate) use self::absence::Wanted;
#[cfg(feature = "axum")]
pub(crate) use self::absence::find_optional;
pub(crate) use self::refusals::Refusals;
#[cfg(any(feature = "axum", feature = "tonic"))]
pub(crate) use self::{absence::find, authorize::require};
pub use self::{
    answer::AnswerFuture,
    authorize::{Authorize, AuthorizeFuture, RequireAuthorization},
    body::{AnswerBody, ResponseBody},
    future::ResponseFuture,
    layer::AuthenticateLayer,
    protocol::Protocol,
    revoke::RevokeSession,
    revoke_all::RevokeAllSessions,
    service::Authenticate,
    webhooks::ReceiveWebhooks,
};
