//! What came of the tokens that were verified already.

use std::{
    fmt,
    hash::BuildHasher,
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

mod generations;
mod tail_hash;

use self::{generations::Generations, tail_hash::TailHash};

/// Keeps what came of tokens, for a minute or two where others come in all the time.
///
/// A hash only finds a token; it is compared byte for byte. Whether it has expired is decided at each request.
pub(crate) struct TokenCache<V> {
    shards: Box<[RwLock<Generations<V>>]>,
    hash: TailHash,
    /// Whose turn it is to be looked after.
    turn: AtomicUsize,
}

/// Enough for processors not to wait for one another.
const SHARDS: u64 = 256;
const MOST_SHARDS: u64 = 1 << 14;
/// With fewer, chance would fill some shards long before others.
const LEAST_ROOM: u64 = 32;
/// With more, a whole generation would be too much to let go at once.
const MOST_ROOM: u64 = 1024;

impl<V> TokenCache<V> {
    pub(crate) fn new(capacity: u64) -> Self {
        let count = SHARDS.min(capacity / LEAST_ROOM).max(capacity / MOST_ROOM);
        let count = count.clamp(1, MOST_SHARDS).next_power_of_two();
        let room = usize::try_from(capacity.div_ceil(count)).unwrap_or(usize::MAX);
        let hash = TailHash::new();
        let shards = (0..count).map(|_| RwLock::new(Generations::new(room, &hash))).collect();
        Self { shards, hash, turn: AtomicUsize::new(0) }
    }

    /// Looks at what came of a token. Others can look at the same time, and nobody can insert meanwhile.
    pub(crate) fn read<T>(&self, token: &[u8], look: impl FnOnce(&V) -> T) -> Option<T> {
        read(self.shard_of(token)).find(token).map(look)
    }

    pub(crate) fn insert(&self, token: &[u8], value: V, now: SystemTime) {
        let token = Box::from(token);
        // Each time the lock is released before what was let go is dropped.
        let evicted = write(self.shard_of(&token)).insert(token, value, now);
        drop(evicted);
        let evicted = write(self.next()).step(now);
        drop(evicted);
    }

    fn shard_of(&self, token: &[u8]) -> &RwLock<Generations<V>> {
        // The maps within take the lowest bits and the seven highest.
        let bits = self.hash.hash_one(token) >> 32;
        &self.shards[bits as usize % self.shards.len()]
    }

    /// Another shard each time, since nobody may use it any longer.
    fn next(&self) -> &RwLock<Generations<V>> {
        &self.shards[self.turn.fetch_add(1, Ordering::Relaxed) % self.shards.len()]
    }
}

/// Nothing that is done under the lock can panic halfway.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

impl<V> fmt::Debug for TokenCache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
    }

    fn token(number: usize) -> Vec<u8> {
        format!("header.payload.{:016x}A", number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).into_bytes()
    }

    #[test]
    fn every_token_finds_its_own() {
        for capacity in [1, 1000, 50_000] {
            let tokens = TokenCache::new(capacity);
            for number in 0..20_000 {
                tokens.insert(&token(number), number, at(0));
                assert_eq!(tokens.read(&token(number), |found| *found), Some(number));
            }
            assert_eq!(tokens.read(&token(20_000), |found| *found), None);
        }
    }

    #[test]
    fn what_fits_stays_for_a_minute() {
        let tokens = TokenCache::new(50_000);
        for number in 0..20_000 {
            tokens.insert(&token(number), number, at(0));
        }
        tokens.insert(&token(20_000), 20_000, at(59));
        for number in 0..=20_000 {
            assert_eq!(tokens.read(&token(number), |found| *found), Some(number));
        }
    }

    #[test]
    fn memory_is_given_back_while_a_few_others_come_in() {
        let tokens = TokenCache::new(50_000);
        let values: Vec<_> = (0..20_000).map(Arc::new).collect();
        for (number, value) in values.iter().enumerate() {
            tokens.insert(&token(number), Arc::clone(value), at(0));
        }
        for minute in 1..10 {
            for number in 0..100 {
                tokens.insert(&token(20_000 + number), Arc::new(number), at(minute * 60));
            }
        }
        assert!(values.iter().all(|value| Arc::strong_count(value) == 1));
    }

    #[test]
    fn any_capacity_will_do() {
        for capacity in [1, 2, u64::MAX] {
            let tokens = TokenCache::new(capacity);
            tokens.insert(b"a.b.c", (), at(0));
            assert!(tokens.read(b"a.b.c", |_| ()).is_some());
        }
    }
}
