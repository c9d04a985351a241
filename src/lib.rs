//! Tower middleware that authenticates [Clerk](https://clerk.com) sessions, for axum, hyper and tonic.
//!
//! [`AuthenticateLayer`] turns an unauthenticated HTTP or gRPC request into one that carries a resolved
//! [`Session`]. It pulls the session token out of the request, verifies its signature and claims locally,
//! reads the session from Clerk through a cache, and puts [`Session`] and [`Claims`] into the request's
//! extensions. Where it must refuse, it answers for the service.
//!
//! ```
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_clerk::{AuthenticateLayer, Session, SessionResolver, SessionsClient};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Or, from the environment: `SessionResolver::from_env()?`.
//! let client = SessionsClient::new("sk_test_TheKeyFromClerksDashboard".parse()?)?;
//! let layer = AuthenticateLayer::new(SessionResolver::new(client)?)?;
//!
//! let service = ServiceBuilder::new().layer(layer).service_fn(async |request: Request<()>| {
//!     let user = request.extensions().get::<Session>().map(|session| session.user_id().to_string());
//!     Ok::<_, std::convert::Infallible>(Response::new(Full::from(user.unwrap_or_default())))
//! });
//!
//! let refused = service.oneshot(Request::new(())).await?;
//! assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
//! assert_eq!(refused.headers()["www-authenticate"], "Bearer");
//! # Ok(())
//! # }
//! ```
//!
//! # Where to begin
//!
//! | For | see |
//! | --- | --- |
//! | a service that only members may use | [`AuthenticateLayer`] |
//! | handlers of axum, methods of tonic | the modules `axum` and `tonic`, behind features of these names |
//! | who may do what: roles, permissions, plans, a fresh proof | [`RequireAuthorization`], [`Claims::has`], the module [`authorization`] |
//! | signing out | [`RevokeSession`], or [`SessionResolver::revoke`] |
//! | what is asked of a token and a session | [`Policy`], [`SessionCheck`] |
//! | lifetimes, keys, the size of the cache | [`SessionResolverBuilder`] |
//! | what the lifetimes mean, with a picture | [`guide::freshness`] |
//! | where the credential is | [`extract`] |
//! | why a request was refused, and what it is answered | [`Rejection`] |
//! | tokens alone, without the layer and without asking Clerk | [`TokenVerifier`] |
//! | Clerk's Sessions API | [`SessionsClient`] |
//! | several processes that act as one | [`fleet`] |
//! | what Clerk tells by webhook | [`webhook`] |
//! | tests without an account | the module `testing`, behind the feature of that name |
//!
//! # How late a revocation can be noticed
//!
//! One by this process (by [`SessionResolver::revoke`], on a resolver that the layers share) is in force when
//! the call has returned. One made elsewhere is noticed
//!
//! * with [`SessionCheck::Get`] and [`SessionCheck::Verify`], at most [`ttl`] + [`clock_skew`] after it, plus
//!   [`stale_if_error`] while Clerk is unavailable; a layer's [`max_age`] can bring that down. The
//!   [guide](guide::freshness) has a picture;
//! * with [`SessionCheck::Networkless`] and with [`TokenVerifier`], when the last token expires.
//!
//! # Features
//!
//! * `rustls` (default): TLS for calls to Clerk. For native TLS switch it off and enable `native-tls` on
//!   `reqwest` in your own `Cargo.toml`.
//! * `axum`: extractors.
//! * `tonic`: conveniences for gRPC services.
//! * `redis`: a log on Redis or Valkey, through which processes tell each other what they revoked.
//! * `testing`: an emulator of the Sessions API.
//!
//! Everything runs within a Tokio runtime.
//!
//! [`ttl`]: SessionResolverBuilder::ttl
//! [`clock_skew`]: SessionResolverBuilder::clock_skew
//! [`stale_if_error`]: SessionResolverBuilder::stale_if_error
//! [`max_age`]: AuthenticateLayer::max_age
#![cfg_attr(docsrs, feature(doc_cfg))]

mod admitted_by;
pub mod authorization;
#[cfg(feature = "axum")]
pub mod axum;
pub mod claims;
pub mod client;
mod clock;
mod config_error;
mod credential;
mod environment;
pub mod extract;
pub mod fleet;
mod follow;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
pub mod guide;
mod id;
mod issuer;
mod json_object;
mod jwk_set;
mod middleware;
mod once_per_second;
mod pasted;
mod printable;
mod publishable_key;
#[cfg(feature = "redis")]
pub mod redis;
mod resolve;
mod session;
mod sessions;
#[cfg(feature = "testing")]
pub mod testing;
pub mod token;
mod token_cache;
#[cfg(feature = "tonic")]
pub mod tonic;
pub mod webhook;

pub use self::{
    authorization::{Authorization, Reverification},
    claims::Claims,
    client::{SecretKey, SessionsClient},
    clock::Clock,
    config_error::ConfigError,
    credential::{Credential, OwnedCredential, PresentedToken},
    extract::ExtractCredential,
    id::{ClientId, OrganizationId, ParseIdError, SessionId, UserId},
    jwk_set::{Jwk, JwkSet},
    middleware::{
        AnswerBody, Authenticate, AuthenticateLayer, Authorize, AuthorizeFuture, Protocol,
        RequireAuthorization, ResponseBody, ResponseFuture, RevokeFuture, RevokeSession,
    },
    publishable_key::PublishableKey,
    resolve::{
        Dependency, Freshness, Policy, Readiness, Rejection, RejectionKind, ResolveSession,
        Resolved, SessionResolver, SessionResolverBuilder,
    },
    session::{Session, SessionActivity, SessionActor, SessionStatus, SessionTask},
    sessions::SessionCheck,
    token::TokenVerifier,
    webhook::WebhookSecret,
};

/// The README's examples, which are complete programs, are run as tests.
#[cfg(all(doctest, feature = "axum", feature = "tonic", feature = "testing"))]
#[doc = include_str!("../README.md")]
struct Readme;
