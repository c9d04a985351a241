//! The ways in: from a credential to a [verdict](super::verdict), at once or in its own time.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    Rejection, Resolved,
    decide::{Presented, Rules},
    verdict::Request,
    verified_token::VerifiedToken,
    watch::Trouble,
};
use crate::{
    Claims, Clock, Credential, Instance, OwnedCredential, Policy, Session, SessionId, client,
    credential::PresentedToken,
    sessions::{Ending, Fact, Lifetimes, LookupError, Patience, Sessions, Slot, Wanted},
    token::Authenticator,
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

impl Inner {
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
                let asked =
                    self.sessions.ask(&slot, None, &wanted, Patience::Whole, Instant::now());
                let asked = asked.await;
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
}

#[cfg(test)]
mod tests;
