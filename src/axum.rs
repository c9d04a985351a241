//! Extractors for [axum](https://docs.rs/axum) handlers (feature `axum`).
//!
//! [`Session`] and [`Claims`] are extractors of their own, and so are `Option<Session>` and
//! `Option<Claims>` on routes where a caller [may be anonymous](crate::AuthenticateLayer::allow_anonymous).
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

use std::{error::Error, fmt};

use axum_core::{
    body::Body,
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};

use crate::{
    Claims, Rejection, Session,
    middleware::{Passage, Protocol},
};

macro_rules! extractor {
    ($name:ident, $absent:expr) => {
        impl<S: Sync> FromRequestParts<S> for $name {
            type Rejection = ExtractRejection;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
                match parts.extensions.get::<Self>() {
                    Some(found) => Ok(found.clone()),
                    None => Err(ExtractRejection(Absent::because(parts.extensions.get(), $absent))),
                }
            }
        }

        impl<S: Sync> OptionalFromRequestParts<S> for $name {
            type Rejection = ExtractRejection;

            async fn from_request_parts(
                parts: &mut Parts,
                _: &S,
            ) -> Result<Option<Self>, Self::Rejection> {
                match parts.extensions.get::<Self>() {
                    Some(found) => Ok(Some(found.clone())),
                    None if parts.extensions.get::<Passage>().is_some() => Ok(None),
                    None => Err(ExtractRejection(Absent::Layer)),
                }
            }
        }
    };
}

extractor!(Session, Absent::Session);
extractor!(Claims, Absent::Claims);

/// A handler asked for a [`Session`] or [`Claims`] that the request does not have.
///
/// An anonymous caller is answered 401. Everything else is a mistake in how the service is put together:
/// 500, and the body says which.
#[derive(Debug, Clone, Copy)]
pub struct ExtractRejection(Absent);

#[derive(Debug, Clone, Copy)]
enum Absent {
    Caller,
    Layer,
    Exempt,
    Session,
    Claims,
}

impl Absent {
    /// Why something that only some ways of checking give is not there.
    fn because(passage: Option<&Passage>, not_with_this_check: Self) -> Self {
        match passage {
            None => Self::Layer,
            Some(Passage::Anonymous) => Self::Caller,
            Some(Passage::Exempt) => Self::Exempt,
            Some(Passage::Networkless | Passage::WithoutToken) => not_with_this_check,
        }
    }
}

impl ExtractRejection {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.0 {
            Absent::Caller => StatusCode::UNAUTHORIZED,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn body_text(&self) -> &'static str {
        match self.0 {
            Absent::Caller => "a session token is required",
            Absent::Layer => {
                "no session was looked for: add `tower_clerk::AuthenticateLayer` to this route"
            }
            Absent::Exempt => {
                "this route is exempt from authentication: extract `Option<Session>`, or end the \
                 exemption"
            }
            Absent::Session => {
                "sessions are not read in networkless mode: extract `Claims`, or check with \
                 `SessionCheck::Get`"
            }
            Absent::Claims => {
                "a session identifier came without a token: extract `Session` instead of `Claims`"
            }
        }
    }
}

impl IntoResponse for ExtractRejection {
    fn into_response(self) -> Response {
        match self.0 {
            Absent::Caller => Rejection::missing_credential().into_response(),
            _ => {
                tracing::error!("{}", self.body_text());
                (self.status(), self.body_text()).into_response()
            }
        }
    }
}

impl fmt::Display for ExtractRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.body_text())
    }
}

impl Error for ExtractRejection {}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let mut response = self.to_response(Protocol::Http).map(Body::from);
        response.extensions_mut().insert(self);
        response
    }
}
