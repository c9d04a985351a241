//! From a credential to a verdict: what the [decision](super::decide) needs is fetched, and the decision carried out.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    Rejection, Resolved,
    decide::{Decision, Known, Need, Presented, Question, Rules},
    verified_token::VerifiedToken,
    watch::Trouble,
};
use crate::{
    Claims, Clock, Credential, Instance, OwnedCredential, Policy, Session, SessionId, client,
    credential::PresentedToken,
    sessions::{
        CacheEntry, Ending, Fact, Lifetimes, LookupError, Patience, Sessions, Slot, Wanted,
    },
    token::{Authenticated, Authenticator},
    token_cache::TokenCache,
    unix_time::UnixTime,
};

/// What the clones of a resolver share.
///
/// There are two ways in, which decide alike: [`cached`](Inner::cached) says at once what can be said so, and
/// [`resolve`](Inner::resolve) takes its time.
pub(super) struct Inner {
    pub(super) instance: Instance,
    pub(super) rules: Rules,
    /// How long those wait who can be answered otherwise.
    pub(super) patience: Duration,
    /// How often Clerk is asked about a session that is watched.
    pub(super) recheck: Duration,
    pub(super) trouble: Trouble,
    pub(super) clock: Clock,
    pub(super) authenticator: Authenticator,
    pub(super) tokens: TokenCache<VerifiedToken>,
    pub(super) sessions: Arc<Sessions>,
}

/// A request, what it presents, and the session it is about.
#[derive(Clone, Copy)]
struct Request<'a> {
    presented: Presented<'a>,
    slot: Option<&'a Arc<Slot>>,
    policy: &'a Policy,
    asked_at: UnixTime,
}

impl<'a> Request<'a> {
    fn of_watched(
        slot: &'a Arc<Slot>,
        claims: Option<&'a Claims>,
        policy: &'a Policy,
        now: UnixTime,
    ) -> Self {
        Self { presented: Presented::Watched(claims), slot: Some(slot), policy, asked_at: now }
    }

    /// The token, for checks that send it.
    fn token(&self) -> Option<&'a str> {
        match self.presented {
            Presented::Token(presented, _) => std::str::from_utf8(presented.as_bytes()).ok(),
            Presented::SessionId | Presented::Watched(_) => None,
        }
    }
}

/// How often an answer may have to be asked for again, since something else came up.
const ATTEMPTS: usize = 3;

impl Inner {
    /// Lets go now of what does not fit into the caches.
    #[cfg(test)]
    pub(super) fn evict(&self) {
        self.sessions.evict();
    }

    /// Acts as if a token of these bytes had been verified just now.
    #[cfg(test)]
    pub(super) fn know(&self, bytes: &[u8], authenticated: Authenticated, now: SystemTime) {
        self.remember(bytes, self.with_slot(authenticated), now);
    }

    pub(super) fn cached(
        &self,
        credential: &Credential<'_>,
        policy: &Policy,
    ) -> Option<Result<Resolved, Rejection>> {
        self.sessions.ensure_following();
        let now = self.clock.unix_time();
        match credential {
            Credential::SessionToken(presented) => self.token_cached(presented, policy, now),
            Credential::SessionId(id) => {
                let slot = self.sessions.find(id);
                let presented = Presented::SessionId;
                self.say_now(&Request { presented, slot: slot.as_ref(), policy, asked_at: now })
            }
        }
    }

    pub(super) async fn resolve(
        self: Arc<Self>,
        credential: OwnedCredential,
        policy: Policy,
    ) -> Result<Resolved, Rejection> {
        let (policy, asked_at) = (&policy, self.clock.unix_time());
        match credential.borrow() {
            Credential::SessionToken(presented) => {
                let verified = self.verified(&presented, policy, asked_at).await?;
                let slot = verified.slot.as_ref();
                let presented = Presented::Token(&presented, Some(&verified));
                self.say(&Request { presented, slot, policy, asked_at }).await
            }
            Credential::SessionId(id) => {
                let slot = self.sessions.slot(&id);
                let presented = Presented::SessionId;
                self.say(&Request { presented, slot: Some(&slot), policy, asked_at }).await
            }
        }
    }

    /// What is said now of somebody who was let in before, once what must be known is known.
    pub(super) async fn say_again(
        &self,
        slot: &Arc<Slot>,
        claims: Option<&Claims>,
        policy: &Policy,
    ) -> Result<Resolved, Rejection> {
        self.say(&Request::of_watched(slot, claims, policy, self.clock.unix_time())).await
    }

