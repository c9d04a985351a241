use std::{fmt, sync::Arc, time::SystemTime};

use super::{
    Freshness, Policy, Readiness, Rejection, ResolveSession, Resolved, SessionCheck,
    SessionResolverBuilder,
    known::{Fact, Known},
    sessions::{Ignorance, Sessions},
    slot::Slot,
    tokens::{Tokens, VerifiedToken},
};
use crate::{
    Claims, Clock, ConfigError, Credential, OwnedCredential, Session, SessionId, SessionsClient,
    client,
    credential::PresentedToken,
    token::{Authenticated, Authenticator, TokenError},
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

pub(super) struct Inner {
    pub(super) check: SessionCheck,
    pub(super) clock: Clock,
    pub(super) authenticator: Authenticator,
    pub(super) clock_skew: std::time::Duration,
    pub(super) tokens: Tokens,
    pub(super) sessions: Arc<Sessions>,
}

impl SessionResolver {
    /// A resolver that [gets](SessionCheck::Get) sessions through this client, with the keys that Clerk
    /// publishes.
    ///
    /// # Errors
    ///
    /// Fails where the configuration cannot work.
    pub fn new(client: SessionsClient) -> Result<Self, ConfigError> {
        Self::builder(client).build()
    }

    /// A resolver that is set up by the environment.
    ///
    /// | Variable | |
    /// | --- | --- |
    /// | `CLERK_SECRET_KEY` | required |
    /// | `CLERK_PUBLISHABLE_KEY` | gives the issuer; unset: the issuer is not checked |
    /// | `CLERK_JWT_KEY` | the public key as PEM; unset: keys are fetched from Clerk |
    /// | `CLERK_API_URL` | the API's origin; unset: Clerk's |
    ///
    /// # Errors
    ///
    /// Fails where a variable is missing or malformed, or two contradict each other.
    pub fn from_env() -> Result<Self, ConfigError> {
        SessionResolverBuilder::from_env()?.build()
    }

    /// A resolver yet to be set up.
    pub fn builder(client: SessionsClient) -> SessionResolverBuilder {
        SessionResolverBuilder::new(client)
    }

    pub(super) fn from_inner(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// How credentials are checked.
    #[must_use]
    pub fn check(&self) -> SessionCheck {
        self.inner.check
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
        match self.inner.cached(&credential, policy) {
            Some(answer) => answer,
            None => Arc::clone(&self.inner).resolve(credential.to_owned(), policy.clone()).await,
        }
    }

    /// The session with this ID as Clerk describes it, whatever its state, through the cache.
    ///
    /// # Errors
    ///
    /// Fails as [`SessionsClient::get`] does.
    pub async fn get(&self, id: &SessionId) -> Result<Session, client::Error> {
        let sessions = &self.inner.sessions;
        let now = self.inner.clock.now();
        let known = sessions.learn(&sessions.slot(id), None, None, now).await;
        match &known.map_err(Ignorance::into_error)?.fact {
            Fact::Session(session) => Ok(session.clone()),
            Fact::Missing(error) => Err(error.clone()),
            Fact::RevokedHere(answer) => answer.clone(),
        }
    }

    /// Revokes a session. When this has returned `Ok`, no later request is admitted with it through
    /// this resolver, in any mode.
    ///
    /// The revocation goes on where this future is dropped. Other processes notice it after their `ttl`
    /// at the latest; in [networkless](SessionCheck::Networkless) mode, when the token expires.
    ///
    /// # Errors
    ///
    /// Fails as [`SessionsClient::revoke`] does. Where Clerk says that there
    /// [is no such session](client::Error::is_not_found), it is refused from now on all the same;
    /// where the outcome is unknown, Clerk is asked at the next request.
    ///
    /// # Panics
    ///
    /// Panics outside of a Tokio runtime.
    pub async fn revoke(&self, id: &SessionId) -> Result<Session, client::Error> {
        let revocation = Arc::clone(&self.inner.sessions).revoke(id.clone());
        match tokio::spawn(revocation).await {
            Ok(answer) => answer,
            Err(error) => Err(client::Error::revocation_interrupted(error)),
        }
    }

    /// Fetches the keys that verify tokens, so that the first request need not wait for them.
    ///
    /// A service may well start where this fails: keys are fetched again when they are needed.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() {
    /// # let clerk = tower_clerk::testing::SessionsApi::start().await;
    /// let resolver = clerk.resolver();
    /// assert!(!resolver.readiness().is_ready());
    /// if let Err(error) = resolver.warm_up().await {
    ///     eprintln!("starting without keys: {error}");
    /// }
    /// assert!(resolver.readiness().is_ready());
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where there are no keys and none can be fetched.
    pub async fn warm_up(&self) -> Result<(), TokenError> {
        self.inner.authenticator.keys().warm_up().await
    }

    /// How things stand with the keys and Clerk's API.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        Readiness {
            keys: self.inner.authenticator.keys().report().into(),
            sessions_api: self.inner.sessions.report(),
        }
    }

    /// Forgets what is known of a session, so that Clerk is asked at the next request.
    ///
    /// A revocation by this process is not forgotten.
    pub fn invalidate(&self, id: &SessionId) {
        self.inner.sessions.invalidate(id);
    }
}

