//! The benchmarks' way to fill a cache without a million calls and signatures. It exists only where the
//! compiler is told so (`--cfg tower_clerk_benchmarks`), which no dependency can do by accident.

use super::{SessionResolver, verified_token::VerifiedToken};
use crate::{
    Session,
    claims::{Category, Claims},
};

impl SessionResolver {
    /// Acts as if Clerk had just described this session.
    #[doc(hidden)]
    pub fn preload_session(&self, session: Session) {
        self.inner.sessions.preload(session);
    }

    /// Acts as if a token of these bytes and this payload had been verified, by the keys of `genuine`.
    #[doc(hidden)]
    pub fn preload_token(&self, token: &[u8], payload: &str, genuine: &[u8]) {
        let claims = Claims::from_verified(payload.as_bytes().to_vec(), Category::Session, None)
            .expect("the payload of a session token");
        let genuine = self
            .inner
            .tokens
            .read(genuine, VerifiedToken::clone)
            .expect("a token that was resolved");
        let slot = claims.session_id().map(|id| self.inner.sessions.slot(id));
        let authenticated = genuine.authenticated.with_claims(claims);
        let verified = VerifiedToken { authenticated, slot };
        self.inner.tokens.insert(token, verified, self.inner.clock.now());
    }
}