    /// The same, unless something must be waited for.
    pub(super) fn say_again_now(
        &self,
        slot: &Arc<Slot>,
        claims: Option<&Claims>,
        policy: &Policy,
    ) -> Option<Result<Resolved, Rejection>> {
        self.say_now(&Request::of_watched(slot, claims, policy, self.clock.unix_time()))
    }

    /// Finds out whether Clerk is back, where nobody else is doing so.
    pub(super) fn probe(&self, slot: &Arc<Slot>, claims: Option<&Claims>, policy: &Policy) {
        let request = Request::of_watched(slot, claims, policy, self.clock.unix_time());
        self.sessions.probe(slot, None, &self.wanted(&request, slot));
    }

    /// The session as Clerk describes it, whatever its state.
    pub(super) async fn get(&self, id: &SessionId) -> Result<Session, client::Error> {
        let slot = self.sessions.slot(id);
        let (now, learned) = (self.clock.unix_time(), slot.learned());
        let lifetimes = &self.rules.lifetimes;
        let known = slot.entry().clone().filter(|entry| {
            let ttl = match entry.active(now) {
                Some(_) => lifetimes.ttl,
                None => lifetimes.negative_ttl,
            };
            let lifetimes = Lifetimes { ttl, ..*lifetimes };
            let is_fresh = lifetimes.answer_is_fresh(entry, None, now, now);
            entry.is_final() || is_fresh && !entry.was_overtaken(now) && !entry.is_forgotten()
        });
        let entry = match known {
            Some(entry) => entry,
            None => {
                let (lifetime, epoch) = (lifetimes.ttl, slot.epoch());
                let wanted = Wanted { asked_at: now, lifetime, epoch, learned, for_token_of: None };
                let asked = self.sessions.ask(&slot, None, &wanted, Patience::Whole).await;
                asked.map_err(LookupError::into_error)?
            }
        };
        match &entry.fact {
            Fact::Session(session) => Ok(session.clone()),
            Fact::Missing(error) => Err(error.clone()),
            Fact::Ended(Ending { answer: Some(answer), .. }) => answer.clone(),
            Fact::Ended(_) => self.sessions.read(id).await,
            Fact::Forgotten => Err(client::Error::interrupted()),
        }
    }

    /// The verdict on a token, unless a key must be fetched or Clerk must be asked first.
    fn token_cached(
        &self,
        presented: &PresentedToken<'_>,
        policy: &Policy,
        asked_at: UnixTime,
    ) -> Option<Result<Resolved, Rejection>> {
        let bytes = presented.as_bytes();
        let say = |verified: &VerifiedToken| {
            self.say_now(&Request {
                presented: Presented::Token(presented, Some(verified)),
                slot: verified.slot.as_ref(),
                policy,
                asked_at,
            })
        };
        let known =
            |verified: &VerifiedToken| self.stands_by(verified, asked_at).then(|| say(verified));
        if let Some(said) = self.tokens.read(bytes, known).flatten() {
            return said;
        }
        let now = asked_at.to_system_time();
        match self.authenticator.authenticate_now(bytes, now)? {
            Ok(authenticated) => {
                let verified = self.with_slot(authenticated);
                let said = say(&verified);
                self.remember(bytes, verified, now);
                said
            }
            Err(error) => Some(Err(policy.judge_error(error).into())),
        }
    }

    /// The verdict, unless the request must wait for one.
    fn say_now(&self, request: &Request<'_>) -> Option<Result<Resolved, Rejection>> {
        let now = request.asked_at;
        let entry = request.slot.map(|slot| slot.entry());
        let entry = entry.as_ref().and_then(|entry| entry.as_deref());
        match self.decide(request, entry, now, false) {
            Decision::Verdict(verdict) => Some(verdict),
            Decision::NeedSession(Need::Ahead(resolved)) => {
                if let Some(slot) = request.slot {
                    self.sessions.renew(slot, request.token());
                }
                Some(Ok(resolved))
            }
            Decision::NeedSession(Need::Wait) => self.say_in_vain(request, entry, now),
            Decision::NeedKeys => None,
        }
    }

