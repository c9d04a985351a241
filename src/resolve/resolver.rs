use std::{fmt, sync::Arc, time::SystemTime};

use super::{
    Readiness, Rejection, ResolveSession, Resolved, SessionResolverBuilder, SessionWatch,
    inner::Inner,
};
use crate::{
    ConfigError, Credential, Instance, OrganizationId, OwnedCredential, Policy, Session, SessionId,
    SessionStatus, UserId, admitted_by::ResolverId, client, sessions::SessionCheck,
    token::TokenError,
};

/// Resolves session credentials: the cached, race-free view of an instance's sessions.
///
/// Facts are cached, verdicts are not: each resolution judges the token's times, the session's state
/// and the caller's [`Policy`] anew. However many callers ask for one session at a time, Clerk is
/// asked once, and a caller that goes away neither cancels the others nor wastes the answer.
///
/// Cloning is cheap, and clones are one resolver: what one [revokes](SessionResolver::revoke), all
/// refuse.
///
/// It needs to be used within a Tokio runtime.
#[derive(Clone)]
pub struct SessionResolver {
    pub(super) inner: Arc<Inner>,
}

impl SessionResolver {
    /// A resolver that [gets](SessionCheck::Get) the instance's sessions, with the default settings.
    ///
    /// # Errors
    ///
    /// Fails where the instance has no secret key, or its configuration cannot work.
    pub fn new(instance: &Instance) -> Result<Self, ConfigError> {
        Self::builder(instance).build()
    }

    /// A resolver for the instance that [the environment describes](Instance::from_env). It needs `CLERK_SECRET_KEY`. Where
    /// `TOWER_CLERK_REDIS_URL` is set, revocations are shared through the [log](crate::fleet) that it names (feature `redis`).
    ///
    /// # Errors
    ///
    /// Fails where a variable is missing or malformed, or two contradict each other, and where `TOWER_CLERK_REDIS_URL` is set
    /// and the feature `redis` is not.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::builder(&Instance::from_env()?).join_fleet_from_env()?.build()
    }

    /// A resolver yet to be set up.
    pub fn builder(instance: &Instance) -> SessionResolverBuilder {
        SessionResolverBuilder::new(instance.clone())
    }

    pub(super) fn new_with(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// How credentials are checked.
    #[must_use]
    pub fn check(&self) -> SessionCheck {
        self.inner.rules.check
    }

    /// Resolves a credential.
    ///
    /// # Errors
    ///
    /// Fails where the credential is refused, or cannot be checked just now.
    pub async fn resolve(
        &self,
        credential: Credential<'_>,
        policy: &Policy,
    ) -> Result<Resolved, Rejection> {
        match self.resolve_cached(&credential, policy) {
            Some(answer) => answer,
            None => {
                let resolver = Arc::new(self.clone());
                resolver.resolve_uncached(credential.to_owned(), policy.clone()).await
            }
        }
    }

    /// Tells this resolver and its clones from others.
    pub(crate) fn id(&self) -> ResolverId {
        ResolverId::of(&self.inner)
    }

    /// The session with this ID as Clerk describes it, whatever its state, through the cache.
    ///
    /// # Errors
    ///
    /// Fails as [`SessionsClient::get`](crate::SessionsClient::get) does.
    pub async fn get(&self, id: &SessionId) -> Result<Session, client::Error> {
        self.inner.get(id).await
    }

    /// Revokes a session. When this has returned `Ok`, no later request is admitted with it through
    /// this resolver.
    ///
    /// The revocation is under way when this function returns, and goes on where its future is dropped. However many ask for
    /// it at a time, Clerk is asked once.
    ///
    /// Processes that follow the same [log](SessionResolverBuilder::revocation_log) refuse the session a moment later; this
    /// waits for the log to acknowledge that, for 250 ms at most, and not at all while the log is known to be unusable. Others notice it
    /// after their `ttl` + `clock_skew` at the latest; in [networkless](SessionCheck::Networkless) mode, `clock_skew` after the last token expires.
    ///
    /// # Errors
    ///
    /// Fails as [`SessionsClient::revoke`](crate::SessionsClient::revoke) does. Where Clerk says that there
    /// [is no such session](client::Error::is_not_found), it is refused from now on all the same.
    /// Where the outcome is unknown, Clerk is asked at the next request; in networkless mode, which
    /// asks nobody, the session is admitted as before.
    ///
    /// # Security
    ///
    /// In networkless mode a revocation is remembered for a day at least, until the session would have
    /// expired, and for as long as any token that this process has seen of it. A token that was minted
    /// to live longer than all that, and is first seen afterwards, is admitted.
    pub fn revoke(
        &self,
        id: &SessionId,
    ) -> impl Future<Output = Result<Session, client::Error>> + Send + 'static + use<> {
        Arc::clone(&self.inner.sessions).revoke(id)
    }

    /// Fetches the keys that verify tokens, so that the first request need not wait for them.
    ///
    /// A service may well start where this fails: keys are fetched again when they are needed.
    ///
    /// ```no_run
    /// use tower_clerk::SessionResolver;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), tower_clerk::ConfigError> {
    /// let resolver = SessionResolver::from_env()?;
    /// if let Err(error) = resolver.warm_up().await {
    ///     eprintln!("starting without keys: {error}");
    /// }
    /// assert!(resolver.readiness().is_ready());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where there are no keys and none can be fetched.
    pub async fn warm_up(&self) -> Result<(), TokenError> {
        self.inner.authenticator.keys().warm_up().await
    }

    /// How things stand with the keys, with Clerk's API and with the log of a fleet.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        Readiness {
            keys: self.inner.authenticator.keys().report().into(),
            sessions_api: self.inner.sessions.report().map(Into::into),
            revocation_log: self.inner.sessions.report_log().map(Into::into),
        }
    }

    /// Ends a session without asking Clerk: somebody else ended it, and this process heard of it. From now on it is
    /// refused with that status, whatever is under way, and so it is by all who follow the same
    /// [log](SessionResolverBuilder::revocation_log). A status that is not final is a reason for all of them to ask Clerk anew.
    ///
    /// It is in force here when this function returns. The future waits a moment for the log to acknowledge it and tells whether
    /// it has; without a log it has nothing to wait for.
    pub fn end(
        &self,
        id: &SessionId,
        status: SessionStatus,
    ) -> impl Future<Output = bool> + Send + 'static + use<> {
        self.inner.sessions.end(id, status)
    }

    /// Refuses tokens of this user that were assembled up to this time, and of those only such for this organization
    /// if one is named: the user was banned or deleted, or is no longer what it was there. What Clerk was asked earlier admits
    /// nobody, either. As [`end`](SessionResolver::end), it is in force here when this function returns, and goes to the log.
    ///
    /// It is remembered for a day, and for as long as any token that it was seen to refuse would be good.
    pub fn deny(
        &self,
        user: &UserId,
        organization: Option<&OrganizationId>,
        up_to: SystemTime,
    ) -> impl Future<Output = bool> + Send + 'static + use<> {
        self.inner.sessions.deny(user, organization, up_to)
    }

    /// Forgets what is known of a session, so that Clerk is asked at the next request. What its tokens prove up to now counts
    /// for nothing until then.
    ///
    /// That it is over is not forgotten.
    pub fn invalidate(&self, id: &SessionId) {
        self.inner.sessions.forget(id);
    }
}

