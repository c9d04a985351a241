//! Keys that are fetched, kept fresh, and kept through an outage.
//!
//! Whoever has a key never waits. What decides when to fetch is in [`schedule`].

mod journey;
mod schedule;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwapOption;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use self::{
    journey::Journey,
    schedule::{Fetch, Now, Schedule, Step},
};
use super::{FetchError, FetchKeys, TokenError, TokenErrorKind, key_set::KeySet};
use crate::{Clock, JwkSet, unix_time::UnixTime};

/// Keys are good for five minutes; a minute before that, a task sets out for new ones.
const REFRESH_AFTER: Duration = Duration::from_secs(4 * 60);
/// How long keys serve while every refresh fails.
const KEEP_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How often one token asks anew where fetches end with their runtimes.
const MOST_LOSSES: usize = 3;

/// A handle to the keys of one Clerk instance. Nothing is shared between instances.
#[derive(Clone)]
pub(crate) struct RemoteKeys(Arc<Shared>);

struct Shared {
    fetch: Box<dyn FetchKeys>,
    clock: Clock,
    held: ArcSwapOption<Held>,
    schedule: Mutex<Schedule>,
    /// Changes whenever a fetch has ended.
    ended: watch::Sender<Ended>,
}

/// The latest fetch that has ended.
#[derive(Debug, Default, Clone, Copy)]
struct Ended {
    number: u64,
    lost: bool,
}

/// How a fetch ends.
enum Outcome {
    Fetched(Result<JwkSet, FetchError>),
    /// With its runtime.
    Lost,
}

struct Held {
    set: Arc<KeySet>,
    /// When they were asked for.
    as_of: UnixTime,
}

/// How things stand with the keys.
#[derive(Debug, Clone)]
pub(crate) struct KeysReport {
    /// Whether there are keys to verify with.
    pub(crate) usable: bool,
    /// The time since they were asked for; `None` for keys that are configured.
    pub(crate) age: Option<Duration>,
    /// Why the last fetch failed, if it did.
    pub(crate) last_error: Option<FetchError>,
}

impl RemoteKeys {
    pub(super) fn new(fetch: Box<dyn FetchKeys>, clock: Clock) -> Self {
        // One that ends in time does so a little later where there is much to do.
        let schedule = Schedule::new(fetch.timeout() + fetch.timeout() / 8);
        Self(Arc::new(Shared {
            fetch,
            clock,
            held: ArcSwapOption::empty(),
            schedule: Mutex::new(schedule),
            ended: watch::Sender::default(),
        }))
    }

    pub(super) fn that_verify_now(
        &self,
        kid: Option<&str>,
        now: SystemTime,
    ) -> Option<Result<Arc<KeySet>, TokenError>> {
        let now = Now { time: now, instant: Instant::now() };
        let usable = self.usable(now);
        if let Some(set) = named(kid, usable.as_deref()) {
            return Some(set);
        }
        match self.0.schedule().step(now, usable.is_some()) {
            Step::Refuse(error) => Some(Err(error)),
            Step::Wait(_) | Step::Fetch => None,
        }
    }

    /// Waits for the fetch that is under way, or for one of its own, and no longer than twice the
    /// time that one may take: it may be on a runtime that is no longer polled.
    pub(super) async fn that_verify(&self, kid: Option<&str>) -> Result<Arc<KeySet>, TokenError> {
        let give_up_at = Instant::now() + 2 * self.0.fetch.timeout();
        let mut ended = self.0.ended.subscribe();
        for _ in 0..=MOST_LOSSES {
            let now = self.now();
            if let Some(set) = named(kid, self.usable(now).as_deref()) {
                return set;
            }
            let fetch = match self.join_or_set_out(kid, now) {
                Ok(fetch) => fetch,
                Err(decided) => return decided,
            };
            let until = fetch.overdue_at.min(give_up_at);
            let has_ended = |ended: &Ended| ended.number >= fetch.number;
            // The sender is ours, so it cannot be gone.
            let ended = timeout_at(until, ended.wait_for(has_ended)).await;
            match ended.map(|ended| ended.is_ok_and(|ended| ended.lost)) {
                Ok(false) => return self.after_fetch(kid),
                Err(_) if until == give_up_at => break,
                // The next one takes its place.
                Ok(true) | Err(_) => {}
            }
        }
        let cause = "keys were asked for on runtimes that are gone or no longer polled";
        Err(TokenError::unavailable(&FetchError::new(cause)))
    }

