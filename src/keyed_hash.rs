//! Hashing a few bytes that nobody can aim.

use crate::random::random;

/// Spreads sixteen bytes over 64 bits by one multiplication.
///
/// Its keys are drawn for each, so that nobody can tell from outside what is taken for one another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyedHash([u64; 2]);

impl KeyedHash {
    pub(crate) const WIDTH: usize = 16;

    pub(crate) fn new() -> Self {
        Self([random(), random()])
    }

    pub(crate) fn of(&self, bytes: [u8; Self::WIDTH]) -> u64 {
        let [upper_key, lower_key] = self.0;
        let (upper, lower) = bytes.split_at(Self::WIDTH / 2);
        let word = |half: &[u8]| half.try_into().map_or(0, u64::from_ne_bytes);
        folded_product(word(upper) ^ upper_key, word(lower) ^ lower_key)
    }
}

/// Both halves of what the two multiply to, in one.
#[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
pub(crate) fn folded_product(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn what_is_regular_is_spread_over_all_bits() {
        let hash = KeyedHash::new();
        let hashes: Vec<_> = (0..4096_u128).map(|n| hash.of((n * 7919).to_le_bytes())).collect();
        for shift in [0, 20, 32, 52] {
            let different: HashSet<_> = hashes.iter().map(|hash| (hash >> shift) & 0xfff).collect();
            assert!(different.len() > 1800, "{} at {shift}", different.len());
        }
    }

    #[test]
    fn each_takes_others_for_one_another() {
        let of = |hash: KeyedHash| [b'a', b'e'].map(|byte| hash.of([byte; KeyedHash::WIDTH]));
        assert_ne!(of(KeyedHash::new()), of(KeyedHash::new()));
    }
}
