//! The tokens that were verified already.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use equivalent::Equivalent;
use moka::{Expiry, policy::EvictionPolicy, sync::Cache};

use super::slot::Slot;
use crate::{Claims, Clock, token::Authenticated};

/// Verified tokens, whole, each with its claims and a direct way to its session.
#[derive(Debug)]
pub(super) struct Tokens {
    cache: Cache<TokenKey, Arc<VerifiedToken>>,
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

impl Tokens {
    pub(super) fn new(capacity: u64, clock_skew: Duration, clock: Clock) -> Self {
        let cache = Cache::builder()
            .max_capacity(capacity)
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(UntilExpired { clock_skew, clock })
            .build();
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

/// The signature's last bytes tell tokens apart, and nobody but Clerk chooses them for a token that
/// gets this far. They find an entry; the whole token is compared before it is used.
fn hash_tail<H: Hasher>(token: &[u8], state: &mut H) {
    const TAIL: usize = 24;
    state.write(&token[token.len().saturating_sub(TAIL)..]);
}

impl Hash for Presented<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_tail(self.0, state);
    }
}

impl Hash for TokenKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_tail(&self.0, state);
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

/// Gives a token's memory back once it has expired. Whether it has is decided at each request, not
/// here.
struct UntilExpired {
    clock_skew: Duration,
    clock: Clock,
}

impl Expiry<TokenKey, Arc<VerifiedToken>> for UntilExpired {
    fn expire_after_create(
        &self,
        _: &TokenKey,
        token: &Arc<VerifiedToken>,
        _: Instant,
    ) -> Option<Duration> {
        Some(left(token.claims().expires_at() + self.clock_skew, self.clock.now()))
    }
}

fn left(until: SystemTime, now: SystemTime) -> Duration {
    until.duration_since(now).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;

    #[test]
    fn tokens_with_the_same_tail_are_different_tokens() {
        let hasher = RandomState::new();
        let (one, other) = (
            b"aaaa.bbbb.cccccccccccccccccccccccccccc".as_slice(),
            b"aaaa.bbbX.cccccccccccccccccccccccccccc".as_slice(),
        );
        let key = TokenKey(one.into());
        assert_eq!(hasher.hash_one(Presented(other)), hasher.hash_one(&key));
        assert!(!Presented(other).equivalent(&key));
        assert!(Presented(one).equivalent(&key));
    }
}
