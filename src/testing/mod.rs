//! An emulator of Clerk's Sessions API, for tests and demonstrations without an account.
//!
//! [`SessionsApi`] listens on a free loopback port and behaves as Clerk does: every operation on sessions in every
//! API version, with real RS256 signatures, Clerk's errors and, if wanted, its rate limit. It also does what
//! Clerk does not do on demand: it signs users in, mints tokens that are wrong in a chosen way, moves its clock,
//! rotates its keys, sends webhooks, counts the requests, and breaks. Official SDKs can be pointed at it.
//!
//! ```
//! use std::time::Duration;
//! use tower_clerk::testing::{Fault, Operation, SessionsApi};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let api = SessionsApi::start().await;
//! let session = api.sign_in("user_1");
//! api.fail(Operation::Get, Fault::status(503).times(1));
//!
//! let http = reqwest::Client::new();
//! let url = format!("{}/v1/sessions/{session}", api.base_url());
//! let get = || http.get(&url).bearer_auth(api.secret_key()).send();
//! assert_eq!(get().await?.status(), 503);
//! assert_eq!(get().await?.status(), 200);
//!
//! api.clock().advance(Duration::from_secs(8 * 24 * 60 * 60));
//! assert!(get().await?.text().await?.contains(r#""status":"expired""#));
//! assert_eq!(api.requests().count(Operation::Get), 3);
//! # Ok::<(), reqwest::Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # In a test whose clock is paused
//!
//! With `#[tokio::test(start_paused = true)]` tokio's clock jumps to the next time-out whenever everybody waits,
//! and an answer over a socket is such a wait: a client that knows nothing of it gives up within a millisecond.
//! The [client](SessionsApi::client) and the [resolvers](SessionsApi::resolver) that the emulator makes know, and
//! the clock stands still while they wait for it. For a client of your own, or one that asks *your* service over
//! a socket, call `tokio::time::resume` before it asks and `tokio::time::pause` thereafter, or do not pause
//! the clock: sessions and tokens do not go by it but by the emulator's [clock](SessionsApi::clock).
//!
//! # From another process
//!
//! `cargo run --features testing --example sessions_api` is the emulator alone. Beside Clerk's API under `/v1` every
//! emulator has endpoints of its own, which want no key and take and give JSON:
//!
//! | Endpoint | Body | Answer |
//! | --- | --- | --- |
//! | `POST /emulator/sessions` | `user_id`, `organization`? (`id`, `role`?, `permissions`?, `features`?, `plans`?), `features`?, `plans`?, `factor_ages`? (minutes since the first and the second, or -1) | `session_id`, `client_id` |
//! | `POST /emulator/session-statuses` | `session_id`, `status` | |
//! | `POST /emulator/users` | `user_id`, `action` (`delete`, `ban` or `unban`) | |
//! | `POST /emulator/memberships` | `user_id`, `organization_id`, `role` (`null`: removed) | |
//! | `POST /emulator/session-tokens` | `session_id`, `authorized_party`?, `expires_in_seconds`?, `claims`?, `oiat`? (seconds, or `false`: none) | `jwt` |
//! | `POST /emulator/edge-renewals` | `token` (an earlier session token) | `jwt` |
//! | `POST /emulator/refresh-tokens` | `session_id` | `refresh_token` |
//! | `POST /emulator/faults` | `operation` (its [name](Operation::name) or `all`), `kind` (that of a [`Fault`]), `status`?, `code`?, `retry_after`? (s), `delay_ms`?, `times`?, `for_ms`? | |
//! | `POST /emulator/webhook-faults` | `kind` (that of a [`WebhookFault`]), `delay_ms`?, `repetitions`?, `times`? | |
//! | `DELETE /emulator/faults` | | |
//! | `GET /emulator/requests` | | requests per operation, and `unknown` ones |
//! | `POST /emulator/clock` | `advance_ms` | `now_ms` |
//! | `POST /emulator/keys` (rotation) | `keep_old`? (`true`), `keep_kid`? (`false`; `true` replaces the key under its name) | `kid` |
//!
//! # Where Clerk's behaviour is not documented
//!
//! The emulator decides, on the side of caution:
//!
//! * No token is issued for, and no verification succeeds of, a session that is not active: 404
//!   `resource_not_found`.
//! * A session that expires or is abandoned is so from that very millisecond on.
//! * A pending session does not exist (404, and not in lists) in API versions that do not know the status, lest it pass for an
//!   active one. It can be revoked.
//! * Revoking makes any session `revoked`; doing it again changes nothing.
//! * A token given to the verify endpoint must be of that session (400 otherwise); it may have expired.
//! * A pending session that becomes active is told of by a webhook as one that has begun. When a user is deleted or
//!   banned, one webhook tells of the user and none of the sessions.
//! * The rate limit counts every call with the right key within the last ten seconds, except for `/jwks`.
//! * Session tokens of every kind tell in their header (`oiat`) when their claims were read from the database, as
//!   those of Clerk's origin do; tokens of templates do not. A token is renewed at the edge for any session, and
//!   after any time.

