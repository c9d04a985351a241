//! Extractors for [axum](https://docs.rs/axum) handlers (feature `axum`).
//!
//! [`Session`] and [`Claims`] are extractors of their own, and so are `Option<Session>` and
//! `Option<Claims>` on routes where a caller [may be anonymous](crate::AuthenticateLayer::allow_anonymous).
//! [`SessionWatch`] is one where the layer [watches](crate::AuthenticateLayer::watch), for a handler whose work outlives the request.
//! [`Authorized`] gives the claims of a caller who may do what a [`Rule`] asks for.
//!
//! ```
//! use axum::{Router, routing::get};
//! use tower_clerk::{AuthenticateLayer, Session, testing::SessionsApi};
//!
//! async fn me(session: Session) -> String {
//!     session.user_id().to_string()
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clerk = SessionsApi::start().await;
//! let layer = AuthenticateLayer::new(clerk.resolver())?;
//! let app: Router = Router::new().route("/me", get(me)).layer(layer);
//!
//! let session = clerk.sign_in("user_ada");
//! let request = http::Request::get("/me")
//!     .header("authorization", format!("Bearer {}", clerk.token(&session)))
//!     .body(axum::body::Body::empty())?;
//! let response = tower::ServiceExt::oneshot(app, request).await?;
//! assert_eq!(axum::body::to_bytes(response.into_body(), 100).await?, "user_ada");
//! # Ok(())
//! # }
//! ```

mod authorized;

use std::{error::Error, fmt};

use axum_core::{
    body::Body,
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};

pub use self::authorized::{Authorized, Rule};
use crate::{
    Claims, Protocol, Rejection, Session, SessionWatch,
    middleware::{Refusals, find, find_optional},
};

macro_rules! extractor {
    ($name:ident) => {
        impl<S: Sync> FromRequestParts<S> for $name {
            type Rejection = ExtractRejection;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
                let found = find::<Self>(&parts.extensions);
                found.cloned().map_err(|rejection| ExtractRejection::new(rejection, parts))
            }
        }

        impl<S: Sync> OptionalFromRequestParts<S> for $name {
            type Rejection = ExtractRejection;

            async fn from_request_parts(
                parts: &mut Parts,
                _: &S,
            ) -> Result<Option<Self>, Self::Rejection> {
                let found = find_optional::<Self>(&parts.extensions);
                found
                    .map(|found| found.cloned())
                    .map_err(|rejection| ExtractRejection::new(rejection, parts))
            }
        }
    };
}

extractor!(Session);
extractor!(Claims);
extractor!(SessionWatch);

/// A handler asked for a [`Session`], [`Claims`] or a [`SessionWatch`] that the request does not have, or for an
/// [authorization](Authorized) that its caller does not have.
///
/// An anonymous caller is answered 401, one who may not 403, and 503 one whose session cannot be described just now
/// ([`networkless_if_error`](crate::SessionResolverBuilder::networkless_if_error)). Everything else is a mistake in how
/// the service is put together: 500, and the body says which. The answer is written as the layer writes its own: see
/// [`rejection_response`](crate::AuthenticateLayer::rejection_response).
///
/// A handler that makes something else of it takes a `Result`:
///
/// ```
/// use axum::{Router, body::Body, http::{Request, StatusCode}, response::{IntoResponse, Redirect, Response}, routing::get};
/// use tower::ServiceExt;
/// use tower_clerk::{AuthenticateLayer, RejectionKind, Session, for_axum::ExtractRejection, testing::SessionsApi};
///
/// async fn page(session: Result<Session, ExtractRejection>) -> Response {
///     match session {
///         Ok(session) => format!("hello, {}", session.user_id()).into_response(),
///         Err(refused) => match refused.rejection().kind() {
///             RejectionKind::MissingCredential => Redirect::to("/sign-in").into_response(),
///             _ => refused.into_response(),
///         },
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clerk = SessionsApi::start().await;
/// let layer = AuthenticateLayer::new(clerk.resolver())?.allow_anonymous();
/// let app: Router = Router::new().route("/", get(page)).layer(layer);
/// let response = app.oneshot(Request::new(Body::empty())).await?;
/// assert_eq!(response.status(), StatusCode::SEE_OTHER);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ExtractRejection {
    rejection: Rejection,
    refusals: Refusals,
    protocol: Protocol,
}

impl ExtractRejection {
    fn new(rejection: Rejection, request: &Parts) -> Self {
        let refusals = Refusals::of(&request.extensions);
        Self { rejection, protocol: refusals.protocol(request), refusals }
    }

    /// Why.
    #[must_use]
    pub fn rejection(&self) -> &Rejection {
        &self.rejection
    }

    /// The status of the answer, over HTTP.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.rejection.status()
    }

    /// What is wrong.
    #[must_use]
    pub fn body_text(&self) -> &'static str {
        self.rejection.detail()
    }
}

impl IntoResponse for ExtractRejection {
    fn into_response(self) -> Response {
        self.refusals.write(self.rejection, self.protocol).map(Body::from)
    }
}

impl fmt::Display for ExtractRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.body_text())
    }
}

impl Error for ExtractRejection {}

/// One that [`Claims::require`] gave is answered as the layer answers that the caller came through. By itself, a rejection knows
/// of no layer: it is answered as over HTTP.
impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let refusals = Refusals::of_rejection(&self);
        let protocol = refusals.fixed_protocol().unwrap_or(Protocol::Http);
        refusals.write(self, protocol).map(Body::from)
    }
}