    /// What is said where Clerk is known not to answer, so that nobody waits to hear it.
    fn say_in_vain(
        &self,
        request: &Request<'_>,
        entry: Option<&CacheEntry>,
        now: UnixTime,
    ) -> Option<Result<Resolved, Rejection>> {
        let slot = request.slot?;
        let is_unavailable = self.sessions.is_unavailable();
        if !is_unavailable && !slot.failed_just_now(now) || self.sessions.refuses_key() {
            return None;
        }
        let Decision::Verdict(verdict) = self.decide(request, entry, now, true) else {
            return None;
        };
        if is_unavailable {
            self.sessions.probe(slot, request.token(), &self.wanted(request, slot));
        }
        Some(verdict)
    }

    /// The verdict, once what must be known is known.
    async fn say(&self, request: &Request<'_>) -> Result<Resolved, Rejection> {
        let decide = |entry: Option<&CacheEntry>, in_vain| {
            self.decide(request, entry, self.clock.unix_time(), in_vain)
        };
        let Some(slot) = request.slot else { return verdict(decide(None, false)) };
        let mut wanted = self.wanted(request, slot);
        let known = slot.entry().clone();
        let mut decision = decide(known.as_deref(), false);
        for _ in 0..ATTEMPTS {
            let Decision::NeedSession(Need::Wait) = decision else { break };
            let known = slot.entry().clone();
            if let Some(verdict) =
                self.say_in_vain(request, known.as_deref(), self.clock.unix_time())
            {
                return verdict;
            }
            let patience = self.patience_of(request, &decide(known.as_deref(), true));
            let asked = self.sessions.ask(slot, request.token(), &wanted, patience).await;
            wanted.learned = slot.learned();
            decision = match asked {
                Ok(entry) => decide(Some(&*entry), false),
                Err(error) => {
                    let known = slot.entry().clone();
                    let in_vain = error.is_unavailable();
                    return match decide(known.as_deref(), in_vain) {
                        Decision::NeedSession(Need::Wait) => Err(error.into()),
                        decision => verdict(decision),
                    };
                }
            };
        }
        verdict(decision)
    }

    /// How long a request waits for Clerk that can be answered so while it cannot be asked.
    fn patience_of(&self, request: &Request<'_>, otherwise: &Decision) -> Patience {
        let Decision::Verdict(Ok(resolved)) = otherwise else { return Patience::Whole };
        let is_proven_by = |proven_at| {
            let lifetimes = &self.rules.lifetimes;
            lifetimes.token_is_fresh(proven_at, None, request.asked_at)
        };
        let proven_at = resolved.freshness.map(|freshness| freshness.confirmed_at().into());
        let by_token = request.presented.claims().and(proven_at);
        if self.rules.networkless_if_error && by_token.is_some_and(is_proven_by) {
            Patience::InAll(self.patience)
        } else {
            Patience::UntilSent(self.patience)
        }
    }

    fn wanted(&self, request: &Request<'_>, slot: &Slot) -> Wanted {
        let lifetime = self.rules.lifetimes.ttl;
        let max_age = request.policy.asked_max_age();
        Wanted {
            asked_at: request.asked_at,
            lifetime: max_age.map_or(lifetime, |max_age| max_age.min(lifetime)),
            epoch: slot.epoch(),
            learned: slot.learned(),
            for_token_of: request.presented.claims().and_then(Claims::assembled_at),
        }
    }

    fn decide(
        &self,
        request: &Request<'_>,
        entry: Option<&CacheEntry>,
        now: UnixTime,
        in_vain: bool,
    ) -> Decision {
        let Request { presented, slot, policy, asked_at, .. } = *request;
        let denied_before = self.denied_before(presented, entry);
        let known = match slot {
            Some(slot) => {
                let assembled_at = self.evidence(presented, slot, entry, now);
                Known { entry, assembled_at, denied_before }
            }
            None => Known { denied_before, ..Known::default() },
        };
        self.rules.decide(&Question { presented, policy, asked_at, now, in_vain }, &known)
    }

    /// Before when what was assembled or asked for this user counts for nothing.
    pub(super) fn denied_before(
        &self,
        presented: Presented<'_>,
        entry: Option<&CacheEntry>,
    ) -> Option<UnixTime> {
        let denials = self.sessions.denials();
        if !denials.are_there() {
            return None;
        }
        let Some(claims) = presented.claims() else {
            let Some(CacheEntry { fact: Fact::Session(session), .. }) = entry else { return None };
            return denials.before(session.user_id(), None).map(UnixTime::from);
        };
        let organization = claims.organization();
        let organization = organization.as_ref().map(|organization| &organization.id);
        let before = denials.before(claims.user_id(), organization)?.into();
        if claims.assembled_at().is_none_or(|at| UnixTime::from(at) < before) {
            denials.note_refused(claims.user_id(), claims.expires_at());
        }
        Some(before)
    }

