//! The tokens that an instance issues, and the keys that it signs them with.

use super::{NO_SESSION, SessionsApi, TokenMint, signer::SigningKey};
use crate::{id::SessionId, jwk_set::JwkSet};

impl SessionsApi {
    /// An ordinary token of this session, good for 60 s, as a front end has one.
    ///
    /// It is issued whatever the session's status, unlike the API's, and tells (`oiat`) when its claims were
    /// last read from Clerk's database: now, or when the session ended.
    ///
    /// # Panics
    ///
    /// Panics if there is no such session.
    #[must_use]
    pub fn token(&self, session: &SessionId) -> String {
        self.mint(session).sign()
    }

    /// Begins a token of this session that is special in some way.
    ///
    /// # Panics
    ///
    /// Panics if there is no such session.
    pub fn mint(&self, session: &SessionId) -> TokenMint<'_> {
        let record = self.session(session).expect(NO_SESSION);
        TokenMint::new(self, record, self.clock().now())
    }

    /// A session token like this one and younger, as Clerk's edge makes it where it does not ask the database:
    /// with the same claims and the same `oiat`, but with times and an identifier of its own. What has become of
    /// the session meanwhile does not matter.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tower_clerk::testing::SessionsApi;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let api = SessionsApi::start().await;
    /// let session = api.sign_in("user_1");
    /// let token = api.token(&session);
    /// api.set_status(&session, "ended");
    /// api.clock().advance(Duration::from_secs(50));
    /// let renewed = api.renew_at_edge(&token);
    /// assert_ne!(renewed, token);
    /// # });
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Panics
    ///
    /// Panics unless it is a session token that a published key of this instance has signed.
    #[must_use]
    pub fn renew_at_edge(&self, token: &str) -> String {
        let now = self.clock().now();
        let renewed = self.state().renew_at_edge(token, now);
        renewed.expect("the emulator renews only session tokens of its own")
    }

    /// A refresh token for this session, as a front end has one in its cookie.
    #[must_use]
    pub fn refresh_token(&self, session: &SessionId) -> String {
        self.state().issue_refresh_token(session.clone())
    }

    /// The public key that verifies tokens signed from now on, as PEM: what Clerk calls the JWT key.
    #[must_use]
    pub fn jwt_key(&self) -> String {
        self.state().keys.current().pem()
    }

    /// The keys that `/v1/jwks` publishes.
    #[must_use]
    pub fn jwk_set(&self) -> JwkSet {
        self.state().keys.jwk_set()
    }

    /// Signs with a new key from now on. The one before stays published, until it is
    /// [withdrawn](Self::withdraw_retired_keys). This takes about a tenth of a second.
    pub fn rotate_keys(&self) {
        let kid = self.state().fresh_kid();
        let next = SigningKey::generate(kid);
        self.state().keys.rotate(next);
    }

    /// Signs with a new key from now on that goes by the name (`kid`) of the one before. That one is
    /// published no longer. This takes about a tenth of a second.
    pub fn replace_key(&self) {
        let kid = self.state().keys.current().kid().to_owned();
        let next = SigningKey::generate(kid);
        self.state().keys.replace(next);
    }

    /// Publishes the current key only.
    pub fn withdraw_retired_keys(&self) {
        self.state().keys.withdraw_retired();
    }
}
