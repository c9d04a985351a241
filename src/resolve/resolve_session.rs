use std::{fmt, future::Future, pin::Pin, sync::Arc};

use super::{Rejection, Resolved, SessionWatch};
use crate::{ConfigError, Credential, Instance, OwnedCredential, Policy};

/// A way to resolve credentials: [`SessionResolver`](crate::SessionResolver), or your own.
///
/// Two methods instead of one, so that what is known already costs neither an allocation nor an
/// `await`: [`resolve_cached`](ResolveSession::resolve_cached) borrows the credential from the request and answers at
/// once or not at all; [`resolve_uncached`](ResolveSession::resolve_uncached) takes its time.
///
/// What a layer is told to ask of tokens and sessions comes as a [`Policy`], which a resolver keeps by
/// [`Policy::evaluate`] and says that it keeps: see
/// [`evaluates_policies`](ResolveSession::evaluates_policies).
///
/// ```
/// use tower_clerk::{
///     AuthenticateLayer, OwnedCredential, Policy, Rejection, RejectionKind, ResolveSession, Resolved,
/// };
///
/// struct ClosedForMaintenance;
///
/// impl ResolveSession for ClosedForMaintenance {
///     async fn resolve_uncached(self: std::sync::Arc<Self>, _: OwnedCredential, _: Policy) -> Result<Resolved, Rejection> {
///         Err(Rejection::new(RejectionKind::Unavailable, "maintenance"))
///     }
/// }
///
/// let layer = AuthenticateLayer::new(ClosedForMaintenance)?;
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not resolve sessions",
    note = "use a `SessionResolver`, or implement `ResolveSession`"
)]
pub trait ResolveSession: Send + Sync + 'static {
    /// What can be said of the credential without waiting.
    fn resolve_cached(
        &self,
        credential: &Credential<'_>,
        policy: &Policy,
    ) -> Option<Result<Resolved, Rejection>> {
        let _ = (credential, policy);
        None
    }

    /// What can be said of the credential.
    fn resolve_uncached(
        self: Arc<Self>,
        credential: OwnedCredential,
        policy: Policy,
    ) -> impl Future<Output = Result<Resolved, Rejection>> + Send + 'static;

    /// Whether it admits a token only where [`Policy::evaluate`] does.
    ///
    /// A resolver that does not say so can have a layer with the default policy only: authorized
    /// parties, an audience, accepted pending sessions and templates are refused at start-up, since
    /// they would do nothing.
    fn evaluates_policies(&self) -> bool {
        false
    }

    /// Whether it asks anew where what it knows is older than [`Policy::max_age`] says.
    fn keeps_max_age(&self) -> bool {
        false
    }

    /// Refuses, at start-up, a policy that this resolver cannot keep: by default what it does not say
    /// that it keeps.
    ///
    /// # Errors
    ///
    /// Fails with what to change.
    fn check_policy(&self, policy: &Policy) -> Result<(), ConfigError> {
        if policy.is_set_for_tokens() && !self.evaluates_policies() {
            return Err(ConfigError::contradiction(
                "the layer's authorized parties, audience, `accept_pending` or `accept_templates` \
                 would do nothing with this resolver: have it call `Policy::evaluate` and say so in \
                 `ResolveSession::evaluates_policies`, or drop them",
            ));
        }
        if policy.asked_max_age().is_some() && !self.keeps_max_age() {
            return Err(ConfigError::contradiction(
                "the layer's `max_age` would do nothing with this resolver: have it keep \
                 `Policy::asked_max_age` and say so in `ResolveSession::keeps_max_age`, or drop it",
            ));
        }
        Ok(())
    }

    /// The instance whose sessions it resolves, from which a layer takes where to look for credentials and whose tokens to
    /// admit.
    fn instance(&self) -> Option<&Instance> {
        None
    }

    /// Whether it can resolve bare session identifiers.
    fn accepts_session_ids(&self) -> bool {
        true
    }

    /// Whether it [watches](ResolveSession::watch_resolved) what it resolved.
    ///
    /// A layer with a resolver that does not say so is refused at start-up where it is to
    /// [end streams](crate::AuthenticateLayer::end_streams) or to [watch](crate::AuthenticateLayer::watch).
    fn watches(&self) -> bool {
        false
    }

    /// Watches what it resolved, for what goes on in the session's name. A resolver of your own that asks a
    /// [`SessionResolver`](crate::SessionResolver) has [that one](crate::SessionResolver::watch) watch.
    ///
    /// Where there is nothing, whatever was to be watched ends at once.
    fn watch_resolved(&self, resolved: &Resolved, policy: &Policy) -> Option<SessionWatch> {
        let _ = (resolved, policy);
        None
    }

    /// What its way of checking is called in events.
    fn name(&self) -> &'static str {
        "custom"
    }
}

