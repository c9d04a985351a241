use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{Extensions, Response, request::Parts};
use tower::Layer;

use super::Authorize;
use crate::{
    Authorization, Claims, Clock, Rejection,
    middleware::{
        absence::{Absence, Cause, look_for},
        events::{Events, Source},
        refusals::Refusals,
    },
};

/// Applies [`Authorize`]: only callers who may reach the inner service. Put it within an
/// [`AuthenticateLayer`](crate::AuthenticateLayer).
///
/// | Who | is answered |
/// | --- | --- |
/// | may not | 403, `PERMISSION_DENIED`: never 401, since who they are is known |
/// | must prove again who they are | 403 with Clerk's hint to the front end ([`Reverification`](crate::Reverification)) |
/// | is [anonymous](crate::AuthenticateLayer::allow_anonymous) | 401, `UNAUTHENTICATED` |
/// | is an [allowed preflight](crate::AuthenticateLayer::allow_preflight) | by the inner service |
/// | was never authenticated: no `AuthenticateLayer` outside, or an exempt route, or a session ID without a token | 500, `INTERNAL`, which says so |
///
/// ```
/// use axum::{Router, routing::get};
/// use tower_clerk::{AuthenticateLayer, Authorization, RequireAuthorization, testing::SessionsApi};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clerk = SessionsApi::start().await;
/// let admins = RequireAuthorization::new(Authorization::role("org:admin")?);
/// let app: Router = Router::new()
///     .route("/admin", get("how things are"))
///     .layer(admins)
///     .layer(AuthenticateLayer::new(clerk.resolver())?);
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
#[derive(Debug, Clone)]
#[must_use]
pub struct RequireAuthorization {
    /// One handle, since axum clones a service for each request.
    settings: Arc<Settings>,
}

#[derive(Clone)]
struct Settings {
    rule: Rule,
    clock: Clock,
    events: Arc<Events>,
}

#[derive(Clone)]
enum Rule {
    Has(Authorization),
    By(Arc<dyn Fn(&Claims) -> bool + Send + Sync>),
}

impl RequireAuthorization {
    /// Requires this of every caller.
    pub fn new(authorization: Authorization) -> Self {
        Self::of(Rule::Has(authorization))
    }

    /// Requires what a closure says, as Clerk's `condition` does.
    ///
    /// # Security
    ///
    /// Where tokens from templates [are accepted](crate::Policy::accept_templates), their
    /// claims are whatever the template's author wrote: ask [`Claims::has`], which knows.
    pub fn by(condition: impl Fn(&Claims) -> bool + Send + Sync + 'static) -> Self {
        Self::of(Rule::By(Arc::new(condition)))
    }

    /// Tells the age of factors by this clock, instead of the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        Arc::make_mut(&mut self.settings).clock = clock;
        self
    }

    fn of(rule: Rule) -> Self {
        let settings = Settings { rule, clock: Clock::system(), events: Arc::default() };
        Self { settings: Arc::new(settings) }
    }

    pub(super) fn admit(&self, extensions: &Extensions) -> Result<(), Rejection> {
        let claims = match look_for::<Claims>(extensions) {
            Ok(claims) => claims,
            Err(_) if is_preflight(extensions) => return Ok(()),
            Err(rejection) => return Err(rejection),
        };
        match &self.settings.rule {
            Rule::Has(authorization) => claims.require_at(authorization, self.settings.clock.now()),
            Rule::By(condition) if condition(claims) => Ok(()),
            Rule::By(_) => Err(Rejection::forbidden()),
        }
    }

    /// As the layer outside answers.
    pub(super) fn refuse(&self, rejection: Rejection, request: &Parts) -> Response<Bytes> {
        let refusals = Refusals::of(&request.extensions);
        let protocol = refusals.protocol(request);
        self.settings.events.refused(&rejection, protocol, "authorization", Source::Hit);
        refusals.write(rejection, protocol)
    }
}

fn is_preflight(extensions: &Extensions) -> bool {
    extensions.get::<Absence>().is_some_and(|absence| absence.cause == Cause::Preflight)
}

impl<S> Layer<S> for RequireAuthorization {
    type Service = Authorize<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Authorize::new(inner, self.clone())
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Rule::Has(authorization) => f.debug_tuple("Has").field(authorization).finish(),
            Rule::By(_) => f.debug_tuple("By").finish_non_exhaustive(),
        }
    }
}
