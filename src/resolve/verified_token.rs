use std::{sync::Arc, time::SystemTime};

use super::{Rejection, inner::Inner};
use crate::{
    Claims, Policy, credential::PresentedToken, sessions::Slot, token::Authenticated,
    unix_time::UnixTime,
};

/// What a verified token says, and what is known of the session it names.
#[derive(Debug, Clone)]
pub(super) struct VerifiedToken {
    pub(super) authenticated: Authenticated,
    /// None for a token made from a template, which names no session.
    pub(super) slot: Option<Arc<Slot>>,
}

impl VerifiedToken {
    pub(super) fn claims(&self) -> &Claims {
        &self.authenticated.claims
    }
}

impl Inner {
    pub(super) async fn verified(
        &self,
        presented: &PresentedToken<'_>,
        policy: &Policy,
        asked_at: UnixTime,
    ) -> Result<VerifiedToken, Rejection> {
        let bytes = presented.as_bytes();
        match self.tokens.read(bytes, VerifiedToken::clone) {
            Some(token) if self.stands_by(&token, asked_at) => Ok(token),
            _ => {
                let authenticated = self.authenticator.authenticate(bytes).await;
                let authenticated = authenticated.map_err(|error| policy.judge_error(error))?;
                let token = self.with_slot(authenticated);
                self.remember(bytes, token.clone(), self.clock.now());
                Ok(token)
            }
        }
    }

    pub(super) fn stands_by(&self, token: &VerifiedToken, now: UnixTime) -> bool {
        self.authenticator.stands_by(&token.authenticated, now)
    }

    pub(super) fn with_slot(&self, authenticated: Authenticated) -> VerifiedToken {
        let claims = &authenticated.claims;
        let slot = claims.session_id().map(|id| self.sessions.slot(id));
        if let Some(slot) = &slot {
            slot.note_token(claims.expires_at());
        }
        VerifiedToken { authenticated, slot }
    }

    /// Unless it has expired already, and would only take the place of one that has not.
    pub(super) fn remember(&self, bytes: &[u8], token: VerifiedToken, now: SystemTime) {
        if now < token.claims().expires_at() + self.rules.lifetimes.clock_skew {
            self.tokens.insert(bytes, token, now);
        }
    }
}
