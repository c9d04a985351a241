//! From what is presented to a verdict: what the [decision](super::decide) needs is fetched, and the decision carried out.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    Rejection, Resolved,
    decide::{Decision, Known, Need, Presented, Question},
    inner::Inner,
};
use crate::{
    Claims, Policy,
    sessions::{CacheEntry, LookupError, Patience, Slot, Wanted},
    unix_time::UnixTime,
};

/// A request, what it presents, and the session it is about.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) presented: Presented<'a>,
    pub(super) slot: Option<&'a Arc<Slot>>,
    pub(super) policy: &'a Policy,
    pub(super) asked_at: UnixTime,
}

impl<'a> Request<'a> {
    pub(super) fn of_watched(
        slot: &'a Arc<Slot>,
        claims: Option<&'a Claims>,
        policy: &'a Policy,
        now: UnixTime,
    ) -> Self {
        Self { presented: Presented::Watched(claims), slot: Some(slot), policy, asked_at: now }
    }

    /// The token, for checks that send it.
    pub(super) fn token(&self) -> Option<&'a str> {
        match self.presented {
            Presented::Token(presented, _) => std::str::from_utf8(presented.as_bytes()).ok(),
            Presented::SessionId | Presented::Watched(_) => None,
        }
    }
}

/// How often an answer may have to be asked for again, since something else came up.
const ATTEMPTS: usize = 3;

impl Inner {
    /// The verdict, unless the request must wait for one.
    pub(super) fn say_now(&self, request: &Request<'_>) -> Option<Result<Resolved, Rejection>> {
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
        self.keep_served(slot, &verdict);
        if is_unavailable {
            self.sessions.probe(slot, request.token(), &self.wanted(request, slot));
        }
        Some(verdict)
    }

    /// The verdict, once what must be known is known.
    pub(super) async fn say(&self, request: &Request<'_>) -> Result<Resolved, Rejection> {
        let decide = |entry: Option<&CacheEntry>, in_vain| {
            self.decide(request, entry, self.clock.unix_time(), in_vain)
        };
        let Some(slot) = request.slot else { return verdict(decide(None, false)) };
        let began = Instant::now();
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
            let asked = self.sessions.ask(slot, request.token(), &wanted, patience, began).await;
            wanted.learned = slot.learned();
            decision = match asked {
                Ok(entry) => decide(Some(&*entry), false),
                Err(error) => {
                    let known = slot.entry().clone();
                    let in_vain = error.is_unavailable();
                    return match decide(known.as_deref(), in_vain) {
                        Decision::NeedSession(Need::Wait) => Err(error.into()),
                        decision => {
                            let said = verdict(decision);
                            self.keep_served(slot, &said);
                            said
                        }
                    };
                }
            };
        }
        verdict(decision)
    }

    /// A description that serves while Clerk cannot be asked, however old, is not let go of before others: there is no other.
    fn keep_served(&self, slot: &Arc<Slot>, said: &Result<Resolved, Rejection>) {
        if said.as_ref().is_ok_and(|resolved| resolved.session.is_some()) {
            self.sessions.keep(slot);
        }
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

    pub(super) fn wanted(&self, request: &Request<'_>, slot: &Slot) -> Wanted {
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
