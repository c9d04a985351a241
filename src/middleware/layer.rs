use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{Response, request::Parts};
use tower::Layer;

use super::{Authenticate, Protocol, Refusals, events::Events};
use crate::{
    ConfigError, Credential, Policy, Rejection, ResolveSession, SessionResolver,
    extract::{BearerToken, CredentialError, ExtractCredential, Or, SessionCookie},
    resolve::AnyResolver,
};

/// Applies [`Authenticate`]: requests reach the inner service with the caller's
/// [`Session`](crate::Session) and [`Claims`](crate::Claims) in their extensions, or not at all.
///
/// A credential is required unless it is said otherwise. It is looked for in the `Authorization` header
/// and then in Clerk's cookies: those of the resolver's [instance](crate::Instance), whose authorized parties hold, too.
///
/// ```
/// use tower::ServiceBuilder;
/// use tower_clerk::{AuthenticateLayer, Instance, SessionResolver};
///
/// let instance = Instance::builder()
///     .secret_key("sk_test_TheKeyFromClerksDashboard".parse()?)
///     .authorized_parties(["https://app.example.com"])?
///     .build()?;
/// let layer = AuthenticateLayer::new(SessionResolver::new(&instance)?)?;
/// let service = ServiceBuilder::new().layer(layer).service_fn(async |_: http::Request<()>| {
///     Ok::<_, std::convert::Infallible>(http::Response::new(()))
/// });
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
///
/// # Switched off by a setting
///
/// The layer's answers have a body of their own ([`ResponseBody`](crate::ResponseBody)), so with [`tower::util::option_layer`] the
/// bodies of the two cases must be made one type; axum's `Router` does that by itself. Without the layer a handler that takes a
/// [`Session`](crate::Session) answers 500.
///
/// ```
/// use axum::{Router, body::Body, http::{Request, StatusCode}, routing::get};
/// use tower::{ServiceBuilder, ServiceExt, util::{MapResponseLayer, option_layer}};
/// use tower_clerk::{AuthenticateLayer, ResponseBody};
///
/// fn app(layer: Option<AuthenticateLayer>) -> Router {
///     let unified = MapResponseLayer::new(|it: http::Response<ResponseBody<Body>>| it.map(Body::new));
///     let layer = option_layer(layer.map(|layer| (unified, layer)));
///     Router::new().route("/", get(async || "hello")).layer(ServiceBuilder::new().layer(layer))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let clerk = tower_clerk::testing::SessionsApi::start().await;
/// let layer = AuthenticateLayer::new(clerk.resolver())?;
/// for (layer, status) in [(Some(layer), StatusCode::UNAUTHORIZED), (None, StatusCode::OK)] {
///     let request = Request::new(Body::empty());
///     assert_eq!(app(layer).oneshot(request).await?.status(), status);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct AuthenticateLayer {
    /// One handle, since axum clones a service for each request.
    pub(super) settings: Arc<Settings>,
}

/// What a layer's services share.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) resolver: AnyResolver,
    pub(super) policy: Policy,
    pub(super) extractor: Arc<dyn ExtractCredential>,
    pub(super) anonymous: bool,
    pub(super) preflight: bool,
    pub(super) exempt: Option<Arc<dyn Exempt>>,
    pub(super) end_streams: bool,
    pub(super) watch: bool,
    pub(super) refusals: Refusals,
    pub(super) events: Arc<Events>,
}

/// Says whether a request is exempt.
pub(super) trait Exempt: Fn(&Parts) -> bool + Send + Sync {}

impl<F: Fn(&Parts) -> bool + Send + Sync> Exempt for F {}

impl AuthenticateLayer {
    /// Authenticates with this resolver, as its instance has it.
    ///
    /// # Errors
    ///
    /// Fails where the resolver cannot keep the instance's authorized parties.
    pub fn new(resolver: impl ResolveSession) -> Result<Self, ConfigError> {
        let resolver = AnyResolver::new(resolver);
        let cookie = resolver.instance().map_or_else(SessionCookie::unsuffixed, SessionCookie::of);
        let settings = Settings {
            policy: Policy::new().within(resolver.instance()),
            resolver,
            extractor: Arc::new(Or::new(BearerToken::new(), cookie)),
            anonymous: false,
            preflight: false,
            exempt: None,
            end_streams: false,
            watch: false,
            refusals: Refusals::default(),
            events: Arc::default(),
        };
        Self { settings: Arc::new(settings) }.checked()
    }

