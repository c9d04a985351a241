use std::{fmt, marker::PhantomData, ops::Deref};

use axum_core::extract::FromRequestParts;
use http::request::Parts;

use super::ExtractRejection;
use crate::{Authorization, Claims, middleware::require};

/// A rule by its name: what [`Authorized`] requires.
///
/// The [`Authorization`] itself is in the application's state, where it was parsed at start-up.
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no `Authorization` in the state `{S}`",
    note = "implement `tower_clerk::for_axum::Rule<{S}>` for `{Self}`"
)]
pub trait Rule<S> {
    /// What is required.
    fn authorization(state: &S) -> &Authorization;
}

/// The claims of a caller who may do what the rule `R` asks for.
///
/// A handler that takes it cannot forget to ask: whoever may not is answered 403, an anonymous caller 401,
/// and where nobody was authenticated it is 500 and says so.
///
/// ```
/// use axum::{Router, routing::get};
/// use tower_clerk::{
///     AuthenticateLayer, Authorization,
///     for_axum::{Authorized, Rule},
///     testing::SessionsApi,
/// };
///
/// #[derive(Clone)]
/// struct App {
///     admins: Authorization,
/// }
///
/// struct Admins;
///
/// impl Rule<App> for Admins {
///     fn authorization(app: &App) -> &Authorization {
///         &app.admins
///     }
/// }
///
/// async fn admin(claims: Authorized<Admins>) -> String {
///     claims.user_id().to_string()
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clerk = SessionsApi::start().await;
/// let app: Router = Router::new()
///     .route("/admin", get(admin))
///     .layer(AuthenticateLayer::new(clerk.resolver())?)
///     .with_state(App { admins: Authorization::role("org:admin")? });
///
/// let session = clerk.sign_in("user_ada");
/// let request = http::Request::get("/admin")
///     .header("authorization", format!("Bearer {}", clerk.token(&session)))
///     .body(axum::body::Body::empty())?;
/// let response = tower::ServiceExt::oneshot(app, request).await?;
/// assert_eq!(response.status(), 403);
/// # Ok(())
/// # }
/// ```
pub struct Authorized<R> {
    claims: Claims,
    rule: PhantomData<fn() -> R>,
}

impl<R> Authorized<R> {
    /// The caller's claims.
    #[must_use]
    pub fn into_claims(self) -> Claims {
        self.claims
    }
}

impl<R> Deref for Authorized<R> {
    type Target = Claims;

    fn deref(&self) -> &Claims {
        &self.claims
    }
}

impl<S: Sync, R: Rule<S>> FromRequestParts<S> for Authorized<R> {
    type Rejection = ExtractRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let claims = require(&parts.extensions, R::authorization(state));
        let claims =
            claims.cloned().map_err(|rejection| ExtractRejection::new(rejection, parts))?;
        Ok(Self { claims, rule: PhantomData })
    }
}

impl<R> Clone for Authorized<R> {
    fn clone(&self) -> Self {
        Self { claims: self.claims.clone(), rule: PhantomData }
    }
}

impl<R> fmt::Debug for Authorized<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authorized").field(&self.claims).finish()
    }
}