impl ResolveSession for SessionResolver {
    fn cached(
        &self,
        credential: &Credential<'_>,
        policy: &Policy,
    ) -> Option<Result<Resolved, Rejection>> {
        self.inner.cached(credential, policy)
    }

    async fn resolve(
        self: Arc<Self>,
        credential: OwnedCredential,
        policy: Policy,
    ) -> Result<Resolved, Rejection> {
        Arc::clone(&self.inner).resolve(credential, policy).await
    }

    fn check_policy(&self, policy: &Policy) -> Result<(), ConfigError> {
        match self.inner.check {
            SessionCheck::Networkless if policy.greatest_age().is_some() => {
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

    fn accepts_session_ids(&self) -> bool {
        self.inner.check == SessionCheck::Get
    }

    fn name(&self) -> &'static str {
        match self.inner.check {
            SessionCheck::Get => "get",
            SessionCheck::Verify => "verify",
            SessionCheck::Networkless => "networkless",
        }
    }
}

impl Inner {
    /// Lets go now of what does not fit into the caches.
    #[cfg(test)]
    pub(super) fn evict(&self) {
        self.tokens.evict();
        self.sessions.evict();
    }

    fn cached(
        &self,
        credential: &Credential<'_>,
        policy: &Policy,
    ) -> Option<Result<Resolved, Rejection>> {
        let now = self.clock.now();
        match credential {
            Credential::SessionToken(presented) => {
                let token = match self.verified_now(presented, policy, now)? {
                    Ok(token) => token,
                    Err(rejection) => return Some(Err(rejection)),
                };
                if let Err(rejection) = self.judge_token(&token, presented, policy, now) {
                    return Some(Err(rejection));
                }
                match (&token.slot, self.check) {
                    (Some(slot), SessionCheck::Get | SessionCheck::Verify) => {
                        self.judge_cached(slot, Some(token.claims()), policy, now)
                    }
                    (slot, _) => Some(networkless(slot.as_ref(), token.claims())),
                }
            }
            Credential::SessionId(_) if self.check != SessionCheck::Get => {
                Some(Err(session_id_without_get()))
            }
            Credential::SessionId(id) => {
                let slot = self.sessions.find(id)?;
                self.judge_cached(&slot, None, policy, now)
            }
        }
    }

    async fn resolve(
        self: Arc<Self>,
        credential: OwnedCredential,
        policy: Policy,
    ) -> Result<Resolved, Rejection> {
        let asked_at = self.clock.now();
        match credential.borrow() {
            Credential::SessionToken(presented) => {
                let token = self.verified(&presented, &policy).await?;
                self.judge_token(&token, &presented, &policy, self.clock.now())?;
                match (&token.slot, self.check) {
                    (Some(slot), SessionCheck::Get | SessionCheck::Verify) => {
                        let text = std::str::from_utf8(presented.as_bytes()).ok();
                        self.judge(slot, Some(token.claims()), text, &policy, asked_at).await
                    }
                    (slot, _) => networkless(slot.as_ref(), token.claims()),
                }
            }
            Credential::SessionId(_) if self.check != SessionCheck::Get => {
                Err(session_id_without_get())
            }
            Credential::SessionId(id) => {
                self.judge(&self.sessions.slot(&id), None, None, &policy, asked_at).await
            }
        }
    }

    /// The verified token, unless a key must be fetched first.
    fn verified_now(
        &self,
        presented: &PresentedToken<'_>,
        policy: &Policy,
        now: SystemTime,
    ) -> Option<Result<Arc<VerifiedToken>, Rejection>> {
        let bytes = presented.as_bytes();
        if let Some(token) = self.remembered(bytes, now) {
            return Some(Ok(token));
        }
        let authenticated = self.authenticator.authenticate_now(bytes)?;
        Some(self.remember(bytes, authenticated, policy))
    }

    async fn verified(
        &self,
        presented: &PresentedToken<'_>,
        policy: &Policy,
    ) -> Result<Arc<VerifiedToken>, Rejection> {
        let bytes = presented.as_bytes();
        match self.remembered(bytes, self.clock.now()) {
            Some(token) => Ok(token),
            None => self.remember(bytes, self.authenticator.authenticate(bytes).await, policy),
        }
    }

    fn remembered(&self, bytes: &[u8], now: SystemTime) -> Option<Arc<VerifiedToken>> {
        let token = self.tokens.find(bytes)?;
        self.authenticator.stands_by(&token.authenticated, now).then_some(token)
    }

    fn remember(
        &self,
        bytes: &[u8],
        authenticated: Result<Authenticated, TokenError>,
        policy: &Policy,
    ) -> Result<Arc<VerifiedToken>, Rejection> {
        let authenticated =
            authenticated.map_err(|error| policy.expectations().judge_error(error))?;
        let claims = &authenticated.claims;
        let slot = claims.session_id().map(|id| self.sessions.slot(id));
        if let Some(slot) = &slot {
            slot.note_token(claims.expires_at());
        }
        let token = Arc::new(VerifiedToken { authenticated, slot });
        self.tokens.insert(bytes, Arc::clone(&token));
        Ok(token)
    }

    fn judge_token(
        &self,
        token: &VerifiedToken,
        presented: &PresentedToken<'_>,
        policy: &Policy,
        now: SystemTime,
    ) -> Result<(), Rejection> {
        policy.expectations().judge(token.claims(), now, self.clock_skew)?;
        match presented.not_issued_before() {
            Some(time) if token.claims().issued_at().is_none_or(|issued_at| issued_at < time) => {
                Err(Rejection::issued_before_sign_in())
            }
            _ => Ok(()),
        }
    }

    /// The verdict on what is known already, unless Clerk must be asked first.
    fn judge_cached(
        &self,
        slot: &Slot,
        claims: Option<&Claims>,
        policy: &Policy,
        now: SystemTime,
    ) -> Option<Result<Resolved, Rejection>> {
        let known = slot.known();
        let known = known.as_ref()?;
        let lifetimes = self.sessions.lifetimes();
        if known.is_current(lifetimes, policy.greatest_age(), now, now) {
            return Some(admit(known, claims, policy, Freshness::fresh(known.sent_at), now));
        }
        let stale_serves =
            known.was_just_unavailable(now) && known.may_be_served_stale(lifetimes, policy, now);
        stale_serves.then(|| admit(known, claims, policy, Freshness::stale(known.sent_at), now))
    }

    /// The verdict, once what must be known is known.
    async fn judge(
        &self,
        slot: &Arc<Slot>,
        claims: Option<&Claims>,
        token: Option<&str>,
        policy: &Policy,
        asked_at: SystemTime,
    ) -> Result<Resolved, Rejection> {
        let learned = self.sessions.learn(slot, token, policy.greatest_age(), asked_at).await;
        let now = self.clock.now();
        if let Some(claims) = claims {
            policy.expectations().judge(claims, now, self.clock_skew)?;
        }
        match learned {
            Ok(known) => admit(&known, claims, policy, Freshness::fresh(known.sent_at), now),
            Err(ignorance) => match &*slot.known() {
                Some(known)
                    if known.may_be_served_stale(self.sessions.lifetimes(), policy, now) =>
                {
                    admit(known, claims, policy, Freshness::stale(known.sent_at), now)
                }
                _ => Err(ignorance.into()),
            },
        }
    }
}

fn admit(
    known: &Known,
    claims: Option<&Claims>,
    policy: &Policy,
    freshness: Freshness,
    now: SystemTime,
) -> Result<Resolved, Rejection> {
    let session = known.verdict(claims, policy, now)?;
    Ok(Resolved {
        session: Some(session.clone()),
        claims: claims.cloned(),
        freshness: Some(freshness),
    })
}

fn networkless(slot: Option<&Arc<Slot>>, claims: &Claims) -> Result<Resolved, Rejection> {
    if slot.is_some_and(|slot| slot.is_revoked_here()) {
        return Err(Rejection::session_in(&crate::SessionStatus::Revoked));
    }
    Ok(Resolved { session: None, claims: Some(claims.clone()), freshness: None })
}

fn session_id_without_get() -> Rejection {
    Rejection::misconfigured("session-id-needs-get")
}

impl Ignorance {
    fn into_error(self) -> client::Error {
        match self {
            Self::Failed(error) => error,
            Self::Interrupted => client::Error::outdated(),
        }
    }
}

impl From<Ignorance> for Rejection {
    fn from(ignorance: Ignorance) -> Self {
        ignorance.into_error().into()
    }
}

impl fmt::Debug for SessionResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionResolver").field("check", &self.inner.check).finish_non_exhaustive()
    }
}
