//! Settings of an emulator.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use aws_lc_rs::rand;
use reqwest::Url;

use super::{
    SessionsApi, Shared,
    quota::Quota,
    server::Server,
    standstill::Standstill,
    state::{Names, State},
    webhooks::parse_url,
};
use crate::{WebhookSecret, clock::Clock, id::UserId};

/// Settings of a [`SessionsApi`], from [`SessionsApi::builder`].
#[derive(Clone)]
#[must_use]
pub struct SessionsApiBuilder {
    addr: SocketAddr,
    secret_key: Option<String>,
    users: Vec<String>,
    templates: Vec<String>,
    enforce_quota: bool,
    frontend_api_on_loopback: bool,
    clock: Option<Clock>,
    webhooks: Vec<(String, String)>,
}

impl SessionsApiBuilder {
    pub(super) fn new() -> Self {
        Self {
            addr: (Ipv4Addr::LOCALHOST, 0).into(),
            secret_key: None,
            users: Vec::new(),
            templates: Vec::new(),
            enforce_quota: false,
            frontend_api_on_loopback: false,
            clock: None,
            webhooks: Vec::new(),
        }
    }

    /// Where to listen: a loopback address. A free port of 127.0.0.1 by default.
    pub fn addr(mut self, addr: SocketAddr) -> Self {
        self.addr = addr;
        self
    }

    /// The secret key, `sk_test_…` or `sk_live_…`. Made up by default, for a development instance.
    pub fn secret_key(mut self, secret_key: &str) -> Self {
        self.secret_key = Some(secret_key.to_owned());
        self
    }

    /// A user that exists, `user_…`. Signing in makes users known too.
    pub fn user(mut self, user_id: &str) -> Self {
        self.users.push(user_id.to_owned());
        self
    }

    /// A JWT template that exists.
    pub fn template(mut self, name: &str) -> Self {
        self.templates.push(name.to_owned());
        self
    }

    /// Whether Clerk's rate limit is kept: 1000 calls within ten seconds with `sk_live_…`, 100 otherwise,
    /// and `/jwks` free.
    ///
    /// Off by default, since the outcome of a test should not depend on how fast it runs. A
    /// [fault](super::Fault::status) of 429 comes at a moment of your choosing.
    pub fn enforce_quota(mut self, enforce: bool) -> Self {
        self.enforce_quota = enforce;
        self
    }

    /// Whether the publishable key names the emulator's own address as the Frontend API, instead of a host that
    /// does not exist. Then whoever [takes the keys from there](crate::InstanceBuilder::keys_from_frontend_api) needs nothing
    /// but that key, as with Clerk. It takes a development instance, and is off by default.
    pub fn frontend_api_on_loopback(mut self, on_loopback: bool) -> Self {
        self.frontend_api_on_loopback = on_loopback;
        self
    }

    /// The clock of the emulator: one that [runs](Clock::adjustable) or [stands](Clock::fixed) apart from the
    /// clock of what is tested, as Clerk's does. By default it has one of its own, which a
    /// [resolver](SessionsApi::resolver) made by the emulator shares.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Sends webhooks to this URL, signed with this secret, from the start: see
    /// [`webhooks`](SessionsApi::webhooks).
    pub fn webhooks(mut self, url: &str, secret: &str) -> Self {
        self.webhooks.push((url.to_owned(), secret.to_owned()));
        self
    }

    /// Starts the emulator.
    ///
    /// # Errors
    ///
    /// Fails if the address is not a loopback one or cannot be bound, if the secret key does not start with
    /// `sk_test_` or `sk_live_`, if a user ID, a webhook's URL or its secret is none, if the clock is
    /// the system's, which cannot be advanced, or if the [Frontend API](Self::frontend_api_on_loopback)
    /// cannot be on loopback.
    pub async fn start(self) -> io::Result<SessionsApi> {
        let invalid = |why| io::Error::new(io::ErrorKind::InvalidInput, why);
        if !self.addr.ip().is_loopback() {
            return Err(invalid("the emulator listens on loopback addresses only"));
        }
        if self.secret_key.as_deref().is_some_and(|key| !is_secret_key(key)) {
            return Err(invalid("a secret key is sk_test_ or sk_live_ and printable characters"));
        }
        let is_live = self.secret_key.as_deref().is_some_and(|key| key.starts_with("sk_live_"));
        if self.frontend_api_on_loopback && (is_live || !self.addr.is_ipv4()) {
            return Err(invalid(
                "a Frontend API on loopback is a development instance's, on an IPv4 address",
            ));
        }
        let clock = self.clock.unwrap_or_else(Clock::adjustable);
        if !clock.is_movable() {
            return Err(invalid("the emulator's clock is an adjustable or a fixed one"));
        }
        let users: Vec<UserId> = self
            .users
            .iter()
            .map(|user| user.parse())
            .collect::<Result<_, _>>()
            .map_err(|_| invalid("a user ID is user_ and letters and digits"))?;
        let webhooks: Vec<(Url, WebhookSecret)> = self
            .webhooks
            .iter()
            .map(|(url, secret)| Some((parse_url(url)?, secret.parse().ok()?)))
            .collect::<Option<_>>()
            .ok_or_else(|| invalid("webhooks want an http or https URL and a secret, whsec_…"))?;
        let mut seed = [0; 16];
        rand::fill(&mut seed).map_err(|_| io::Error::other("the system has no randomness"))?;
        let make = move |addr: SocketAddr| {
            let host = self.frontend_api_on_loopback.then(|| addr.to_string());
            let mut state = State::new(self.secret_key, host, Names::new(seed));
            state.users.extend(users);
            state.templates.extend(self.templates);
            state.quota =
                self.enforce_quota.then(|| Quota::per_ten_seconds(state.instance.quota()));
            let instance = Arc::clone(&state.instance);
            Shared { instance, state: Mutex::new(state), clock, standstill: Standstill::default() }
        };
        let server = Server::start(self.addr, make).await?;
        let api = SessionsApi { base_url: format!("http://{}", server.addr), server };
        for (url, secret) in webhooks {
            api.connect(url, secret);
        }
        Ok(api)
    }
}

impl std::fmt::Debug for SessionsApiBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionsApiBuilder")
            .field("addr", &self.addr)
            .field("users", &self.users)
            .field("templates", &self.templates)
            .field("enforce_quota", &self.enforce_quota)
            .field("frontend_api_on_loopback", &self.frontend_api_on_loopback)
            .finish_non_exhaustive()
    }
}

fn is_secret_key(key: &str) -> bool {
    let rest = key.strip_prefix("sk_test_").or_else(|| key.strip_prefix("sk_live_"));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()))
}
