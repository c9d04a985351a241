//! From a credential to a verdict: what is needed for the [decision](super::decide) is fetched, and the decision carried out.

use std::{sync::Arc, time::SystemTime};

use super::{
    Policy, Rejection, Resolved,
    decide::{Decision, Presented, Question, Rules},
    verified_token::VerifiedToken,
};
use crate::{
    Clock, Credential, OwnedCredential,
    credential::PresentedToken,
    sessions::{CacheEntry, LookupError, Sessions, Slot},
    token::{Authenticated, Authenticator},
    token_cache::TokenCache,
};

/// What the clones of a resolver share.
///
/// There are two ways in, which decide alike: [`cached`](Inner::cached) says at once what can be said so, and
/// [`resolve`](Inner::resolve) takes its time.
pub(super) struct Inner {
    pub(super) rules: Rules,
    pub(super) clock: Clock,
    pub(super) authenticator: Authenticator,
    pub(super) tokens: TokenCache<VerifiedToken>,
    pub(super) sessions: Arc<Sessions>,
}

impl Inner {
    /// Lets go now of what does not fit into the caches.
    #[cfg(test)]
    pub(super) fn evict(&self) {
        self.sessions.evict();
    }

    pub(super) fn cached(
        &self,
        credential: &Credential<'_>,
        policy: &Policy,
    ) -> Option<Result<Resolved, Rejection>> {
        let now = self.clock.now();
        let decision = match credential {
            Credential::SessionToken(presented) => self.decide_token_now(presented, policy, now),
            Credential::SessionId(id) => {
                let slot = self.sessions.find(id);
                self.decide_now(Presented::SessionId, slot.as_deref(), policy, now)
            }
        };
        match decision {
            Decision::Verdict(verdict) => Some(verdict),
            Decision::NeedKeys | Decision::NeedSession => None,
        }
    }

    pub(super) async fn resolve(
        self: Arc<Self>,
        credential: OwnedCredential,
        policy: Policy,
    ) -> Result<Resolved, Rejection> {
        let asked_at = self.clock.now();
        match credential.borrow() {
            Credential::SessionToken(presented) => {
                let token = self.verified(&presented, &policy, asked_at).await?;
                let text = std::str::from_utf8(presented.as_bytes()).ok();
                let slot = token.slot.clone();
                let presented = Presented::Token(&presented, Some(&token));
                self.decide(presented, slot.as_ref(), text, &policy, asked_at).await
            }
            Credential::SessionId(id) => {
                let slot = self.sessions.slot(&id);
                self.decide(Presented::SessionId, Some(&slot), None, &policy, asked_at).await
            }
        }
    }

    /// The decision on a token, where no key must be fetched.
    fn decide_token_now(
        &self,
        presented: &PresentedToken<'_>,
        policy: &Policy,
        now: SystemTime,
    ) -> Decision {
        let bytes = presented.as_bytes();
        let decide = |token: &VerifiedToken| {
            self.decide_now(
                Presented::Token(presented, Some(token)),
                token.slot.as_deref(),
                policy,
                now,
            )
        };
        let known = |token: &VerifiedToken| self.stands_by(token, now).then(|| decide(token));
        if let Some(decision) = self.tokens.read(bytes, known).flatten() {
            return decision;
        }
        match self.authenticator.authenticate_now(bytes, now) {
            None => Decision::NeedKeys,
            Some(Ok(authenticated)) => {
                let token = self.with_slot(authenticated);
                let decision = decide(&token);
                self.remember(bytes, token, now);
                decision
            }
            Some(Err(error)) => {
                Decision::Verdict(Err(policy.expectations().judge_error(error).into()))
            }
        }
    }

    fn decide_now(
        &self,
        presented: Presented<'_>,
        slot: Option<&Slot>,
        policy: &Policy,
        now: SystemTime,
    ) -> Decision {
        let known = slot.map(Slot::known);
        let known = known.as_ref().and_then(|known| known.as_deref());
        let in_vain = known.is_some_and(|known| known.was_just_unavailable(now));
        let question = Question { presented, policy, asked_at: now, now, in_vain };
        self.rules.decide(&question, known)
    }

