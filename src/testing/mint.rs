//! Tokens that Clerk would not issue on demand.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::{
    SessionsApi,
    session::SessionRecord,
    signer::{SigningKey, encode},
    token::{Assembled, Class, TokenPlan, Version},
};

/// A token in the making, from [`SessionsApi::mint`]: an ordinary session token but for what is changed.
///
/// ```
/// # use tower_clerk::testing::SessionsApi;
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let api = SessionsApi::start().await;
/// let session = api.sign_in("user_1");
/// let expired = api.mint(&session).authorized_party("https://app.example.com").expired().sign();
/// assert_eq!(expired.split('.').count(), 3);
/// # std::io::Result::Ok(())
/// # })?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct TokenMint<'a> {
    api: &'a SessionsApi,
    session: SessionRecord,
    plan: TokenPlan,
    header: Map<String, Value>,
    claims: Vec<(String, Option<Value>)>,
    key: Key,
    tampered: bool,
}

#[derive(Debug, Clone, Copy)]
enum Key {
    Current,
    /// The instance's key ID over somebody else's signature.
    Forged,
    /// A key under an ID that was never published.
    Unknown,
}

impl<'a> TokenMint<'a> {
    pub(super) fn new(api: &'a SessionsApi, session: SessionRecord, now: SystemTime) -> Self {
        Self {
            api,
            session,
            plan: TokenPlan::session(now),
            header: Map::new(),
            claims: Vec::new(),
            key: Key::Current,
            tampered: false,
        }
    }

    /// The origin that the token was made for (`azp`). There is none by default.
    pub fn authorized_party(mut self, origin: &str) -> Self {
        self.plan.authorized_party = Some(origin.to_owned());
        self
    }

    /// How long it is good for, in whole seconds; 60 s by default.
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.plan.lifetime = lifetime;
        self
    }

    /// When it was issued (`iat`, and with it `nbf` and `exp`); now by default.
    pub fn issued_at(mut self, time: SystemTime) -> Self {
        self.plan.issued_at = time;
        self
    }

    /// When Clerk read the claims from its database, as the header tells (`oiat`); by default when the token was
    /// issued, or when the session ended if that is earlier. A token that was renewed at
    /// Clerk's edge tells of a time before its issue.
    pub fn assembled_at(mut self, time: SystemTime) -> Self {
        self.plan.assembled = Assembled::At(time);
        self
    }

    /// Does not tell when its claims were read (`oiat`).
    pub fn without_oiat(mut self) -> Self {
        self.plan.assembled = Assembled::Untold;
        self
    }

    /// Issued so long ago that it has been expired for an hour; set its lifetime first, if at all.
    pub fn expired(self) -> Self {
        let ago = self.plan.lifetime.saturating_add(Duration::from_secs(60 * 60));
        let issued_at = self.api.clock().now().checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH);
        self.issued_at(issued_at)
    }

    /// Claims of version 1: `org_id`, `org_role`, …
    pub fn version_1(mut self) -> Self {
        self.plan.version = Version::One;
        self
    }

    /// Claims of version 2, the default: `v`, `o`, `fea`, …
    pub fn version_2(mut self) -> Self {
        self.plan.version = Version::Two;
        self
    }

    /// A token of a JWT template: it names no session.
    pub fn template(mut self) -> Self {
        self.plan.class = Class::Template;
        self
    }

    /// A machine-to-machine token.
    pub fn machine(mut self) -> Self {
        self.plan.class = Class::Machine;
        self
    }

    /// Another category in the header (`cat`).
    pub fn category(self, category: &str) -> Self {
        self.header("cat", category)
    }

    /// Another key ID in the header. The key stays the same.
    pub fn kid(self, kid: &str) -> Self {
        self.header("kid", kid)
    }

    /// Sets a member of the header. The signature is RS256's whatever `alg` says.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Sets a claim, in place of the one it has or beside them.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.push((name.to_owned(), Some(value.into())));
        self
    }

    /// Leaves a claim out.
    pub fn without_claim(mut self, name: &str) -> Self {
        self.claims.push((name.to_owned(), None));
        self
    }

    /// Signed with a key that the instance does not have, under an ID that it does not publish.
    pub fn signed_by_unknown_key(mut self) -> Self {
        self.key = Key::Unknown;
        self
    }

    /// Signed with a key that the instance does not have, under the ID of the one it has.
    pub fn forged(mut self) -> Self {
        self.key = Key::Forged;
        self
    }

    /// Changed after it was signed: it is another user's now.
    pub fn tampered(mut self) -> Self {
        self.tampered = true;
        self
    }

    /// The token.
    #[must_use]
    pub fn sign(self) -> String {
        let mut state = self.api.state();
        let mut claims = state.claims(&self.plan, &self.session);
        for (name, value) in self.claims {
            match value {
                Some(value) => drop(claims.insert(name, value)),
                None => drop(claims.remove(&name)),
            }
        }
        let stranger = match self.key {
            Key::Current => None,
            Key::Forged => Some(SigningKey::generate(state.keys.current().kid().to_owned())),
            Key::Unknown => Some(SigningKey::generate(state.fresh_kid())),
        };
        let key = stranger.as_ref().unwrap_or_else(|| state.keys.current());
        let mut header = self.plan.header(key.kid(), &self.session);
        header.extend(self.header);
        let token = key.sign(&header, &claims);
        if self.tampered { tamper(&token, claims) } else { token }
    }
}

/// Puts other claims under an old signature.
fn tamper(token: &str, mut claims: Map<String, Value>) -> String {
    claims.insert("sub".to_owned(), Value::from("user_somebody_else"));
    let header = token.split('.').next().unwrap_or_default();
    let signature = token.rsplit('.').next().unwrap_or_default();
    format!("{header}.{}.{signature}", encode(&claims))
}
