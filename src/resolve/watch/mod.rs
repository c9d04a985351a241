//! Sessions that are watched for as long as something goes on in their name.

mod changes;
mod pace;
mod standing;
#[cfg(test)]
mod tests;
mod trouble;

use std::{
    fmt,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::Notify,
    time::{Instant, sleep},
};

pub(super) use self::trouble::Trouble;
use self::{
    changes::{Changes, unless},
    pace::{Moment, Pace},
    standing::{Standing, Voucher},
};
use super::{
    Rejection, RejectionKind, Resolved, SessionResolver,
    decide::{Known, Presented},
};
use crate::{
    Claims, Credential, Policy, SessionId,
    sessions::{SessionCheck, Slot, chance},
};

/// Tells when a session is over, to whatever goes on in its name: an event stream, a WebSocket, a gRPC stream.
///
/// It comes from [`AuthenticateLayer::watch`](crate::AuthenticateLayer::watch), in the request's extensions, or from
/// [`SessionResolver::watch`]. Clones watch together, and renew together. The [guide](crate::guide::streams) tells what to say to
/// clients.
///
/// # What ends it
///
/// Where Clerk is asked ([`Get`](SessionCheck::Get), [`Verify`](SessionCheck::Verify)), the session vouches, and not the token
/// that it began with, whose `exp` ends nothing. It ends
///
/// * at once where the session is revoked here, or elsewhere and a [log](crate::fleet) or a webhook tells so, and where
///   [its user is denied](SessionResolver::deny), in its organization or everywhere;
/// * at the session's `expire_at`, and at its `abandon_at` unless activity has moved that: Clerk is asked once;
/// * where Clerk says that it is over, or pending and the policy does not accept that. It is asked every
///   [`recheck`](crate::SessionResolverBuilder::recheck).
///
/// Clerk being unavailable ends nothing, nor does a secret key that it refuses, which is logged.
///
/// Where only the token vouches ([`Networkless`](SessionCheck::Networkless), or admitted by
/// [`networkless_if_error`](crate::SessionResolverBuilder::networkless_if_error)), it ends with the token, unless that is
/// [renewed](SessionWatch::renew) before, and at once as above.
///
/// Once it is over it stays so.
///
/// ```
/// use tower_clerk::{Policy, Credential, RejectionKind, testing::SessionsApi};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clerk = SessionsApi::start().await;
/// let resolver = clerk.resolver();
/// let session = clerk.sign_in("user_ada");
/// let token = clerk.token(&session);
/// let resolved = resolver.resolve(Credential::session_token(token.as_bytes()), &Policy::new()).await?;
///
/// let watch = resolver.watch(&resolved, &Policy::new());
/// assert!(watch.is_over().is_none());
/// resolver.revoke(&session).await?;
/// assert_eq!(watch.ended().await.kind(), RejectionKind::InactiveSession);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SessionWatch(Arc<Watch>);

struct Watch {
    resolver: SessionResolver,
    /// None for a token that names no session. Held, so that no eviction hides an ending.
    slot: Option<Arc<Slot>>,
    policy: Policy,
    /// This one's own, so that watches that were made together part.
    recheck: Duration,
    state: Mutex<State>,
    renewed: Notify,
}

struct State {
    voucher: Voucher,
    pace: Pace,
    /// Why it is over.
    over: Option<Rejection>,
}

/// What is to be done next.
enum Step {
    End(Rejection),
    /// Whether it goes on depends on it.
    Ask {
        otherwise: Option<Rejection>,
    },
    /// It is better asked than not, and goes on meanwhile.
    Recheck,
    Wait(Duration),
}

/// Timers go by a clock that nobody sets: how late it is noticed at most that the time of day was.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl SessionResolver {
    /// Watches what was resolved, as long as the policy is met.
    ///
    /// One that names no session and no token, or two that do not belong together, is over from the start.
    #[must_use]
    pub fn watch(&self, resolved: &Resolved, policy: &Policy) -> SessionWatch {
        let voucher = Voucher::of(resolved, self.check());
        let ids = [
            resolved.session.as_ref().map(crate::Session::id),
            resolved.claims.as_ref().and_then(Claims::session_id),
        ];
        let id = ids.into_iter().flatten().next();
        SessionWatch(Arc::new(Watch {
            slot: id.map(|id| self.inner.sessions.slot(id)),
            policy: policy.clone(),
            recheck: parted(self.inner.recheck),
            state: Mutex::new(State { voucher, pace: Pace::new(self.inner.moment()), over: None }),
            renewed: Notify::new(),
            resolver: self.clone(),
        }))
    }
}

