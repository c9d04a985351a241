//! The slots of all sessions.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use moka::{policy::EvictionPolicy, sync::Cache};

use super::slot::Slot;
use crate::SessionId;

/// Finds the one slot of a session.
///
/// Two things are kept apart here. `recent` keeps slots alive, as many as fit, for as long as what they
/// know may be used. `alive` names every slot that anybody holds on to, whether it is `recent` or not, so
/// that no second one is made beside it: an eviction can cost an answer, never a revocation.
#[derive(Debug)]
pub(super) struct Slots {
    recent: Cache<SessionId, Arc<Slot>>,
    alive: Box<[Mutex<Shard>]>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Shard {
    slots: HashMap<SessionId, Weak<Slot>>,
    sweep_at: usize,
}

const SHARDS: usize = 64;
const SMALLEST_SWEEP: usize = 32;

impl Slots {
    pub(super) fn new(capacity: u64, useful_for: Duration) -> Self {
        let recent = Cache::builder()
            .max_capacity(capacity)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(useful_for.max(Duration::from_secs(1)))
            .build();
        let alive = (0..SHARDS).map(|_| Mutex::new(Shard::new())).collect();
        Self { recent, alive, hasher: RandomState::new() }
    }

    /// The slot of a session, if there is one.
    pub(super) fn find(&self, id: &SessionId) -> Option<Arc<Slot>> {
        self.recent.get(id).or_else(|| self.shard(id).slots.get(id).and_then(Weak::upgrade))
    }

    /// The slot of a session, made if need be.
    pub(super) fn find_or_create(&self, id: &SessionId) -> Arc<Slot> {
        self.recent.get(id).unwrap_or_else(|| self.shard(id).find_or_create(id))
    }

    /// Keeps a slot for as long as what it knows may be used, if there is room.
    pub(super) fn keep(&self, slot: Arc<Slot>) {
        self.recent.insert(slot.id().clone(), slot);
    }

    /// Lets go now of what does not fit.
    #[cfg(test)]
    pub(super) fn evict(&self) {
        self.recent.run_pending_tasks();
    }

    fn shard(&self, id: &SessionId) -> std::sync::MutexGuard<'_, Shard> {
        let index = self.hasher.hash_one(id) as usize % SHARDS;
        self.alive[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn new() -> Self {
        Self { slots: HashMap::new(), sweep_at: SMALLEST_SWEEP }
    }

    fn find_or_create(&mut self, id: &SessionId) -> Arc<Slot> {
        if let Some(slot) = self.slots.get(id).and_then(Weak::upgrade) {
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
        let slots = Slots::new(1, Duration::from_secs(30));
        let held = slots.find_or_create(&id(0));
        for other in 1..1000 {
            slots.keep(slots.find_or_create(&id(other)));
        }
        slots.evict();
        assert!(Arc::ptr_eq(&held, &slots.find_or_create(&id(0))));
        assert!(Arc::ptr_eq(&held, &slots.find(&id(0)).unwrap()));
    }

    #[test]
    fn slots_that_nobody_holds_are_given_back() {
        let slots = Slots::new(10, Duration::from_secs(30));
        for number in 0..100_000 {
            slots.keep(slots.find_or_create(&id(number)));
        }
        slots.evict();
        let named: usize = slots.alive.iter().map(|shard| shard.lock().unwrap().slots.len()).sum();
        assert!(named <= SHARDS * SMALLEST_SWEEP * 2, "{named}");
        assert!(slots.find(&id(0)).is_none());
    }
}