    /// As of when tokens prove the session active. What the presented one proves is noted, where it is the token of
    /// the user whose session it is.
    fn evidence(
        &self,
        presented: Presented<'_>,
        slot: &Slot,
        entry: Option<&CacheEntry>,
        now: UnixTime,
    ) -> Option<UnixTime> {
        let noted = slot.assembled_at(now);
        if let Some(claims) = presented.claims()
            && let Some(at) = claims.vouched_at()
            && self.rules.tokens_are_evidence
            && noted.is_none_or(|noted| noted < at)
            && let Some(CacheEntry { fact: Fact::Session(session), .. }) = entry
            && session.user_id() == claims.user_id()
        {
            slot.note_evidence(at, now);
            return slot.assembled_at(now);
        }
        noted
    }

    async fn verified(
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

    fn stands_by(&self, token: &VerifiedToken, now: UnixTime) -> bool {
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
        if now < token.claims().expires_at() + self.rules.lifetimes.clock_skew {
            self.tokens.insert(bytes, token, now);
        }
    }
}

fn verdict(decision: Decision) -> Result<Resolved, Rejection> {
    match decision {
        Decision::Verdict(verdict) => verdict,
        Decision::NeedSession(Need::Ahead(resolved)) => Ok(resolved),
        Decision::NeedKeys | Decision::NeedSession(Need::Wait) => Err(Rejection::unavailable()),
    }
}

impl From<LookupError> for Rejection {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::KeyRefused(error) => {
                Self::misconfigured("secret-key-invalid").with_source(error)
            }
            error => error.into_error().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use crate::{
        Clock, Credential, Instance, Policy, ResolveSession, SessionCheck, SessionResolver,
        SessionStatus,
        token::test_signer::{ISSUED, TestSigner, at, session_claims, session_claims_with},
    };

    #[tokio::test]
    async fn a_clock_that_was_three_days_ahead_brings_no_revoked_session_back() {
        let clock = Clock::fixed(at(ISSUED));
        let instance = Instance::builder().jwk_set(TestSigner::ours().jwk_set()).build().unwrap();
        let resolver = SessionResolver::builder(&instance)
            .check(SessionCheck::Networkless)
            .clock(clock.clone())
            .capacity(1)
            .build()
            .unwrap();
        let day = Duration::from_secs(24 * 60 * 60);
        let token = |id: &str| {
            let claims = json!({ "sid": id, "exp": ISSUED + 3600 });
            TestSigner::ours().sign(&session_claims_with(claims))
        };
        let is_admitted = |id: &str| {
            let token = token(id);
            let credential = Credential::session_token(token.as_bytes());
            resolver.resolve_cached(&credential, &Policy::new()).unwrap().is_ok()
        };
        assert!(is_admitted("sess_0"), "the negative control");
        // It ended elsewhere, as it ends by a revocation.
        drop(resolver.end(&"sess_0".parse().unwrap(), SessionStatus::Revoked));
        clock.advance(3 * day);
        for other in 1..100 {
            let id = format!("sess_{other}");
            drop(resolver.end(&id.parse().unwrap(), SessionStatus::Revoked));
        }
        resolver.inner.evict();
        clock.set_back(3 * day);
        for other in 100..200 {
            assert!(is_admitted(&format!("sess_{other}")));
        }
        resolver.inner.evict();
        assert!(!is_admitted("sess_0"));
    }

    #[test]
    fn an_expired_token_takes_nobodys_place() {
        let instance = Instance::builder().jwk_set(TestSigner::ours().jwk_set()).build().unwrap();
        let resolver = SessionResolver::builder(&instance)
            .check(SessionCheck::Networkless)
            .clock(Clock::fixed(at(ISSUED + 30)))
            .build()
            .unwrap();
        let is_kept_after = |token: &str| {
            let credential = Credential::session_token(token.as_bytes());
            let admitted = resolver.resolve_cached(&credential, &Policy::new()).unwrap().is_ok();
            (admitted, resolver.inner.tokens.read(token.as_bytes(), |_| ()).is_some())
        };
        let good = TestSigner::ours().sign(&session_claims());
        assert_eq!(is_kept_after(&good), (true, true));
        let expired = session_claims_with(json!({ "exp": ISSUED + 20 }));
        assert_eq!(is_kept_after(&TestSigner::ours().sign(&expired)), (false, false));
    }
}
