//! The slots of all sessions.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, PoisonError, RwLock, Weak},
    time::Duration,
};

use moka::{policy::EvictionPolicy, sync::Cache};

use super::slot::Slot;
use crate::SessionId;

/// Finds the one slot of a session.
///
/// Two things are kept apart here. `alive` names every slot that anybody holds on to, so that no second one is
/// made beside it. `recent` is one of those who hold on: to as many slots as fit, for as long as what they
/// know may be used. So an eviction can cost an answer, never a revocation.
#[derive(Debug)]
pub(super) struct SessionCache {
    alive: Box<[RwLock<Shard>]>,
    recent: Cache<SessionId, Arc<Slot>>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Shard {
    slots: HashMap<SessionId, Weak<Slot>>,
    sweep_at: usize,
}

/// At least so many, and more where one would take long to sweep.
const LEAST_SHARDS: u64 = 64;
const MOST_SHARDS: u64 = 1 << 14;
const SESSIONS_PER_SHARD: u64 = 1024;
const SMALLEST_SWEEP: usize = 32;

impl SessionCache {
    pub(super) fn new(capacity: u64, useful_for: Duration) -> Self {
        let recent = Cache::builder()
            .max_capacity(capacity)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(useful_for.max(Duration::from_secs(1)))
            .build();
        let shards = (capacity / SESSIONS_PER_SHARD).clamp(LEAST_SHARDS, MOST_SHARDS);
        let alive = (0..shards).map(|_| RwLock::new(Shard::new())).collect();
        Self { alive, recent, hasher: RandomState::new() }
    }

    /// The slot of a session, if there is one. It counts as used.
    pub(super) fn find(&self, id: &SessionId) -> Option<Arc<Slot>> {
        self.recent.get(id).or_else(|| self.find_alive(id))
    }

    /// The slot of a session, made if need be, for somebody who will hold on to it.
    pub(super) fn find_or_create(&self, id: &SessionId) -> Arc<Slot> {
        self.find_alive(id).unwrap_or_else(|| {
            self.shard(id).write().unwrap_or_else(PoisonError::into_inner).find_or_create(id)
        })
    }

    fn find_alive(&self, id: &SessionId) -> Option<Arc<Slot>> {
        self.shard(id).read().unwrap_or_else(PoisonError::into_inner).find(id)
    }

    /// Keeps a slot for as long as what it knows may be used, if there is room.
    pub(super) fn keep(&self, slot: Arc<Slot>) {
        self.recent.insert(slot.id().clone(), slot);
    }

    /// Whether a slot is kept, whoever else holds on to it.
    #[cfg(test)]
    pub(super) fn keeps(&self, id: &SessionId) -> bool {
        self.recent.contains_key(id)
    }

    /// Lets go now of what does not fit.
    #[cfg(test)]
    pub(super) fn evict(&self) {
        self.recent.run_pending_tasks();
    }

    fn shard(&self, id: &SessionId) -> &RwLock<Shard> {
        &self.alive[self.hasher.hash_one(id) as usize % self.alive.len()]
    }
}

impl Shard {
    fn new() -> Self {
        Self { slots: HashMap::new(), sweep_at: SMALLEST_SWEEP }
    }

    fn find(&self, id: &SessionId) -> Option<Arc<Slot>> {
        self.slots.get(id).and_then(Weak::upgrade)
    }

    fn find_or_create(&mut self, id: &SessionId) -> Arc<Slot> {
        if let Some(slot) = self.find(id) {
            return slot;
        }
        if self.slots.len() >= self.sweep_at {
            self.slots.retain(|_, slot| slot.strong_count() > 0);
            self.sweep_at = SMALLEST_SWEEP.max(self.slots.len() * 2);
        }
        let slot = Arc::new(Slot::new(id.clone()));
        self.slots.insert(id.clone(), Arc::downgrade(&slot));
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> SessionId {
        format!("sess_{number}").parse().unwrap()
    }

    #[test]
    fn there_is_one_slot_per_session_while_anybody_holds_it() {
        let slots = SessionCache::new(1, Duration::from_secs(30));
        let held = slots.find_or_create(&id(0));
        for other in 1..1000 {
            slots.keep(slots.find_or_create(&id(other)));
        }
        slots.evict();
        assert!(Arc::ptr_eq(&held, &slots.find_or_create(&id(0))));
        assert!(Arc::ptr_eq(&held, &slots.find(&id(0)).unwrap()));
    }

    #[test]
    fn whoever_comes_second_to_make_a_slot_gets_the_first_one() {
        let slots = SessionCache::new(10, Duration::from_secs(30));
        // Both have looked for it in vain.
        let mut shard = slots.shard(&id(0)).write().unwrap();
        let (first, second) = (shard.find_or_create(&id(0)), shard.find_or_create(&id(0)));
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn slots_that_nobody_holds_are_given_back() {
        let slots = SessionCache::new(10, Duration::from_secs(30));
        for number in 0..100_000 {
            slots.keep(slots.find_or_create(&id(number)));
        }
        slots.evict();
        let named: usize = slots.alive.iter().map(|shard| shard.read().unwrap().slots.len()).sum();
        assert!(named <= slots.alive.len() * SMALLEST_SWEEP * 2, "{named}");
        assert!(slots.find(&id(0)).is_none());
    }
}
