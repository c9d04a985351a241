use std::{sync::Arc, time::Duration};

use super::{SessionResolver, decide::Rules, inner::Inner, watch::Trouble};
use crate::{
    Clock, ConfigError, Instance, SessionsClient, environment,
    fleet::{AnyLog, RevocationLog},
    sessions::{Lifetimes, NoUpstream, SessionCheck, Sessions, Settings, Upstream},
    token::{self, Authenticator, DEFAULT_CLOCK_SKEW, Keys, Parties},
    token_cache::TokenCache,
};

/// Sets up a [`SessionResolver`].
///
/// ```
/// use std::time::Duration;
/// use tower_clerk::{Instance, SessionResolver};
///
/// let secret_key = "sk_test_TheKeyFromClerksDashboard".parse()?;
/// let instance = Instance::builder().secret_key(secret_key).build()?;
/// let resolver = SessionResolver::builder(&instance)
///     .ttl(Duration::from_secs(10))
///     .stale_if_error(Duration::from_secs(60))
///     .build()?;
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct SessionResolverBuilder {
    instance: Instance,
    client: Option<SessionsClient>,
    check: SessionCheck,
    lifetimes: Lifetimes,
    answers_only: bool,
    networkless_if_error: bool,
    patience: Duration,
    recheck: Duration,
    capacity: u64,
    clock: Clock,
    log: Option<AnyLog>,
}

/// How long a call takes at most where there is nobody to call.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

impl SessionResolverBuilder {
    pub(super) fn new(instance: Instance) -> Self {
        Self {
            instance,
            client: None,
            check: SessionCheck::default(),
            lifetimes: Lifetimes {
                ttl: Duration::from_secs(60),
                session_ttl: Duration::from_secs(10 * 60),
                negative_ttl: Duration::from_secs(5),
                stale_if_error: Duration::ZERO,
                clock_skew: DEFAULT_CLOCK_SKEW,
            },
            answers_only: false,
            networkless_if_error: false,
            patience: Duration::from_millis(250),
            recheck: Duration::from_secs(5 * 60),
            capacity: 100_000,
            clock: Clock::system(),
            log: None,
        }
    }

    /// How credentials are checked: [`SessionCheck::Get`] by default.
    pub fn check(self, check: SessionCheck) -> Self {
        Self { check, ..self }
    }

    /// Calls Clerk with this client, which must be one of the same instance, instead of one with the default settings.
    pub fn client(self, client: SessionsClient) -> Self {
        Self { client: Some(client), ..self }
    }

    /// By how much Clerk's clock and ours may differ: 5 s by default, 5 minutes at most.
    pub fn clock_skew(mut self, clock_skew: Duration) -> Self {
        self.lifetimes.clock_skew = clock_skew;
        self
    }

