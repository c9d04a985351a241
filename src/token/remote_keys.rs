//! Keys that are fetched, kept fresh, and kept through an outage.
//!
//! Whoever has a key never waits. What decides when to fetch is in [`schedule`].

mod schedule;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwapOption;
use tokio::{runtime::Handle, sync::watch};

use self::schedule::{Schedule, Step};
use super::{FetchError, FetchKeys, TokenError, TokenErrorKind, key_set::KeySet};
use crate::{Clock, JwkSet, clock::elapsed};

/// Keys are good for five minutes; a minute before that, a task sets out for new ones.
const REFRESH_AFTER: Duration = Duration::from_secs(4 * 60);
/// How long keys serve while every refresh fails.
const KEEP_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// A handle to the keys of one Clerk instance. Nothing is shared between instances.
#[derive(Clone)]
pub(crate) struct RemoteKeys(Arc<Shared>);

struct Shared {
    fetch: Box<dyn FetchKeys>,
    clock: Clock,
    held: ArcSwapOption<Held>,
    schedule: Mutex<Schedule>,
    /// Changes whenever a fetch has ended.
    ended: watch::Sender<()>,
}

struct Held {
    set: Arc<KeySet>,
    /// When they were asked for.
    as_of: SystemTime,
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
        Self(Arc::new(Shared {
            fetch,
            clock,
            held: ArcSwapOption::empty(),
            schedule: Mutex::default(),
            ended: watch::Sender::new(()),
        }))
    }

    pub(super) fn that_verify_now(
        &self,
        kid: Option<&str>,
        now: SystemTime,
    ) -> Option<Result<Arc<KeySet>, TokenError>> {
        let usable = self.usable(now);
        if let Some(set) = named(kid, usable.as_deref()) {
            return Some(set);
        }
        match self.0.schedule().step(now, usable.is_some()) {
            Step::Refuse(error) => Some(Err(error)),
            Step::Wait | Step::Fetch => None,
        }
    }

    pub(super) async fn that_verify(&self, kid: Option<&str>) -> Result<Arc<KeySet>, TokenError> {
        let mut ended = self.0.ended.subscribe();
        let now = self.0.clock.now();
        if let Some(set) = named(kid, self.usable(now).as_deref()) {
            return set;
        }
        if let Some(decided) = self.join_or_set_out(kid, now) {
            return decided;
        }
        // It changes once the fetch has ended; the sender is ours, so it cannot be gone.
        let _ = ended.changed().await;
        self.after_fetch(kid)
    }

    /// Whether these are the keys in hand. They are the same ones until Clerk publishes others.
    pub(super) fn are(&self, keys: &Arc<KeySet>, now: SystemTime) -> bool {
        let held = self.0.held.load();
        match &*held {
            Some(held) if elapsed(held.as_of, now) < REFRESH_AFTER => Arc::ptr_eq(&held.set, keys),
            _ => self.usable(now).is_some_and(|held| Arc::ptr_eq(&held.set, keys)),
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
        let now = self.0.clock.now();
        if self.usable(now).is_none() {
            // Whoever is only let have requests once it is ready would wait for keys for ever.
            self.set_out_if_permitted(now);
        }
        let held = self.0.held.load();
        let age = held.as_ref().map(|held| elapsed(held.as_of, now));
        KeysReport {
            usable: age.is_some_and(|age| age < KEEP_FOR),
            age,
            last_error: self.0.schedule().last_error().cloned(),
        }
    }

    /// The keys in hand. Setting out for newer ones, where they are due, delays nobody.
    fn usable(&self, now: SystemTime) -> Option<Arc<Held>> {
        let held = self.0.in_hand(now)?;
        if elapsed(held.as_of, now) >= REFRESH_AFTER {
            self.set_out_if_permitted(now);
        }
        Some(held)
    }

    fn set_out_if_permitted(&self, now: SystemTime) {
        let schedule = self.0.schedule();
        if schedule.may_refresh(now) {
            self.set_out(now, schedule);
        }
    }

    /// `None` once a fetch is under way.
    fn join_or_set_out(
        &self,
        kid: Option<&str>,
        now: SystemTime,
    ) -> Option<Result<Arc<KeySet>, TokenError>> {
        let mut schedule = self.0.schedule();
        // A fetch may have ended since the caller looked; while the lock is held, none can.
        let in_hand = self.0.in_hand(now);
        if let Some(set) = named(kid, in_hand.as_deref()) {
            return Some(set);
        }
        match schedule.step(now, in_hand.is_some()) {
            Step::Refuse(error) => return Some(Err(error)),
            Step::Wait => {}
            Step::Fetch => {
                if in_hand.is_some() {
                    schedule.unknown_key_fetched(now);
                }
                self.set_out(now, schedule);
            }
        }
        None
    }

    /// Fetches in a task of its own, which outlives whoever asked for it.
    fn set_out(&self, now: SystemTime, mut schedule: MutexGuard<'_, Schedule>) {
        schedule.set_out();
        drop(schedule);
        let journey = Journey { shared: Arc::clone(&self.0), set_out_at: now, ended: false };
        let Ok(runtime) = Handle::try_current() else {
            return journey.end(Err(FetchError::new("keys are fetched on a Tokio runtime only")));
        };
        runtime.spawn(async move {
            let fetched = journey.shared.fetch.fetch().await;
            let keys = Arc::downgrade(&journey.shared);
            journey.end(fetched);
            refresh_in_time(keys).await;
        });
    }

    fn after_fetch(&self, kid: Option<&str>) -> Result<Arc<KeySet>, TokenError> {
        let now = self.0.clock.now();
        let usable = self.usable(now);
        if let Some(set) = named(kid, usable.as_deref()) {
            return set;
        }
        let mut schedule = self.0.schedule();
        if usable.is_some() {
            schedule.unknown_key_fetched(now);
        }
        Err(schedule.refusal())
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys").finish_non_exhaustive()
    }
}