    /// Whether waiting could bring other keys than these, by which a signature is bad.
    pub(super) fn may_be_outdated(&self, used: &Arc<KeySet>, now: SystemTime) -> bool {
        let now = Now { time: now, instant: Instant::now() };
        let Some(held) = self.0.in_hand(now) else { return false };
        !Arc::ptr_eq(&held.set, used)
            || !matches!(
                self.0.schedule().step_for_signature(now, held.as_of.to_system_time()),
                Step::Refuse(_)
            )
    }

    /// Other keys than these, if Clerk has published some: a signature is bad by these, though they
    /// have its key by name.
    pub(super) async fn newer_than(&self, used: &Arc<KeySet>) -> Option<Arc<KeySet>> {
        let mut ended = self.0.ended.subscribe();
        let fetch = {
            let now = self.now();
            let mut schedule = self.0.schedule();
            let held = self.0.in_hand(now)?;
            if !Arc::ptr_eq(&held.set, used) {
                return Some(Arc::clone(&held.set));
            }
            match schedule.step_for_signature(now, held.as_of.to_system_time()) {
                Step::Refuse(_) => return None,
                Step::Wait(fetch) => fetch,
                Step::Fetch => {
                    schedule.provoked(now);
                    self.set_out(now, schedule)
                }
            }
        };
        let has_ended = |ended: &Ended| ended.number >= fetch.number;
        drop(timeout_at(fetch.overdue_at, ended.wait_for(has_ended)).await);
        let held = self.0.in_hand(self.now())?;
        (!Arc::ptr_eq(&held.set, used)).then(|| Arc::clone(&held.set))
    }

    /// Whether these are the keys in hand. They are the same ones until Clerk publishes others.
    pub(super) fn are(&self, keys: &Arc<KeySet>, now: UnixTime) -> bool {
        let held = self.0.held.load();
        match &*held {
            Some(held) if held.age(now) < REFRESH_AFTER => Arc::ptr_eq(&held.set, keys),
            _ => {
                let now = Now { time: now.to_system_time(), instant: Instant::now() };
                self.usable(now).is_some_and(|held| Arc::ptr_eq(&held.set, keys))
            }
        }
    }

