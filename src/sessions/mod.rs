//! What is known of Clerk's sessions, and how fresh it is.
//!
//! The one way to learn more is to [ask](Sessions::ask): however many callers want to know of a session at a time, Clerk
//! is asked once, by a task that goes on where they go away.

mod atomic_time;
mod cache;
mod check;
mod denials;
mod entry;
mod fill;
mod fleet;
mod health;
mod ledger;
mod lifetimes;
mod revocation;
mod revoke_all;
mod slot;
#[cfg(test)]
pub(crate) mod test_sessions;
#[cfg(test)]
pub(crate) mod test_upstream;
mod tombstones;
mod upstream;

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

#[cfg(test)]
pub(crate) use self::upstream::Asking;
use self::{
    cache::SessionCache,
    denials::Denials,
    health::Health,
    ledger::Term,
    tombstones::{Now, Tombstones},
};
pub use self::{check::SessionCheck, revoke_all::RevokeAllError};
pub(crate) use self::{
    denials::Before,
    entry::{CacheEntry, Ending, Fact},
    fill::{LookupError, Patience},
    health::ApiReport,
    ledger::Wanted,
    lifetimes::Lifetimes,
    revoke_all::Everywhere,
    slot::Slot,
    upstream::{NoUpstream, Upstream},
};
use crate::{Clock, SessionId, follow::Follower};

/// The cached, race-free view of Clerk's sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    upstream: Box<dyn Upstream>,
    check: SessionCheck,
    clock: Clock,
    cache: SessionCache,
    tombstones: Tombstones,
    health: Health,
    /// How long a call to Clerk can take.
    timeout: Duration,
    /// How long that a session is over is kept in mind, at least.
    retention: Duration,
    /// How long whatever forbids to admit a session unseen is kept in mind; none where no session is.
    negative_retention: Option<Duration>,
    denials: Denials,
    clock_skew: Duration,
    /// What other processes follow, too.
    log: OnceLock<Follower>,
}

/// What sessions are looked after by.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) check: SessionCheck,
    pub(crate) clock: Clock,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) capacity: u64,
    /// How long a call to Clerk can take.
    pub(crate) timeout: Duration,
    /// Whether a session may be admitted of which nothing is known.
    pub(crate) admits_unseen: bool,
}

/// Where Clerk is never asked, that a session is over is remembered for this long at least: a token may turn
/// up that was made before and not seen until after.
const NETWORKLESS_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

impl Sessions {
    pub(crate) fn new(upstream: Box<dyn Upstream>, settings: Settings) -> Self {
        let Settings { check, clock, lifetimes, capacity, timeout, admits_unseen } = settings;
        let retention = match check {
            SessionCheck::Networkless => NETWORKLESS_RETENTION,
            _ => lifetimes.longest() + timeout,
        };
        Self {
            upstream,
            check,
            clock,
            cache: SessionCache::new(capacity, lifetimes.longest()),
            tombstones: Tombstones::new(lifetimes.clock_skew),
            health: Health::default(),
            timeout,
            retention,
            negative_retention: admits_unseen.then_some(lifetimes.ttl + lifetimes.clock_skew),
            denials: Denials::default(),
            clock_skew: lifetimes.clock_skew,
            log: OnceLock::new(),
        }
    }

    pub(crate) fn find(&self, id: &SessionId) -> Option<Arc<Slot>> {
        self.cache.find(id)
    }

    pub(crate) fn slot(&self, id: &SessionId) -> Arc<Slot> {
        self.cache.find_or_create(id)
    }

    /// Keeps what is known of a session for its time from now on, if there is room.
    pub(crate) fn keep(&self, slot: &Arc<Slot>) {
        self.cache.keep(Arc::clone(slot));
    }

    /// Forgets what is known of a session, so that Clerk is asked before it is admitted again. That it is over is
    /// not forgotten.
    pub(crate) fn forget(&self, id: &SessionId) {
        let now = self.now();
        match self.negative_retention {
            Some(retention) => {
                let slot = self.slot(id);
                slot.forget(now.time.into());
                self.tombstones.hold(slot, now.time + retention, now);
            }
            // Without a description nobody is admitted: there is nothing to keep in mind.
            None => {
                if let Some(slot) = self.find(id) {
                    slot.forget(now.time.into());
                }
            }
        }
    }

    /// Whose earlier tokens are refused.
    pub(crate) fn denials(&self) -> &Denials {
        &self.denials
    }

    /// Whether Clerk is known to be unavailable.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.health.is_unavailable()
    }

    /// Whether Clerk refuses our secret key, so that nothing takes the place of its answer.
    pub(crate) fn refuses_key(&self) -> bool {
        self.health.refused_key(self.clock.now()).is_some()
    }

    /// What Clerk said when it refused our secret key, unless it has answered since.
    pub(crate) fn key_refusal(&self) -> Option<crate::client::Error> {
        self.health.key_refusal()
    }

    /// How things stand with Clerk's API, where it is asked at all.
    pub(crate) fn report(&self) -> Option<ApiReport> {
        (self.check != SessionCheck::Networkless).then(|| self.health.report(self.clock.now()))
    }

    /// Whether a session is kept, whoever else holds on to it.
    #[cfg(test)]
    pub(crate) fn keeps(&self, id: &SessionId) -> bool {
        self.cache.keeps(id)
    }

    /// Lets go now of what does not fit.
    #[cfg(test)]
    pub(crate) fn evict(&self) {
        self.cache.evict();
    }

    #[cfg(tower_clerk_benchmarks)]
    pub(crate) fn preload(&self, session: crate::Session) {
        let slot = self.slot(session.id());
        let fill = slot.begin_ahead(self.term()).expect("nobody else is asking");
        drop(fill.learned(Fact::Session(session), self.clock.now(), 0, self.term()));
        self.cache.keep(slot);
    }

    fn bury(&self, slot: &Arc<Slot>, ending: Ending, expire_at: Option<SystemTime>) {
        let now = self.now();
        let mut until = now.time + self.retention;
        if self.check == SessionCheck::Networkless
            && let Some(expire_at) = expire_at
        {
            until = until.max(expire_at);
        }
        slot.entomb(ending, now.time.into());
        self.tombstones.hold(Arc::clone(slot), until, now);
    }

    fn now(&self) -> Now {
        Now { time: self.clock.now(), instant: Instant::now() }
    }

    /// That of a call which begins now. It is overdue a little after its time-out, so that no slow machine asks twice.
    fn term(&self) -> Term {
        let now = Instant::now();
        Term { now, overdue_at: now + self.timeout + self.timeout / 8 }
    }
}