    /// The decision, once what must be known is known.
    async fn decide(
        &self,
        presented: Presented<'_>,
        slot: Option<&Arc<Slot>>,
        token: Option<&str>,
        policy: &Policy,
        asked_at: SystemTime,
    ) -> Result<Resolved, Rejection> {
        let question = |in_vain| {
            let now = self.clock.now();
            Question { presented, policy, asked_at, now, in_vain }
        };
        let decide = |in_vain, known: Option<&CacheEntry>| match self
            .rules
            .decide(&question(in_vain), known)
        {
            Decision::Verdict(verdict) => Some(verdict),
            Decision::NeedKeys | Decision::NeedSession => None,
        };
        let known = slot.and_then(|slot| slot.known().clone());
        if let Some(verdict) = decide(false, known.as_deref()) {
            return verdict;
        }
        let Some(slot) = slot else { return Err(Rejection::unavailable()) };
        let learned = self.sessions.learn(slot, token, policy.greatest_age(), asked_at).await;
        let (in_vain, known, error) = match learned {
            Ok(known) => (false, Some(known), LookupError::Interrupted),
            Err(error) => (error.is_unavailable(), slot.known().clone(), error),
        };
        decide(in_vain, known.as_deref()).unwrap_or_else(|| Err(error.into_error().into()))
    }

    async fn verified(
        &self,
        presented: &PresentedToken<'_>,
        policy: &Policy,
        asked_at: SystemTime,
    ) -> Result<VerifiedToken, Rejection> {
        let bytes = presented.as_bytes();
        match self.tokens.read(bytes, VerifiedToken::clone) {
            Some(token) if self.stands_by(&token, asked_at) => Ok(token),
            _ => {
                let authenticated = self.authenticator.authenticate(bytes).await;
                let authenticated =
                    authenticated.map_err(|error| policy.expectations().judge_error(error))?;
                let token = self.with_slot(authenticated);
                self.remember(bytes, token.clone(), self.clock.now());
                Ok(token)
            }
        }
    }

    fn stands_by(&self, token: &VerifiedToken, now: SystemTime) -> bool {
        self.authenticator.stands_by(&token.authenticated, now)
    }

    fn with_slot(&self, authenticated: Authenticated) -> VerifiedToken {
        let claims = &authenticated.claims;
        let slot = claims.session_id().map(|id| self.sessions.slot(id));
        if let Some(slot) = &slot {
            slot.note_token(claims.expires_at());
        }
        VerifiedToken { authenticated, slot }
    }

    /// Unless it has expired already, and would only take the place of one that has not.
    fn remember(&self, bytes: &[u8], token: VerifiedToken, now: SystemTime) {
        if now < token.claims().expires_at() + self.rules.clock_skew {
            self.tokens.insert(bytes, token, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        Clock, Credential, Policy, ResolveSession, SessionCheck, SessionResolver, SessionsClient,
        token::test_signer::{ISSUED, TestSigner, at, session_claims, session_claims_with},
    };

    #[test]
    fn an_expired_token_takes_nobodys_place() {
        let client = SessionsClient::new("sk_test_unused".parse().unwrap()).unwrap();
        let resolver = SessionResolver::builder(client)
            .check(SessionCheck::Networkless)
            .jwk_set(TestSigner::ours().jwk_set())
            .clock(Clock::fixed(at(ISSUED + 30)))
            .build()
            .unwrap();
        let is_kept_after = |token: &str| {
            let credential = Credential::session_token(token.as_bytes());
            let admitted = resolver.cached(&credential, &Policy::new()).unwrap().is_ok();
            (admitted, resolver.inner.tokens.read(token.as_bytes(), |_| ()).is_some())
        };
        let good = TestSigner::ours().sign(&session_claims());
        assert_eq!(is_kept_after(&good), (true, true));
        let expired = session_claims_with(json!({ "exp": ISSUED + 20 }));
        assert_eq!(is_kept_after(&TestSigner::ours().sign(&expired)), (false, false));
    }
}