mod answer;
mod api;
mod api_version;
mod builder;
mod claims;
mod clients;
mod connection;
mod control;
mod coverage;
mod fault;
mod instance;
mod issuer;
mod listing;
mod memory_log;
mod mint;
mod operation;
mod operations;
mod parameters;
mod quota;
mod recorded;
mod request;
mod server;
mod session;
mod signer;
mod standstill;
mod state;
mod token;
mod users;
mod webhooks;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use self::{
    builder::SessionsApiBuilder,
    claims::claims,
    coverage::{Coverage, CoverageOutcome, RouteCoverage},
    fault::Fault,
    memory_log::MemoryLog,
    mint::TokenMint,
    operation::Operation,
    recorded::{RecordedRequest, Requests},
    session::{Membership, SessionRecord},
    webhooks::{SentWebhook, WebhookFault, sign_webhook},
};
use self::{instance::Instance, server::Server, standstill::Standstill, state::State};
use crate::{
    clock::Clock,
    id::{SessionId, UserId},
};

/// A running emulator. Dropping it stops it: its port is closed and its connections are cut.
///
/// Each emulator is an instance of its own, with its own key, issuer, users and clock.
pub struct SessionsApi {
    server: Server,
    base_url: String,
}

/// What the server's thread and its owner share.
#[derive(Debug)]
struct Shared {
    instance: Arc<Instance>,
    state: Mutex<State>,
    clock: Clock,
    standstill: Standstill,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionsApi {
    /// Starts an emulator with the default settings.
    ///
    /// # Panics
    ///
    /// Panics when no port can be bound on 127.0.0.1.
    #[must_use]
    pub async fn start() -> Self {
        Self::builder().start().await.expect("a loopback port can be bound")
    }

    /// The settings, to change before it [starts](SessionsApiBuilder::start).
    pub fn builder() -> SessionsApiBuilder {
        SessionsApiBuilder::new()
    }

    /// The origin to use in place of `https://api.clerk.com`, without `/v1`, and in place of the Frontend API's.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The secret key that the API wants.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        &self.server.shared.instance.secret_key
    }

    /// The publishable key that goes with it.
    #[must_use]
    pub fn publishable_key(&self) -> &str {
        &self.server.shared.instance.publishable_key
    }

