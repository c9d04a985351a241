//! The cached, race-free view of Clerk's sessions.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

mod cache;
mod check;
mod entry;
mod slot;
mod tombstones;
mod upstream;

pub use self::check::SessionCheck;
#[cfg(test)]
pub(crate) use self::upstream::Asking;
use self::{
    cache::SessionCache,
    entry::bounded,
    slot::{Fill, FillOutcome},
    tombstones::Tombstones,
};
pub(crate) use self::{
    entry::{CacheEntry, Fact, Lifetimes},
    slot::Slot,
    upstream::Upstream,
};
use crate::{Clock, Session, SessionId, client};

/// What is known of sessions, and the only way to Clerk about them.
#[derive(Debug)]
pub(crate) struct Sessions {
    upstream: Box<dyn Upstream>,
    check: SessionCheck,
    clock: Clock,
    lifetimes: Lifetimes,
    slots: SessionCache,
    tombstones: Tombstones,
    retention: Duration,
    /// When Clerk last refused our secret key, unless it has answered since.
    key_refused: Mutex<Option<(SystemTime, client::Error)>>,
    record: Mutex<Record>,
}

/// How calls to Clerk have gone.
#[derive(Debug, Default)]
struct Record {
    answered_at: Option<SystemTime>,
    last_error: Option<client::Error>,
}

/// How things stand with Clerk's API, for a health endpoint.
#[derive(Debug)]
pub(crate) struct ApiReport {
    /// Whether the last call was answered.
    pub(crate) usable: bool,
    /// The time since a call was last answered.
    pub(crate) age: Option<Duration>,
    /// Why the last call failed, if it did.
    pub(crate) last_error: Option<client::Error>,
}

/// How often Clerk is asked again once it has refused our secret key.
const KEY_RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// An answer can be outdated or from before the question this often before we give up.
const ATTEMPTS: usize = 4;

impl Sessions {
    pub(crate) fn new(
        upstream: Box<dyn Upstream>,
        upstream_timeout: Duration,
        check: SessionCheck,
        clock: Clock,
        lifetimes: Lifetimes,
        capacity: u64,
        clock_skew: Duration,
    ) -> Self {
        let useful_for = lifetimes.active.max(lifetimes.negative) + lifetimes.stale_if_error;
        let retention = match check {
            SessionCheck::Networkless => NETWORKLESS_RETENTION,
            _ => useful_for + upstream_timeout,
        };
        Self {
            upstream,
            check,
            clock,
            lifetimes,
            slots: SessionCache::new(capacity, useful_for),
            tombstones: Tombstones::new(clock_skew),
            retention,
            key_refused: Mutex::default(),
            record: Mutex::default(),
        }
    }

    #[cfg(test)]
    pub(crate) fn evict(&self) {
        self.slots.evict();
    }

    pub(crate) fn find(&self, id: &SessionId) -> Option<Arc<Slot>> {
        self.slots.find(id)
    }

    pub(crate) fn slot(&self, id: &SessionId) -> Arc<Slot> {
        self.slots.find_or_create(id)
    }

    /// What is known of the session, learned first if need be. The token is for checks that send it.
    pub(crate) async fn learn(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        token: Option<&str>,
        max_age: Option<Duration>,
        asked_at: SystemTime,
    ) -> Result<Arc<CacheEntry>, LookupError> {
        for _ in 0..ATTEMPTS {
            let now = self.clock.now();
            if let Some(known) = &*slot.known()
                && known.is_current(&self.lifetimes, max_age, asked_at, now)
            {
                return Ok(Arc::clone(known));
            }
            if let Some(error) = self.refused_key(now) {
                return Err(LookupError::Failed(error));
            }
            let joined = slot.join_or_begin(now, bounded(self.lifetimes.active, max_age));
            if let Some(fill) = joined.begun {
                let token = token.map(Box::from);
                tokio::spawn(Arc::clone(self).carry_out(fill, token));
            }
            let mut outcome = joined.outcome;
            match outcome.wait_for(Option::is_some).await.as_deref() {
                Ok(Some(FillOutcome::LookAgain)) => {}
                Ok(Some(FillOutcome::Failed(error))) => {
                    return Err(LookupError::Failed(error.clone()));
                }
                Ok(None) | Err(_) => return Err(LookupError::Interrupted),
            }
        }
        Err(LookupError::Interrupted)
    }