impl<R: ResolveSession> ResolveSession for Arc<R> {
    fn resolve_cached(
        &self,
        credential: &Credential<'_>,
        policy: &Policy,
    ) -> Option<Result<Resolved, Rejection>> {
        R::resolve_cached(self, credential, policy)
    }

    fn resolve_uncached(
        self: Arc<Self>,
        credential: OwnedCredential,
        policy: Policy,
    ) -> impl Future<Output = Result<Resolved, Rejection>> + Send + 'static {
        R::resolve_uncached(Self::clone(&self), credential, policy)
    }

    fn evaluates_policies(&self) -> bool {
        R::evaluates_policies(self)
    }

    fn keeps_max_age(&self) -> bool {
        R::keeps_max_age(self)
    }

    fn check_policy(&self, policy: &Policy) -> Result<(), ConfigError> {
        R::check_policy(self, policy)
    }

    fn instance(&self) -> Option<&Instance> {
        R::instance(self)
    }

    fn accepts_session_ids(&self) -> bool {
        R::accepts_session_ids(self)
    }

    fn watches(&self) -> bool {
        R::watches(self)
    }

    fn watch_resolved(&self, resolved: &Resolved, policy: &Policy) -> Option<SessionWatch> {
        R::watch_resolved(self, resolved, policy)
    }

    fn name(&self) -> &'static str {
        R::name(self)
    }
}

/// A [`ResolveSession`] whose type is erased; a miss is what pays for it.
#[derive(Clone)]
pub(crate) struct AnyResolver(Arc<dyn Erased>);

pub(crate) type Resolving = Pin<Box<dyn Future<Output = Result<Resolved, Rejection>> + Send>>;

impl AnyResolver {
    pub(crate) fn new(resolver: impl ResolveSession) -> Self {
        Self(Arc::new(resolver))
    }

    pub(crate) fn cached(
        &self,
        credential: &Credential<'_>,
        policy: &Policy,
    ) -> Option<Result<Resolved, Rejection>> {
        self.0.cached_erased(credential, policy)
    }

    pub(crate) fn resolve(&self, credential: OwnedCredential, policy: Policy) -> Resolving {
        Arc::clone(&self.0).resolve_erased(credential, policy)
    }

    pub(crate) fn check_policy(&self, policy: &Policy) -> Result<(), ConfigError> {
        self.0.check_policy_erased(policy)
    }

    pub(crate) fn instance(&self) -> Option<&Instance> {
        self.0.instance_erased()
    }

    pub(crate) fn accepts_session_ids(&self) -> bool {
        self.0.accepts_session_ids_erased()
    }

    pub(crate) fn watches(&self) -> bool {
        self.0.watches_erased()
    }

    pub(crate) fn watch(&self, resolved: &Resolved, policy: &Policy) -> Option<SessionWatch> {
        self.0.watch_erased(resolved, policy)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.0.name_erased()
    }
}

impl fmt::Debug for AnyResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyResolver")
    }
}

trait Erased: Send + Sync {
    fn cached_erased(
        &self,
        credential: &Credential<'_>,
        policy: &Policy,
    ) -> Option<Result<Resolved, Rejection>>;
    fn resolve_erased(self: Arc<Self>, credential: OwnedCredential, policy: Policy) -> Resolving;
    fn check_policy_erased(&self, policy: &Policy) -> Result<(), ConfigError>;
    fn instance_erased(&self) -> Option<&Instance>;
    fn accepts_session_ids_erased(&self) -> bool;
    fn watches_erased(&self) -> bool;
    fn watch_erased(&self, resolved: &Resolved, policy: &Policy) -> Option<SessionWatch>;
    fn name_erased(&self) -> &'static str;
}

impl<R: ResolveSession> Erased for R {
    fn cached_erased(
        &self,
        credential: &Credential<'_>,
        policy: &Policy,
    ) -> Option<Result<Resolved, Rejection>> {
        self.resolve_cached(credential, policy)
    }

    fn resolve_erased(self: Arc<Self>, credential: OwnedCredential, policy: Policy) -> Resolving {
        Box::pin(self.resolve_uncached(credential, policy))
    }

    fn check_policy_erased(&self, policy: &Policy) -> Result<(), ConfigError> {
        self.check_policy(policy)
    }

    fn instance_erased(&self) -> Option<&Instance> {
        self.instance()
    }

    fn accepts_session_ids_erased(&self) -> bool {
        self.accepts_session_ids()
    }

    fn watches_erased(&self) -> bool {
        self.watches()
    }

    fn watch_erased(&self, resolved: &Resolved, policy: &Policy) -> Option<SessionWatch> {
        self.watch_resolved(resolved, policy)
    }

    fn name_erased(&self) -> &'static str {
        self.name()
    }
}