    /// Who issues the tokens (`iss`).
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.server.shared.instance.issuer
    }

    /// The clock by which sessions expire and tokens are issued. It runs with the system's and can be advanced.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.server.shared.clock.clone()
    }

    /// Signs a user in, who is made known if need be, and gives the new session.
    ///
    /// # Panics
    ///
    /// Panics if the text is no user ID (`user_…`).
    #[must_use]
    pub fn sign_in(&self, user_id: &str) -> SessionId {
        self.sign_in_with(user_id, |_| {})
    }

    /// Signs a user in whose session is changed in some way before anybody sees it or hears of it: with an organization,
    /// say. The change must not call the emulator in turn.
    ///
    /// ```
    /// use tower_clerk::testing::{Membership, SessionsApi};
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let api = SessionsApi::start().await;
    /// let session = api.sign_in_with("user_1", |session| {
    ///     let member = Membership::new("org_1".parse().unwrap());
    ///     session.organization = Some(member.with_role("org:admin"));
    ///     session.plans = vec!["pro".to_owned()];
    ///     session.first_factor_at = None;
    ///     session.second_factor_at = Some(session.created_at);
    /// });
    /// assert!(api.session(&session).unwrap().organization.is_some());
    /// # });
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the text is no user ID (`user_…`).
    #[must_use]
    pub fn sign_in_with(
        &self,
        user_id: &str,
        change: impl FnOnce(&mut SessionRecord),
    ) -> SessionId {
        let user_id: UserId = user_id.parse().expect("a user ID is user_ and letters and digits");
        let now = self.clock().now();
        let mut state = self.state();
        state.users.insert(user_id.clone());
        state.begin_session(user_id, change, now).id
    }

    /// The session as it stands now.
    #[must_use]
    pub fn session(&self, session: &SessionId) -> Option<SessionRecord> {
        let now = self.clock().now();
        self.state().session(session.as_str(), now).cloned()
    }

    /// Changes a session behind the API's back, as a front end or the dashboard would.
    ///
    /// The change is made at once, between two requests; it must not call the emulator in turn.
    ///
    /// ```
    /// use tower_clerk::testing::{Membership, SessionsApi};
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let api = SessionsApi::start().await;
    /// let id = api.sign_in("user_1");
    /// api.edit(&id, |session| {
    ///     session.organization = "org_1".parse().ok().map(Membership::new);
    ///     session.expire_at = session.created_at;
    /// });
    /// assert_eq!(api.session(&id).unwrap().status, "expired");
    /// # });
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if there is no such session.
    pub fn edit(&self, session: &SessionId, change: impl FnOnce(&mut SessionRecord)) {
        let now = self.clock().now();
        self.state().edit(session, now, change).expect(NO_SESSION);
    }

    /// Gives a session this status: `revoked`, `ended`, `pending`, … A [webhook](Self::webhooks) tells of it, where
    /// Clerk's would.
    ///
    /// # Panics
    ///
    /// Panics if there is no such session.
    pub fn set_status(&self, session: &SessionId, status: &str) {
        let now = self.clock().now();
        self.state().set_status(session, status, now).expect(NO_SESSION);
    }

    /// Forgets a session, as if it never was. No [webhook](Self::webhooks) tells of it.
    pub fn remove(&self, session: &SessionId) {
        self.state().remove_session(session);
    }

    /// The requests received so far.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.state().requests.clone()
    }

    /// Counts from zero again.
    pub fn forget_requests(&self) {
        self.state().requests = Requests::default();
    }

    /// Makes an operation fail.
    pub fn fail(&self, operation: Operation, fault: Fault) {
        let now = self.clock().now();
        self.state().faults.set(Some(operation), fault, now);
    }

    /// Makes everything of Clerk's fail: what is under `/v1`, and the public keys.
    pub fn fail_all(&self, fault: Fault) {
        let now = self.clock().now();
        self.state().faults.set(None, fault, now);
    }

    /// Takes all faults back, those of webhooks too. Requests that hang go on hanging.
    pub fn clear_faults(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.webhooks.clear_faults();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.server.shared.state()
    }
}

/// A test that names a session the emulator does not have is mistaken, and is told so at once.
const NO_SESSION: &str = "the emulator has no such session";

impl fmt::Debug for SessionsApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionsApi").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}