    /// A layer for the instance that [the environment describes](crate::Instance::from_env), with a resolver of its own. It
    /// needs `CLERK_SECRET_KEY`.
    ///
    /// # Errors
    ///
    /// Fails where a variable is missing or malformed, or two contradict each other.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::new(SessionResolver::from_env()?)
    }

    /// Admits only what this policy admits. It replaces the one before, whole; where it says nothing of authorized parties,
    /// those of the instance hold.
    ///
    /// ```
    /// # use tower_clerk::{Instance, SessionResolver};
    /// use std::time::Duration;
    /// use tower_clerk::{AuthenticateLayer, Policy};
    ///
    /// # let instance = Instance::builder().secret_key("sk_test_TheKeyFromClerksDashboard".parse()?).build()?;
    /// # let resolver = SessionResolver::new(&instance)?;
    /// let strict = Policy::new().max_age(Duration::from_secs(5));
    /// let layer = AuthenticateLayer::new(resolver)?.policy(strict)?;
    /// # Ok::<(), tower_clerk::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where the resolver cannot keep it.
    pub fn policy(mut self, policy: Policy) -> Result<Self, ConfigError> {
        let settings = self.settings();
        settings.policy = policy.within(settings.resolver.instance());
        self.checked()
    }

    /// Lets requests without any credential pass, without a session. A bad credential is still refused.
    pub fn allow_anonymous(mut self) -> Self {
        self.settings().anonymous = true;
        self
    }

    /// Lets CORS preflights pass, without a session: OPTIONS with `Origin` and
    /// `Access-Control-Request-Method`, exactly.
    ///
    /// A CORS layer outside of this one answers them itself, and then this is not needed.
    pub fn allow_preflight(mut self) -> Self {
        self.settings().preflight = true;
        self
    }

    /// Looks at no credential where `exempt` says so; such a request has no session.
    ///
    /// # Security
    ///
    /// Prefer applying the layer to fewer routes. A prefix such as `/health` also matches
    /// `/healthy-admin`, and paths come undecoded.
    pub fn exempt(mut self, exempt: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.settings().exempt = Some(Arc::new(exempt));
        self
    }

    /// Ends the bodies of responses with the session in whose name they were asked for: event streams, long downloads, the
    /// messages of a gRPC service. [`SessionWatch`](crate::SessionWatch) says what ends a session, and how late.
    ///
    /// Over gRPC the call ends with the status `UNAUTHENTICATED`. Over HTTP the body ends: a stream as if it were over, so
    /// that an `EventSource` connects anew and is answered 401; and one of a certain length is cut off, which the client notices.
    /// What was produced is delivered, and nothing is produced any more.
    ///
    /// An answer that is there at once costs nothing: a body is watched from when it is first waited for, or has had 16 frames.
    ///
    /// Only *bodies* end. What has none yet goes on, a handler that is at work or a gRPC method that still receives its
    /// client's stream, and so does what is no body any more, the connection of a WebSocket. Have the layer
    /// [`watch`](AuthenticateLayer::watch) for those.
    ///
    /// ```
    /// # use tower_clerk::{Instance, SessionResolver};
    /// use tower_clerk::AuthenticateLayer;
    ///
    /// # let instance = Instance::builder().secret_key("sk_test_TheKeyFromClerksDashboard".parse()?).build()?;
    /// # let resolver = SessionResolver::new(&instance)?;
    /// let layer = AuthenticateLayer::new(resolver)?.end_streams()?;
    /// # Ok::<(), tower_clerk::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where the resolver [does not watch](ResolveSession::watches).
    pub fn end_streams(mut self) -> Result<Self, ConfigError> {
        self.settings().end_streams = true;
        self.checked()
    }

    /// Puts a [`SessionWatch`](crate::SessionWatch) into the extensions of each request that has a session, for handlers whose
    /// work outlives the request: a WebSocket, a gRPC method that receives a stream.
    ///
    /// With [`end_streams`](AuthenticateLayer::end_streams) the two are one: what the handler
    /// [renews](crate::SessionWatch::renew), its response goes on with.
    ///
    /// # Errors
    ///
    /// Fails where the resolver [does not watch](ResolveSession::watches).
    pub fn watch(mut self) -> Result<Self, ConfigError> {
        self.settings().watch = true;
        self.checked()
    }

    /// Looks for the credential as `extractor` says.
    ///
    /// # Errors
    ///
    /// Fails where it yields session identifiers, and the resolver cannot use them.
    pub fn extractor(mut self, extractor: impl ExtractCredential) -> Result<Self, ConfigError> {
        self.settings().extractor = Arc::new(extractor);
        self.checked()
    }

    /// Looks for the credential as a closure says.
    ///
    /// # Security
    ///
    /// A token that was read from a cookie must be
    /// [marked so](crate::PresentedToken::in_cookie), or [`RevokeSession`](crate::RevokeSession) takes it
    /// for one that no browser sends on its own.
    pub fn extract_with<F>(mut self, extract: F) -> Self
    where
        F: for<'a> Fn(&'a Parts) -> Result<Option<Credential<'a>>, CredentialError>
            + Send
            + Sync
            + 'static,
    {
        self.settings().extractor = Arc::new(ExtractWith(extract));
        self
    }

    /// Answers refused requests so, instead of with [`Rejection::to_response`].
    ///
    /// It holds for all that this crate refuses on requests that came through the layer: extractors and
    /// [`RevokeSession`](crate::RevokeSession) answer so too. Read [`Rejection::detail`] and
    /// [`Rejection::public_reason`] for what a caller may know.
    /// Its body is anything that becomes bytes, a `String` say.
    pub fn rejection_response<F, B>(mut self, response: F) -> Self
    where
        F: Fn(&Rejection, Protocol) -> Response<B> + Send + Sync + 'static,
        B: Into<Bytes>,
    {
        let write =
            move |rejection: &Rejection, protocol| response(rejection, protocol).map(Into::into);
        self.settings().refusals.write_with(Arc::new(write));
        self
    }

    /// Answers in this protocol, whatever a request looks like. By default each request is answered in
    /// [its own](Protocol::of).
    ///
    /// # Security
    ///
    /// A layer that answers a gateway's sub-requests (nginx `auth_request`, Traefik ForwardAuth, Envoy
    /// ext_authz over HTTP) must be told [`Protocol::Http`]. The gateway copies the caller's headers, at
    /// times the method and HTTP/2 too, so that whoever calls it decides what the sub-request looks
    /// like; a refusal in gRPC's form has status 200, which the gateway takes for a yes.
    ///
    /// ```
    /// use axum::{Router, http::{Request, StatusCode}, routing::any};
    /// use tower::ServiceExt;
    /// use tower_clerk::{AuthenticateLayer, Protocol, testing::SessionsApi};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let clerk = SessionsApi::start().await;
    /// # let resolver = clerk.resolver();
    /// // What the gateway asks; whoever may pass is answered 200.
    /// let layer = AuthenticateLayer::new(resolver)?.protocol(Protocol::Http);
    /// let auth: Router = Router::new().route("/auth", any(|| async {})).layer(layer);
    ///
    /// let sub_request = Request::post("/auth").header("content-type", "application/grpc");
    /// let sub_request = sub_request.header("te", "trailers").body(axum::body::Body::empty())?;
    /// assert_eq!(auth.oneshot(sub_request).await?.status(), StatusCode::UNAUTHORIZED);
    /// # Ok(())
    /// # }
    /// ```
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.settings().refusals.fix_protocol(protocol);
        self
    }

    fn checked(self) -> Result<Self, ConfigError> {
        let Settings { resolver, policy, extractor, end_streams, watch, .. } = &*self.settings;
        resolver.check_policy(policy)?;
        if (*end_streams || *watch) && !resolver.watches() {
            return Err(ConfigError::contradiction(
                "`end_streams` and `watch` would do nothing with this resolver: have it give a \
                 `SessionWatch` in `ResolveSession::watch_resolved` and say so in `ResolveSession::watches`, \
                 or drop them",
            ));
        }
        if extractor.yields_session_ids() && !resolver.accepts_session_ids() {
            return Err(ConfigError::contradiction(
                "a session identifier can only be checked with `SessionCheck::Get`; use it, or \
                 extract tokens",
            ));
        }
        Ok(self)
    }

    fn settings(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }
}

impl<S> Layer<S> for AuthenticateLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Authenticate::new(inner, self.clone())
    }
}

struct ExtractWith<F>(F);

impl<F> ExtractCredential for ExtractWith<F>
where
    F: for<'a> Fn(&'a Parts) -> Result<Option<Credential<'a>>, CredentialError>
        + Send
        + Sync
        + 'static,
{
    fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Credential<'a>>, CredentialError> {
        self.0(parts)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("policy", &self.policy)
            .field("anonymous", &self.anonymous)
            .field("preflight", &self.preflight)
            .field("exempt", &self.exempt.is_some())
            .field("end_streams", &self.end_streams)
            .field("watch", &self.watch)
            .field("refusals", &self.refusals)
            .finish_non_exhaustive()
    }
}
