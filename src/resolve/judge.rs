//! From a credential to a verdict.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    Freshness, Policy, Rejection, Resolved, SessionCheck,
    known::Known,
    sessions::{Ignorance, Sessions},
    slot::Slot,
    tokens::Tokens,
    verified_token::VerifiedToken,
};
use crate::{
    Claims, Clock, Credential, OwnedCredential, SessionStatus,
    credential::PresentedToken,
    token::{Authenticated, Authenticator},
};

/// Puts what is known together: the token, its session, and what is asked of both.
///
/// There are two ways in, which say the same: [`cached`](Judge::cached) says it at once where nothing has to
/// be fetched, and [`resolve`](Judge::resolve) takes its time.
pub(super) struct Judge {
    pub(super) check: SessionCheck,
    pub(super) clock: Clock,
    pub(super) authenticator: Authenticator,
    pub(super) clock_skew: Duration,
    pub(super) tokens: Tokens<VerifiedToken>,
    pub(super) sessions: Arc<Sessions>,
}

impl Judge {
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
        match credential {
            Credential::SessionToken(presented) => self.judge_now(presented, policy, now),
            Credential::SessionId(_) if self.check != SessionCheck::Get => {
                Some(Err(session_id_without_get()))
            }
            Credential::SessionId(id) => {
                let slot = self.sessions.find(id)?;
                self.judge_cached(&slot, None, policy, now)
            }
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
                self.judge_token(&token, &presented, &policy, self.clock.now())?;
                match (self.check, &token.slot) {
                    (SessionCheck::Networkless, slot) => {
                        networkless(slot.as_ref(), token.claims(), &policy)
                    }
                    (_, Some(slot)) => {
                        let text = std::str::from_utf8(presented.as_bytes()).ok();
                        self.judge(slot, Some(token.claims()), text, &policy, asked_at).await
                    }
                    (_, None) => Err(template_without_networkless()),
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

    /// The verdict on a token, unless a key must be fetched or Clerk must be asked first.
    fn judge_now(
        &self,
        presented: &PresentedToken<'_>,
        policy: &Policy,
        now: SystemTime,
    ) -> Option<Result<Resolved, Rejection>> {
        let bytes = presented.as_bytes();
        let judge = |token: &VerifiedToken| self.judge_known(token, presented, policy, now);
        let known = |token: &VerifiedToken| self.stands_by(token, now).then(|| judge(token));
        if let Some(verdict) = self.tokens.read(bytes, known).flatten() {
            return verdict;
        }
        match self.authenticator.authenticate_now(bytes, now)? {
            Ok(authenticated) => {
                let token = self.with_slot(authenticated);
                let verdict = judge(&token);
                self.remember(bytes, token, now);
                verdict
            }
            Err(error) => Some(Err(policy.expectations().judge_error(error).into())),
        }
    }

    /// The verdict on a verified token, unless Clerk must be asked first.
    fn judge_known(
        &self,
        token: &VerifiedToken,
        presented: &PresentedToken<'_>,
        policy: &Policy,
        now: SystemTime,
    ) -> Option<Result<Resolved, Rejection>> {
        if let Err(rejection) = self.judge_token(token, presented, policy, now) {
            return Some(Err(rejection));
        }
        match (self.check, &token.slot) {
            (SessionCheck::Networkless, slot) => {
                Some(networkless(slot.as_ref(), token.claims(), policy))
            }
            (_, Some(slot)) => self.judge_cached(slot, Some(token.claims()), policy, now),
            (_, None) => Some(Err(template_without_networkless())),
        }
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
        if now < token.claims().expires_at() + self.clock_skew {
            self.tokens.insert(bytes, token, now);
        }
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
                Some(known) if known.is_final() => {
                    admit(known, claims, policy, Freshness::fresh(known.sent_at), now)
                }
                Some(known)
                    if ignorance.is_unavailable()
                        && known.may_be_served_stale(self.sessions.lifetimes(), policy, now) =>
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

fn networkless(
    slot: Option<&Arc<Slot>>,
    claims: &Claims,
    policy: &Policy,
) -> Result<Resolved, Rejection> {
    if policy.greatest_age().is_some() {
        return Err(Rejection::misconfigured("max-age-needs-get"));
    }
    if slot.is_some_and(|slot| slot.is_revoked_here()) {
        return Err(Rejection::session_in(&SessionStatus::Revoked));
    }
    Ok(Resolved { session: None, claims: Some(claims.clone()), freshness: None })
}

fn template_without_networkless() -> Rejection {
    Rejection::misconfigured("template-needs-networkless")
}

fn session_id_without_get() -> Rejection {
    Rejection::misconfigured("session-id-needs-get")
}

impl From<Ignorance> for Rejection {
    fn from(ignorance: Ignorance) -> Self {
        ignorance.into_error().into()
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
            (admitted, resolver.judge.tokens.read(token.as_bytes(), |_| ()).is_some())
        };
        let good = TestSigner::ours().sign(&session_claims());
        assert_eq!(is_kept_after(&good), (true, true));
        let expired = session_claims_with(json!({ "exp": ISSUED + 20 }));
        assert_eq!(is_kept_after(&TestSigner::ours().sign(&expired)), (false, false));
    }
}
