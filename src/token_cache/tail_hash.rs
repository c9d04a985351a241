//! Hashing a token by a few bytes of its signature.

use std::hash::{BuildHasher, Hasher};

use crate::{keyed_hash::folded_product, random::random};

/// Spreads the tails of tokens over 64 bits by one multiplication.
///
/// That is enough, since nobody chooses them: only tokens that Clerk signed are ever stored, so there is
/// no flooding a bucket. The factor is drawn anew for each cache all the same.
#[derive(Clone)]
pub(super) struct TailHash {
    factor: u64,
}

impl TailHash {
    pub(super) fn new() -> Self {
        Self { factor: random() | 1 }
    }
}

impl BuildHasher for TailHash {
    type Hasher = TailHasher;

    fn build_hasher(&self) -> TailHasher {
        TailHasher { factor: self.factor, hash: 0 }
    }
}

/// Hashes one token: what `[u8]` writes at once.
pub(super) struct TailHasher {
    factor: u64,
    hash: u64,
}

impl Hasher for TailHasher {
    fn write(&mut self, token: &[u8]) {
        self.hash = folded_product(tail(token), self.factor);
    }

    /// Of the length, which says little.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.hash
    }
}

/// The last bytes of the signature, up to the one that has bits to spare.
fn tail(token: &[u8]) -> u64 {
    let tail = token.split_last().and_then(|(_, rest)| rest.last_chunk());
    tail.map_or(0, |tail| u64::from_le_bytes(*tail))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_token_of_any_length_has_a_tail() {
        for token in [&b""[..], b"a", b"abcdefgh", b"abcdefghi"] {
            let _ = TailHash::new().hash_one(token);
        }
        assert_eq!(tail(b"abcdefgh"), 0);
        assert_eq!(tail(b"abcdefghi"), u64::from_le_bytes(*b"abcdefgh"));
    }

    #[test]
    fn tails_are_spread_over_all_bits() {
        let hasher = TailHash::new();
        let hashes: Vec<_> = (0..4096_u64)
            .map(|n| {
                let token = format!("header.payload.{:>20}x", n * 7919);
                hasher.hash_one(token.as_bytes())
            })
            .collect();
        for shift in [0, 32, 52] {
            let different: HashSet<_> = hashes.iter().map(|hash| (hash >> shift) & 0xfff).collect();
            assert!(different.len() > 1800, "{} at {shift}", different.len());
        }
    }
}
