//! The tokens that were verified already.

use std::{
    fmt,
    hash::{BuildHasher, Hash, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

use equivalent::Equivalent;
use moka::{policy::EvictionPolicy, sync::Cache};

use super::slot::Slot;
use crate::{Claims, token::Authenticated};

/// Verified tokens, whole, each with its claims and a direct way to its session.
///
/// Whether a token has expired is decided at each request, not here.
#[derive(Debug)]
pub(super) struct Tokens {
    cache: Cache<TokenKey, Arc<VerifiedToken>, HashTail>,
}

/// What a verified token says, and what is known of the session it names.
#[derive(Debug)]
pub(super) struct VerifiedToken {
    pub(super) authenticated: Authenticated,
    /// None for a token made from a template, which names no session.
    pub(super) slot: Option<Arc<Slot>>,
}

impl VerifiedToken {
    pub(super) fn claims(&self) -> &Claims {
        &self.authenticated.claims
    }
}

/// Session tokens live for a minute, so their memory is given back after two. One that lives longer is
/// verified anew.
const KEPT_FOR: Duration = Duration::from_secs(2 * 60);

impl Tokens {
    pub(super) fn new(capacity: u64) -> Self {
        let cache = Cache::builder()
            .max_capacity(capacity)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(KEPT_FOR)
            .build_with_hasher(HashTail::new());
        Self { cache }
    }

    pub(super) fn find(&self, token: &[u8]) -> Option<Arc<VerifiedToken>> {
        self.cache.get(&Presented(token))
    }

    /// Lets go now of what does not fit.
    #[cfg(test)]
    pub(super) fn evict(&self) {
        self.cache.run_pending_tasks();
    }

    pub(super) fn insert(&self, token: &[u8], verified: Arc<VerifiedToken>) {
        self.cache.insert(TokenKey(token.into()), verified);
    }
}

/// A token as it was presented: equal to a verified one only byte for byte.
struct Presented<'a>(&'a [u8]);

/// A verified token.
struct TokenKey(Box<[u8]>);

/// The last bytes of the signature, up to the one that has bits to spare. They find an entry; the
/// whole token is compared before it is used.
fn tail(token: &[u8]) -> u64 {
    let tail = token.split_last().and_then(|(_, rest)| rest.last_chunk());
    tail.map_or(0, |tail| u64::from_le_bytes(*tail))
}

impl Hash for Presented<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(tail(self.0));
    }
}

impl Hash for TokenKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(tail(&self.0));
    }
}

impl Equivalent<TokenKey> for Presented<'_> {
    fn equivalent(&self, key: &TokenKey) -> bool {
        *self.0 == *key.0
    }
}

impl PartialEq for TokenKey {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for TokenKey {}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

/// Spreads the tails of signatures over 64 bits by one multiplication.
///
/// That is enough, since nobody chooses them: only tokens that Clerk signed are ever stored, so there is
/// no flooding a bucket. The factor is drawn anew for each cache all the same.
#[derive(Debug, Clone)]
struct HashTail {
    factor: u64,
}

impl HashTail {
    fn new() -> Self {
        Self { factor: RandomState::new().hash_one(0) | 1 }
    }
}

impl BuildHasher for HashTail {
    type Hasher = TailHasher;

    fn build_hasher(&self) -> TailHasher {
        TailHasher { factor: self.factor, hash: 0 }
    }
}

struct TailHasher {
    factor: u64,
    hash: u64,
}

impl Hasher for TailHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.hash ^ number) * u128::from(self.factor);
        #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
        let folded = (product as u64) ^ ((product >> 64) as u64);
        self.hash = folded;
    }

    fn finish(&self) -> u64 {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn tokens_with_the_same_tail_are_different_tokens() {
        let hasher = HashTail::new();
        let (one, other) = (
            b"aaaa.bbbb.cccccccccccccccccccccccccccc".as_slice(),
            b"aaaa.bbbX.cccccccccccccccccccccccccccc".as_slice(),
        );
        let key = TokenKey(one.into());
        assert_eq!(hasher.hash_one(Presented(other)), hasher.hash_one(&key));
        assert!(!Presented(other).equivalent(&key));
        assert!(Presented(one).equivalent(&key));
    }

    #[test]
    fn a_token_of_any_length_has_a_tail() {
        for token in [&b""[..], b"a", b"abcdefgh", b"abcdefghi"] {
            let _ = HashTail::new().hash_one(Presented(token));
        }
        assert_eq!(tail(b"abcdefgh"), 0);
        assert_eq!(tail(b"abcdefghi"), u64::from_le_bytes(*b"abcdefgh"));
    }

    #[test]
    fn tails_are_spread_over_all_bits() {
        let hasher = HashTail::new();
        let hashes: Vec<_> = (0..4096_u64)
            .map(|n| {
                let token = format!("header.payload.{:>20}x", n * 7919);
                hasher.hash_one(Presented(token.as_bytes()))
            })
            .collect();
        for shift in [0, 32, 52] {
            let different: HashSet<_> = hashes.iter().map(|hash| (hash >> shift) & 0xfff).collect();
            assert!(different.len() > 1800, "{} at {shift}", different.len());
        }
    }
}