impl SessionWatch {
    /// Returns once the session is over: what a request would be answered.
    ///
    /// It can be dropped and called again at any time, as in `select!`; no ending is missed between two calls. But only
    /// while it is awaited is Clerk asked from time to time. It must be awaited within a Tokio runtime.
    pub async fn ended(&self) -> Rejection {
        let watch = &*self.0;
        loop {
            // From here on nothing is missed that happens while it is looked at.
            let mut changes = pin!(watch.changes());
            if Handle::try_current().is_err() {
                return Rejection::outside_of_a_runtime();
            }
            match watch.step() {
                Step::End(rejection) => return rejection,
                Step::Wait(time) => {
                    unless(changes.as_mut(), sleep(time)).await;
                }
                Step::Ask { otherwise } => {
                    // Seldom, and much larger than everything else here.
                    let asking = Box::pin(watch.ask());
                    if let Some(answer) = unless(changes.as_mut(), asking).await {
                        watch.note(answer, otherwise);
                    }
                }
                Step::Recheck => watch.recheck(),
            }
        }
    }

    /// Whether the session is over, as far as that is known now: what a request would be answered.
    ///
    /// Where it is time to ask Clerk, it has that done and does not wait for it.
    #[must_use]
    pub fn is_over(&self) -> Option<Rejection> {
        let watch = &*self.0;
        match watch.step() {
            Step::End(rejection) => Some(rejection),
            Step::Wait(_) => None,
            Step::Recheck => {
                watch.recheck();
                watch.state().over.clone()
            }
            Step::Ask { otherwise } => {
                if !watch.judge_now(otherwise.clone()) {
                    watch.ask_ahead();
                }
                watch.state().over.clone().or(otherwise)
            }
        }
    }

    /// Goes on with another token of the same session, which came in band: a client sends it before the last one expires.
    /// It is verified as that of a request, by the same policy, and its claims count from now on, unless they are older.
    ///
    /// # Errors
    ///
    /// Fails where a request with this token would be refused, or where it is a token of another session, user or
    /// organization, and where the watch is over. Then nothing has changed.
    pub async fn renew(&self, token: &str) -> Result<Claims, Rejection> {
        if let Some(rejection) = self.is_over() {
            return Err(rejection);
        }
        let Watch { resolver, policy, renewed, .. } = &*self.0;
        let credential = Credential::session_token(token.as_bytes());
        let resolved = resolver.resolve(credential, policy).await?;
        let session = self.0.slot.as_ref().map(|slot| slot.id());
        let claims = self.0.state().renew(&resolved, session, resolver.check())?;
        renewed.notify_waiters();
        Ok(claims)
    }
}