    /// Revokes the session at Clerk and here. It goes on where the caller does not wait.
    pub(crate) async fn revoke(self: Arc<Self>, id: SessionId) -> Result<Session, client::Error> {
        let slot = self.slot(&id);
        slot.forget();
        let answer = self.upstream.revoke(&id).await;
        match &answer {
            Ok(_) => self.entomb(slot, answer.clone()),
            Err(error) if error.is_not_found() => self.entomb(slot, answer.clone()),
            Err(_) => slot.forget(),
        }
        answer
    }

    #[cfg(tower_clerk_benchmarks)]
    pub(crate) fn keep(&self, slot: Arc<Slot>) {
        self.slots.keep(slot);
    }

    pub(crate) fn invalidate(&self, id: &SessionId) {
        if let Some(slot) = self.slots.find(id) {
            slot.forget();
        }
    }

    /// Asks Clerk, and says so in the slot. It goes on where nobody waits any longer.
    async fn carry_out(self: Arc<Self>, fill: Fill, token: Option<Box<str>>) {
        let slot = Arc::clone(fill.slot());
        let token = token.as_deref().filter(|_| self.check == SessionCheck::Verify);
        let answer = self.upstream.read(slot.id(), token).await;
        let now = self.clock.now();
        self.record(&answer, now);
        match answer {
            Ok(session) => {
                fill.learned(Fact::Session(session));
                self.slots.keep(slot);
            }
            Err(error) if error.is_not_found() => {
                fill.learned(Fact::Missing(error));
                self.slots.keep(slot);
            }
            Err(error) => {
                if error.is_unauthorized() {
                    self.note_refused_key(now, &error);
                }
                fill.failed(error, now);
            }
        }
    }

    fn record(&self, answer: &Result<Session, client::Error>, now: SystemTime) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Err(error) if !error.is_not_found() => record.last_error = Some(error.clone()),
            _ => {
                *record = Record { answered_at: Some(now), last_error: None };
                *self.key_refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
        }
    }

    /// How things stand with Clerk's API, where it is asked at all.
    pub(crate) fn report(&self) -> Option<ApiReport> {
        if self.check == SessionCheck::Networkless {
            return None;
        }
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        Some(ApiReport {
            usable: record.last_error.is_none(),
            age: record.answered_at.map(|at| now.duration_since(at).unwrap_or_default()),
            last_error: record.last_error.clone(),
        })
    }

    fn entomb(&self, slot: Arc<Slot>, answer: Result<Session, client::Error>) {
        let now = self.clock.now();
        let mut until = now + self.retention;
        if self.check == SessionCheck::Networkless
            && let Ok(session) = &answer
        {
            until = until.max(session.expire_at());
        }
        slot.entomb(answer, now);
        self.tombstones.hold(slot, until, now);
    }

    fn refused_key(&self, now: SystemTime) -> Option<client::Error> {
        let refused = self.key_refused.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, error) = refused.as_ref()?;
        let is_recent = now.duration_since(*at).is_ok_and(|since| since < KEY_RETRY_INTERVAL);
        is_recent.then(|| error.clone())
    }

    fn note_refused_key(&self, now: SystemTime, error: &client::Error) {
        let mut refused = self.key_refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused = Some((now, error.clone()));
    }
}

/// Where Clerk is never asked, a revocation is remembered for this long at least: a token may turn
/// up that was made before it and not seen until after.
const NETWORKLESS_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// Nothing can be said of a session.
#[derive(Debug)]
pub(crate) enum LookupError {
    /// Clerk could not be asked.
    Failed(client::Error),
    /// Each answer was outdated before it arrived, or the runtime is shutting down.
    Interrupted,
}

impl LookupError {
    /// Whether a stale answer may take the place of one; not where Clerk refuses our own key.
    pub(crate) fn is_unavailable(&self) -> bool {
        !matches!(self, Self::Failed(error) if error.is_unauthorized())
    }

    pub(crate) fn into_error(self) -> client::Error {
        match self {
            Self::Failed(error) => error,
            Self::Interrupted => client::Error::outdated(),
        }
    }
}