/// Sets out for newer keys when they are due although nobody may ask, lest the first token after a
/// quiet time be judged by keys that were withdrawn long ago.
async fn refresh_in_time(keys: Weak<Shared>) {
    tokio::time::sleep(REFRESH_AFTER).await;
    if let Some(shared) = keys.upgrade() {
        let keys = RemoteKeys(shared);
        drop(keys.usable(keys.0.clock.now()));
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

impl Shared {
    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_hand(&self, now: SystemTime) -> Option<Arc<Held>> {
        self.held.load_full().filter(|held| elapsed(held.as_of, now) < KEEP_FOR)
    }

    fn held_already(&self, set: &KeySet) -> Option<Arc<KeySet>> {
        let held = self.held.load();
        held.as_ref().filter(|held| *held.set == *set).map(|held| Arc::clone(&held.set))
    }

    fn land(&self, set_out_at: SystemTime, fetched: Result<JwkSet, FetchError>) {
        let mut schedule = self.schedule();
        match fetched.and_then(|set| usable_set(&set)) {
            Ok(set) => {
                let set = self.held_already(&set).unwrap_or_else(|| Arc::new(set));
                self.held.store(Some(Arc::new(Held { set, as_of: set_out_at })));
                schedule.succeeded();
            }
            Err(error) => {
                tracing::warn!(%error, "the keys to verify tokens could not be fetched");
                schedule.failed(self.clock.now(), error);
            }
        }
        drop(schedule);
        self.ended.send_replace(());
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

/// A fetch under way. Dropped without having ended, by a panic or with its runtime, it counts as
/// failed, so that the next may set out.
struct Journey {
    shared: Arc<Shared>,
    set_out_at: SystemTime,
    ended: bool,
}

impl Journey {
    fn end(mut self, fetched: Result<JwkSet, FetchError>) {
        self.ended = true;
        self.shared.land(self.set_out_at, fetched);
    }
}

impl Drop for Journey {
    fn drop(&mut self) {
        if !self.ended {
            self.shared.land(self.set_out_at, Err(FetchError::new("the fetch was cut short")));
        }
    }
}

#[cfg(test)]
mod tests;