impl Watch {
    /// Whatever may change what is to be done next, from now on.
    fn changes(&self) -> Changes<'_> {
        let inner = &self.resolver.inner;
        Changes {
            slot: self.slot.as_ref().map(|slot| slot.changes()),
            denials: inner.sessions.denials().additions(),
            renewed: self.renewed.notified(),
            clock: inner.clock.moves(),
        }
    }

    fn step(&self) -> Step {
        let inner = &self.resolver.inner;
        let now = inner.moment();
        let mut state = self.state();
        if let Some(rejection) = &state.over {
            return Step::End(rejection.clone());
        }
        let entry = self.slot.as_ref().map(|slot| slot.entry());
        let entry = entry.as_ref().and_then(|entry| entry.as_deref());
        let known = Known {
            entry,
            assembled_at: self.slot.as_ref().and_then(|slot| slot.assembled_at(now.time)),
            denied_before: inner.denied_before(Presented::Watched(state.voucher.claims()), entry),
        };
        state.pace.note_forgotten(entry.is_some_and(|entry| entry.is_forgotten()), now);
        let standing = inner.rules.standing(&state.voucher, &known, &self.policy, now.time);
        let asked_in = || state.pace.ask_in(now, self.retry(), self.since_failure(now));
        match standing {
            Standing::Over(rejection) => {
                state.end(rejection.clone());
                Step::End(rejection)
            }
            // Once: where it is in vain, that is the end.
            Standing::Unknown { otherwise: otherwise @ Some(_), .. } => Step::Ask { otherwise },
            Standing::Unknown { otherwise: None, until } => match asked_in() {
                Duration::ZERO => Step::Ask { otherwise: None },
                time => Step::Wait(time.min(until.since(now.time)).min(LONGEST_WAIT)),
            },
            Standing::Good { until } => {
                let left = until.since(now.time);
                let due = match &state.voucher {
                    Voucher::Session(_) => {
                        state.pace.due_in(now, self.recheck, known.age(now.time))
                    }
                    _ => left,
                };
                if due.is_zero() && !left.is_zero() {
                    let ahead_in = state.pace.ask_ahead_in(now, self.retry());
                    return match asked_in().max(ahead_in) {
                        Duration::ZERO if state.pace.was_put_off() => Step::Ask { otherwise: None },
                        Duration::ZERO => Step::Recheck,
                        time => Step::Wait(time.min(left).min(LONGEST_WAIT)),
                    };
                }
                if state.pace.catch_up() {
                    inner.trouble.is_over();
                }
                // Timers are in whole milliseconds, and nobody is to spin.
                let least = Duration::from_millis(1);
                Step::Wait(left.min(due).min(LONGEST_WAIT).max(least))
            }
        }
    }

    /// What Clerk says, where it can be asked.
    async fn ask(&self) -> Result<Resolved, Rejection> {
        let inner = &self.resolver.inner;
        let Some(slot) = &self.slot else { return Err(Rejection::unavailable()) };
        let claims = self.state().voucher.claims().cloned();
        if inner.sessions.is_unavailable() {
            // Nothing depends on it just now.
            inner.probe(slot, claims.as_ref(), &self.policy);
            return Err(Rejection::unavailable());
        }
        inner.say_again(slot, claims.as_ref(), &self.policy).await
    }

    /// Goes by what is known now, and has Clerk asked where that says nothing: whoever waits for an answer goes before.
    fn recheck(&self) {
        if self.judge_now(None) {
            return;
        }
        let sessions = &self.resolver.inner.sessions;
        if let Some(error) = sessions.key_refusal() {
            let rejection = Rejection::misconfigured("secret-key-invalid").with_source(error);
            self.resolver.inner.trouble.log(&rejection);
        }
        self.ask_ahead();
        // An outage puts everybody off: that is no reason for all to hurry after it.
        let counts = !sessions.is_unavailable();
        self.state().pace.asked_ahead(counts, self.resolver.inner.moment());
    }

    /// Draws the conclusion from what can be said without asking, if anything.
    fn judge_now(&self, otherwise: Option<Rejection>) -> bool {
        let Some(slot) = &self.slot else { return false };
        let claims = self.state().voucher.claims().cloned();
        let answer = self.resolver.inner.say_again_now(slot, claims.as_ref(), &self.policy);
        answer.map(|answer| self.note(answer, otherwise)).is_some()
    }

    /// Has Clerk asked, where that takes nothing from whoever waits for it.
    fn ask_ahead(&self) {
        if let Some(slot) = &self.slot {
            self.resolver.inner.sessions.renew(slot, None);
        }
    }

    /// Draws the conclusion from what Clerk said, or did not.
    fn note(&self, answer: Result<Resolved, Rejection>, otherwise: Option<Rejection>) {
        let (inner, mut state) = (&self.resolver.inner, self.state());
        let now = inner.moment();
        match answer {
            Ok(resolved) if speaks_for_clerk(&resolved) => {
                inner.trouble.is_over();
                state.pace.checked(now);
            }
            // A token, or what was known once, had to do for want of an answer.
            Ok(_) => state.fail(otherwise, now),
            Err(rejection) => match rejection.kind() {
                RejectionKind::Unavailable => state.fail(otherwise, now),
                RejectionKind::Misconfigured => {
                    inner.trouble.log(&rejection);
                    state.fail(otherwise, now);
                }
                _ => state.end(rejection),
            },
        }
    }

    /// How long after it was asked in vain Clerk is asked again.
    fn retry(&self) -> Duration {
        (self.recheck / 10).clamp(Duration::from_secs(1), Duration::from_secs(30))
    }

    fn since_failure(&self, now: Moment) -> Option<Duration> {
        self.slot.as_ref().and_then(|slot| slot.since_failure(now.time))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end(&mut self, rejection: Rejection) {
        tracing::debug!(reason = rejection.reason(), "what goes on in a session's name ends");
        self.over = Some(rejection);
    }

    fn fail(&mut self, otherwise: Option<Rejection>, now: Moment) {
        match otherwise {
            Some(rejection) => self.end(rejection),
            None => self.pace.failed(now),
        }
    }

    fn renew(
        &mut self,
        resolved: &Resolved,
        session: Option<&SessionId>,
        check: SessionCheck,
    ) -> Result<Claims, Rejection> {
        if let Some(rejection) = &self.over {
            return Err(rejection.clone());
        }
        self.voucher.renew(resolved, session, check)
    }
}

impl super::inner::Inner {
    fn moment(&self) -> Moment {
        Moment { time: self.clock.unix_time(), instant: Instant::now() }
    }
}

fn speaks_for_clerk(resolved: &Resolved) -> bool {
    resolved.session.is_some() && !resolved.freshness.is_some_and(|freshness| freshness.is_stale())
}

/// Give or take a tenth, by chance.
fn parted(recheck: Duration) -> Duration {
    let thousandths = u32::try_from(900 + chance() % 201).unwrap_or(1000);
    recheck * thousandths / 1000
}

impl fmt::Debug for SessionWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionWatch")
            .field("session_id", &self.0.slot.as_ref().map(|slot| slot.id()))
            .field("over", &self.0.state().over.as_ref().map(Rejection::reason))
            .finish_non_exhaustive()
    }
}