    pub(super) async fn warm_up(&self) -> Result<(), TokenError> {
        match self.that_verify(None).await {
            // A token that names no key is told so once there are keys.
            Ok(_) => Ok(()),
            Err(error) if error.kind() == TokenErrorKind::UnknownKey => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) fn report(&self) -> KeysReport {
        let now = self.now();
        if self.usable(now).is_none() {
            // Whoever is only let have requests once it is ready would wait for keys for ever.
            self.set_out_if_permitted(now);
        }
        let held = self.0.held.load();
        let age = held.as_ref().map(|held| held.age(now.time.into()));
        KeysReport {
            usable: age.is_some_and(|age| age < KEEP_FOR),
            age,
            last_error: self.0.schedule().last_error().cloned(),
        }
    }

    fn now(&self) -> Now {
        Now::by(&self.0.clock)
    }

    /// The keys in hand. Setting out for newer ones, where they are due, delays nobody.
    fn usable(&self, now: Now) -> Option<Arc<Held>> {
        let held = self.0.in_hand(now)?;
        if held.age(now.time.into()) >= REFRESH_AFTER {
            self.set_out_if_permitted(now);
        }
        Some(held)
    }

    fn set_out_if_permitted(&self, now: Now) {
        let schedule = self.0.schedule();
        if schedule.may_refresh(now) {
            self.set_out(now, schedule);
        }
    }

    /// The fetch to wait for, unless the token is decided without.
    fn join_or_set_out(
        &self,
        kid: Option<&str>,
        now: Now,
    ) -> Result<Fetch, Result<Arc<KeySet>, TokenError>> {
        let mut schedule = self.0.schedule();
        // A fetch may have ended since the caller looked; while the lock is held, none can.
        let in_hand = self.0.in_hand(now);
        if let Some(set) = named(kid, in_hand.as_deref()) {
            return Err(set);
        }
        match schedule.step(now, in_hand.is_some()) {
            Step::Refuse(error) => Err(Err(error)),
            Step::Wait(fetch) => Ok(fetch),
            Step::Fetch => {
                if in_hand.is_some() {
                    schedule.provoked(now);
                }
                Ok(self.set_out(now, schedule))
            }
        }
    }

    fn set_out(&self, now: Now, mut schedule: MutexGuard<'_, Schedule>) -> Fetch {
        let fetch = schedule.set_out(now);
        // Where there is no runtime, it ends at once.
        drop(schedule);
        Journey::new(Arc::clone(&self.0), fetch.number, now.time).begin();
        fetch
    }

    fn after_fetch(&self, kid: Option<&str>) -> Result<Arc<KeySet>, TokenError> {
        let now = self.now();
        let usable = self.usable(now);
        if let Some(set) = named(kid, usable.as_deref()) {
            return set;
        }
        let mut schedule = self.0.schedule();
        if usable.is_some() {
            schedule.provoked(now);
        }
        Err(schedule.refusal())
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys").finish_non_exhaustive()
    }
}

/// What the keys in hand say to a token; `None` if only others could.
fn named(kid: Option<&str>, held: Option<&Held>) -> Option<Result<Arc<KeySet>, TokenError>> {
    let held = held?;
    if held.set.has(kid) {
        Some(Ok(Arc::clone(&held.set)))
    } else if kid.is_none() {
        // No set will ever have a key without a name.
        Some(Err(TokenErrorKind::UnknownKey.into()))
    } else {
        None
    }
}

impl Held {
    /// A clock that was set back must not stop them from getting old.
    fn age(&self, now: UnixTime) -> Duration {
        now.apart(self.as_of)
    }
}

impl Shared {
    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_hand(&self, now: Now) -> Option<Arc<Held>> {
        self.held.load_full().filter(|held| held.age(now.time.into()) < KEEP_FOR)
    }

    fn held_already(&self, set: &KeySet) -> Option<Arc<KeySet>> {
        let held = self.held.load();
        held.as_ref().filter(|held| *held.set == *set).map(|held| Arc::clone(&held.set))
    }

    /// Answers are ordered by when they were asked for, not by when they come.
    fn land(&self, number: u64, set_out_at: SystemTime, outcome: Outcome) {
        let lost = matches!(outcome, Outcome::Lost);
        let mut schedule = self.schedule();
        match outcome {
            Outcome::Lost => schedule.lost(number),
            Outcome::Fetched(fetched) => match fetched.and_then(|set| usable_set(&set)) {
                Ok(set) if schedule.succeeded(number) => {
                    let set = self.held_already(&set).unwrap_or_else(|| Arc::new(set));
                    self.held.store(Some(Arc::new(Held { set, as_of: set_out_at.into() })));
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "the keys to verify tokens could not be fetched");
                    schedule.failed(number, self.clock.now(), error);
                }
            },
        }
        drop(schedule);
        self.ended.send_if_modified(|ended| {
            let is_latest = number > ended.number;
            if is_latest {
                *ended = Ended { number, lost };
            }
            is_latest
        });
    }
}

/// An answer without a usable key is no reason to give up those in hand.
fn usable_set(set: &JwkSet) -> Result<KeySet, FetchError> {
    let set = KeySet::from_jwk_set(set);
    if set.is_empty() {
        return Err(FetchError::new("the JWK Set holds no usable key"));
    }
    Ok(set)
}

#[cfg(test)]
mod tests;