impl ResolveSession for SessionResolver {
    fn resolve_cached(
        &self,
        credential: &Credential<'_>,
        policy: &Policy,
    ) -> Option<Result<Resolved, Rejection>> {
        let mut answer = self.inner.cached(credential, policy)?;
        if let Ok(resolved) = &mut answer {
            resolved.resolver = Some(self.id());
        }
        Some(answer)
    }

    async fn resolve_uncached(
        self: Arc<Self>,
        credential: OwnedCredential,
        policy: Policy,
    ) -> Result<Resolved, Rejection> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Rejection::outside_of_a_runtime());
        }
        let resolved = Arc::clone(&self.inner).resolve(credential, policy).await?;
        Ok(Resolved { resolver: Some(self.id()), ..resolved })
    }

    fn evaluates_policies(&self) -> bool {
        true
    }

    fn keeps_max_age(&self) -> bool {
        self.inner.rules.check != SessionCheck::Networkless
    }

    fn check_policy(&self, policy: &Policy) -> Result<(), ConfigError> {
        match self.inner.rules.check {
            SessionCheck::Networkless if policy.asked_max_age().is_some() => {
                Err(ConfigError::contradiction(
                    "`max_age` needs a check that asks Clerk; use `SessionCheck::Get`, or drop it",
                ))
            }
            SessionCheck::Get | SessionCheck::Verify if policy.accepts_templates() => {
                Err(ConfigError::contradiction(
                    "template tokens name no session; use `SessionCheck::Networkless`, or refuse them",
                ))
            }
            _ => Ok(()),
        }
    }

    fn instance(&self) -> Option<&Instance> {
        Some(&self.inner.instance)
    }

    fn accepts_session_ids(&self) -> bool {
        self.inner.rules.check == SessionCheck::Get
    }

    fn watches(&self) -> bool {
        true
    }

    fn watch_resolved(&self, resolved: &Resolved, policy: &Policy) -> Option<SessionWatch> {
        Some(self.watch(resolved, policy))
    }

    fn name(&self) -> &'static str {
        match self.inner.rules.check {
            SessionCheck::Get => "get",
            SessionCheck::Verify => "verify",
            SessionCheck::Networkless => "networkless",
        }
    }
}

impl fmt::Debug for SessionResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionResolver")
            .field("check", &self.inner.rules.check)
            .finish_non_exhaustive()
    }
}
