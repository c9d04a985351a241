//! Tower middleware that authenticates [Clerk](https://clerk.com) sessions.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "axum")]
pub mod axum;
pub mod claims;
pub mod client;
mod clock;
mod config_error;
mod credential;
mod environment;
pub mod extract;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
mod id;
mod json_object;
mod jwk_set;
mod middleware;
mod once_per_second;
mod publishable_key;
mod resolve;
mod session;
#[cfg(feature = "testing")]
pub mod testing;
pub mod token;
#[cfg(feature = "tonic")]
pub mod tonic;

pub use self::{
    claims::Claims,
    client::{SecretKey, SessionsClient},
    clock::Clock,
    config_error::ConfigError,
    credential::{Credential, OwnedCredential, PresentedToken},
    extract::ExtractCredential,
    id::{ClientId, OrganizationId, ParseIdError, SessionId, UserId},
    jwk_set::{Jwk, JwkSet},
    middleware::{
        AnswerBody, Authenticate, AuthenticateLayer, Protocol, ResponseBody, ResponseFuture,
        RevokeFuture, RevokeSession,
    },
    publishable_key::PublishableKey,
    resolve::{
        Dependency, Freshness, Policy, Readiness, Rejection, RejectionKind, ResolveSession,
        Resolved, SessionCheck, SessionResolver, SessionResolverBuilder,
    },
    session::{Session, SessionActivity, SessionStatus, SessionTask},
    token::TokenVerifier,
};
