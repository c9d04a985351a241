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
//! use tower_clerk::{AuthenticateLayer, Instance, Session, SessionResolver};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Or, from the environment: `Instance::from_env()?`.
//! let secret_key = "sk_test_TheKeyFromClerksDashboard".parse()?;
//! let instance = Instance::builder().secret_key(secret_key).build()?;
//! let layer = AuthenticateLayer::new(SessionResolver::new(&instance)?)?;
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
//! | handlers of axum, methods of tonic | the modules `for_axum` and `for_tonic`, behind the features `axum` and `tonic` |
//! | who may do what: roles, permissions, plans, a fresh proof | [`RequireAuthorization`], [`Claims::has`], the module [`authorization`] |
//! | signing out, here or everywhere | [`RevokeSession`] and [`RevokeAllSessions`], or [`SessionResolver::revoke`] and [`revoke_all`](SessionResolver::revoke_all) |
//! | what is asked of a token and a session | [`Policy`], [`SessionCheck`] |
//! | lifetimes, keys, the size of the cache | [`SessionResolverBuilder`] |
//! | what is checked in which way, and all that can be set | [`guide::checks`], [`guide::settings`] |
//! | what the lifetimes mean, with a picture | [`guide::freshness`] |
//! | where the credential is | [`extract`] |
//! | why a request was refused, and what it is answered | [`Rejection`], [`guide::answers`], [`guide::outages`] |
//! | tokens alone, without the layer and without asking Clerk | [`TokenVerifier`] |
//! | Clerk's Sessions API | [`SessionsClient`] |
//! | several processes that act as one | [`fleet`] |
//! | what Clerk tells by webhook | [`ReceiveWebhooks`], or [`webhook`] in a handler of your own |
//! | streams and sockets that end with the session | [`SessionWatch`], [`guide::streams`] |
//! | tests without an account | the module `testing`, behind the feature of that name |
//! | moving here from other code, and what there is not | [`guide::moving`], [`guide::limits`] |
//!
//! The [guide] has a page on each of these and on more: front ends, gRPC, WebSockets, gateways, several instances, what it costs.
//!
//! # How late a revocation can be noticed
//!
//! One by this process (by [`SessionResolver::revoke`], on a resolver that the layers share) is in force when
//! the call has returned. One made elsewhere is noticed
//!
//! * with [`SessionCheck::Get`] and [`SessionCheck::Verify`], at most [`ttl`] + [`clock_skew`] after it, plus
//!   [`stale_if_error`] while Clerk is unavailable; a layer's [`max_age`] can bring that down. The
//!   [guide](guide::freshness) has a picture;
//! * with [`SessionCheck::Networkless`] and with [`TokenVerifier`], [`clock_skew`] after the last token expires;
//! * with [`ReceiveWebhooks`] usually a second or two after it, whatever the check; these are still the bounds.
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
//! [`max_age`]: Policy::max_age
#![cfg_attr(docsrs, feature(doc_cfg))]

mod actor;
mod admitted_by;
pub mod authorization;
mod base_url;
pub mod claims;
pub mod client;
mod clock;
mod config_error;
mod credential;
mod dns;
mod environment;
pub mod extract;
pub mod fleet;
mod follow;
#[cfg(feature = "axum")]
pub mod for_axum;
#[cfg(feature = "redis")]
pub mod for_redis;
#[cfg(feature = "tonic")]
pub mod for_tonic;
mod frontend_api;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
pub mod guide;
mod id;
mod instance;
mod issuer;
mod json_object;
mod jwk_set;
mod keyed_hash;
mod middleware;
mod once_per_second;
mod origin;
mod pasted;
mod printable;
mod publishable_key;
mod random;
mod resolve;
mod secret_key;
mod session;
mod sessions;
#[cfg(feature = "testing")]
pub mod testing;
pub mod token;
mod token_cache;
mod unix_time;
mod unreadable;
pub mod webhook;

#[doc(inline)]
pub use self::{
    actor::Actor,
    authorization::{Authorization, Reverification},
    claims::Claims,
    client::SessionsClient,
    clock::Clock,
    config_error::ConfigError,
    credential::{Credential, OwnedCredential, PresentedToken},
    extract::ExtractCredential,
    id::{ClientId, OrganizationId, ParseIdError, SessionId, UserId},
    instance::{Instance, InstanceBuilder},
    jwk_set::{Jwk, JwkSet},
    middleware::{
        AnswerBody, AnswerFuture, Authenticate, AuthenticateLayer, Authorize, AuthorizeFuture,
        Protocol, ReceiveWebhooks, RequireAuthorization, ResponseBody, ResponseFuture,
        RevokeAllSessions, RevokeSession,
    },
    publishable_key::PublishableKey,
    resolve::{
        Dependency, Freshness, Readiness, Rejection, RejectionKind, ResolveSession, Resolved,
        RevokeAll, SessionResolver, SessionResolverBuilder, SessionWatch,
    },
    secret_key::SecretKey,
    session::{Session, SessionActivity, SessionStatus, SessionTask},
    sessions::{RevokeAllError, SessionCheck},
    token::{Policy, TokenVerifier},
    webhook::WebhookSecret,
};

/// The README's examples, which are complete programs, are run as tests.
#[cfg(all(doctest, feature = "axum", feature = "tonic", feature = "testing"))]
#[doc = include_str!("../README.md")]
struct Readme;