    /// How old the evidence may be that a session is active: 60 s by default, a day at most. It bounds how late a
    /// revocation made elsewhere is noticed: to `ttl` where Clerk's answer was the evidence, and to `ttl` +
    /// [`clock_skew`] where a token was. The [guide](crate::guide::freshness) has a picture.
    ///
    /// Evidence is an answer of Clerk's, or a session token whose header says when Clerk last assembled its claims
    /// (`oiat`), which it does only while the session is signed in. So a front end that renews its token, as Clerk's do
    /// every 50 s, vouches for its session anew, and Clerk need not be asked. With zero Clerk is asked for each request.
    ///
    /// [`clock_skew`]: SessionResolverBuilder::clock_skew
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.lifetimes.ttl = ttl;
        self
    }

    /// How old the description of a session, which handlers see as [`Session`](crate::Session), may get before it is
    /// renewed: 10 minutes by default, a day at most, and never less than [`ttl`](SessionResolverBuilder::ttl). It is
    /// renewed ahead of time, so that nobody waits; where that did not succeed, it is used for as long again.
    ///
    /// It bounds nothing about revocations, only how old a session's activity, organization, tasks and actor may be, and
    /// it is what an active session costs: a call per nine tenths of it or so.
    pub fn session_ttl(mut self, ttl: Duration) -> Self {
        self.lifetimes.session_ttl = ttl;
        self
    }

    /// For how long a session counts as pending, as of an unknown status or as not there without asking Clerk again: 5 s
    /// by default. A token that was assembled since is a reason to ask at once.
    pub fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.lifetimes.negative_ttl = ttl;
        self
    }

    /// How much older the evidence may be while Clerk is unavailable
    /// (`stale-if-error`, [RFC 5861 §4]): not at all by default.
    ///
    /// # Security
    ///
    /// It adds to how late a revocation made elsewhere is noticed while Clerk is unavailable.
    ///
    /// [RFC 5861 §4]: https://www.rfc-editor.org/rfc/rfc5861#section-4
    pub fn stale_if_error(mut self, time: Duration) -> Self {
        self.lifetimes.stale_if_error = time;
        self
    }

    /// Where Clerk cannot be asked within [a short time](SessionResolverBuilder::patience), lets a token do by itself whose
    /// own evidence is within [`ttl`](SessionResolverBuilder::ttl): while Clerk is unavailable, while the quota is used up,
    /// after a cold start. Not by default.
    ///
    /// Such a request has [`Claims`](crate::Claims) and no [`Session`](crate::Session), and its
    /// [`Freshness`](crate::Freshness) says so. A handler that asks for a session, even for an optional one, is answered 503
    /// with `Retry-After`. It is never done for a layer with [`max_age`](crate::Policy::max_age), nor where
    /// something later is known that speaks against the session, nor where Clerk refuses the secret key.
    ///
    /// In a long outage, once tokens are renewed without Clerk looking their sessions up, it ends after `ttl`:
    /// [`stale_if_error`](SessionResolverBuilder::stale_if_error) is what carries further.
    ///
    /// # Security
    ///
    /// How late a revocation made elsewhere is noticed remains the same: `ttl` + `clock_skew`. What this process revoked,
    /// ended or [forgot](SessionResolver::invalidate) is not admitted.
    pub fn networkless_if_error(mut self) -> Self {
        self.networkless_if_error = true;
        self
    }

    /// How long a request waits to ask Clerk that can be answered without: 250 ms by default, a day at most.
    ///
    /// It is what a request waits for its turn, where evidence is fresh or an answer may be
    /// [stale](SessionResolverBuilder::stale_if_error), and what it waits in all, where
    /// [its token does](SessionResolverBuilder::networkless_if_error). All others wait for as long as a call to Clerk takes.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How often Clerk is asked about a session for as long as something goes on in its name, a stream or a socket, and
    /// nothing else has proved it active: every 5 minutes by default, give or take a tenth; at least a second, a day at most.
    ///
    /// However many [watch](crate::SessionWatch) one session, Clerk is asked once, and other requests of the session spare that.
    /// A session that ended elsewhere, of which no log and no webhook tells, is noticed after 1.1 times this,
    /// [`ttl`](SessionResolverBuilder::ttl) and [`clock_skew`](SessionResolverBuilder::clock_skew) together at the latest. Requests
    /// that wait for Clerk go before: where the quota is used up by them, it is asked like them after ten attempts.
    pub fn recheck(self, recheck: Duration) -> Self {
        Self { recheck, ..self }
    }

    /// Takes nothing but Clerk's answers for evidence, as if no token said when it was assembled. Each active session then
    /// costs a call per [`ttl`](SessionResolverBuilder::ttl), ten times as many.
    ///
    /// # Security
    ///
    /// For those who do not want to rely on it that Clerk assembles tokens (`oiat`) of signed-in sessions only.
    pub fn evidence_from_answers_only(mut self) -> Self {
        self.answers_only = true;
        self
    }

    /// How many sessions are kept in mind: 100,000 by default. Of the latest tokens at least as many are, and at
    /// most twice as many, for a minute or two.
    ///
    /// A session takes some 600 bytes beside its own, and 2.6 KB with one token of 1 KB.
    pub fn capacity(self, sessions: u64) -> Self {
        Self { capacity: sessions, ..self }
    }

    /// Shares revocations with all processes that follow the same log, so that what one revokes all refuse: see
    /// [`fleet`](crate::fleet).
    ///
    /// It is followed from the first use within a Tokio runtime. While it cannot be reached nothing else changes: nobody is refused,
    /// and what was revoked elsewhere is noticed as without a log, or a moment after it can be reached again.
    pub fn revocation_log(self, log: impl RevocationLog) -> Self {
        Self { log: Some(AnyLog::new(log)), ..self }
    }

    /// Shares revocations through the log that `TOWER_CLERK_REDIS_URL` names, where it is set; where it is not, nothing changes.
    /// [`SessionResolver::from_env`] does so by itself.
    ///
    /// # Errors
    ///
    /// Fails where the variable is malformed, and where it is set and the feature `redis` is not: revocations would
    /// silently be this process's own.
    pub fn join_fleet_from_env(self) -> Result<Self, ConfigError> {
        if environment::optional(&mut environment::process, "TOWER_CLERK_REDIS_URL")?.is_none() {
            return Ok(self);
        }
        #[cfg(feature = "redis")]
        return Ok(self.revocation_log(crate::for_redis::RedisLog::from_env()?));
        #[cfg(not(feature = "redis"))]
        Err(ConfigError::contradiction(
            "`TOWER_CLERK_REDIS_URL` needs the feature `redis`; enable it, or unset the variable",
        ))
    }

    /// The clock that the resolver goes by: the system's unless set. Extractors do not ask it; a cookie's has
    /// [its own](crate::extract::SessionCookie::clock).
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The resolver.
    ///
    /// # Errors
    ///
    /// Fails where a value is malformed or two contradict each other.
    pub fn build(self) -> Result<SessionResolver, ConfigError> {
        let client = match &self.client {
            Some(client) if !client.instance().shares_api_with(&self.instance) => {
                return Err(ConfigError::contradiction(
                    "the client is another instance's than the resolver; make both from one `Instance`",
                ));
            }
            Some(client) => Some(client.clone()),
            None if self.is_without_api() => None,
            None => Some(SessionsClient::new(&self.instance)?),
        };
        match client.clone() {
            Some(upstream) => self.build_upon(client.as_ref(), Box::new(upstream)),
            None => self.build_upon(None, Box::new(NoUpstream)),
        }
    }

    /// Whether nobody is asked, since nobody need be.
    fn is_without_api(&self) -> bool {
        self.check == SessionCheck::Networkless && self.instance.parts().secret_key.is_none()
    }

    pub(super) fn build_upon(
        self,
        client: Option<&SessionsClient>,
        upstream: Box<dyn Upstream>,
    ) -> Result<SessionResolver, ConfigError> {
        self.refuse_contradictions()?;
        let keys = Keys::of(&self.instance, client, self.clock.clone())?;
        let authenticator = Authenticator::new(keys, self.instance.parts().issuers.clone());
        let sessions = Sessions::new(
            upstream,
            Settings {
                check: self.check,
                clock: self.clock.clone(),
                lifetimes: self.lifetimes,
                capacity: self.capacity,
                timeout: client.map_or(DEFAULT_TIMEOUT, SessionsClient::timeout),
                admits_unseen: self.networkless_if_error,
            },
        );
        let sessions = Arc::new(sessions);
        if let Some(log) = self.log {
            sessions.follow(log);
        }
        Ok(SessionResolver::new_with(Inner {
            rules: Rules {
                check: self.check,
                lifetimes: self.lifetimes,
                parties: Parties::of(&self.instance),
                tokens_are_evidence: !self.answers_only,
                networkless_if_error: self.networkless_if_error,
            },
            instance: self.instance,
            patience: self.patience,
            recheck: self.recheck,
            trouble: Trouble::default(),
            clock: self.clock,
            authenticator,
            tokens: TokenCache::new(self.capacity.saturating_mul(2)),
            sessions,
        }))
    }

    fn refuse_contradictions(&self) -> Result<(), ConfigError> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        const SHORTEST_KEPT: Duration = Duration::from_secs(60);
        let Lifetimes { ttl, session_ttl, negative_ttl, stale_if_error, clock_skew } =
            self.lifetimes;
        if self.capacity == 0 {
            return Err(ConfigError::malformed("`capacity`", "at least 1"));
        }
        if self.log.as_ref().is_some_and(|log| log.keep() < SHORTEST_KEPT) {
            return Err(ConfigError::malformed(
                "how long the log keeps entries",
                "at least a minute: a process that was cut off for a moment has to find what it missed",
            ));
        }
        token::clock_skew(clock_skew)?;
        let times = [ttl, session_ttl, negative_ttl, stale_if_error, self.patience];
        if times.iter().any(|&it| it > DAY) {
            return Err(ConfigError::malformed(
                "`ttl`, `session_ttl`, `negative_ttl`, `stale_if_error` and `patience`",
                "at most one day each",
            ));
        }
        if self.recheck < Duration::from_secs(1) || self.recheck > DAY {
            return Err(ConfigError::malformed(
                "`recheck`",
                "at least a second, and a day at most",
            ));
        }
        if self.networkless_if_error && self.answers_only {
            return Err(ConfigError::contradiction(
                "`networkless_if_error` goes by what tokens prove; drop it, or \
                 `evidence_from_answers_only`",
            ));
        }
        if self.networkless_if_error && self.check == SessionCheck::Networkless {
            return Err(ConfigError::contradiction(
                "`networkless_if_error` needs a check that asks Clerk; use `SessionCheck::Get`, or drop it",
            ));
        }
        if self.check == SessionCheck::Networkless && !stale_if_error.is_zero() {
            return Err(ConfigError::contradiction(
                "`stale_if_error` needs a check that asks Clerk; use `SessionCheck::Get`, or drop it",
            ));
        }
        if self.check == SessionCheck::Networkless && self.answers_only {
            return Err(ConfigError::contradiction(
                "`evidence_from_answers_only` needs a check that asks Clerk; use `SessionCheck::Get`, or drop it",
            ));
        }
        Ok(())
    }
}
