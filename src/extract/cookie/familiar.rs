use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::keyed_hash::KeyedHash;

/// Recognizes values that were found to be ours, so that each is read once and not at every request.
///
/// It goes by their last characters, which belong to the signature. Whoever forges those gains
/// nothing: their own cookie is refused where it would have been passed over.
pub(super) struct Familiar {
    places: Box<[AtomicU64]>,
    hash: KeyedHash,
}

/// A power of two: 32 KiB. Where more people come in turn, some values are read again.
const PLACES: usize = 4096;

impl Familiar {
    pub(super) fn new() -> Self {
        let places = vec![0; PLACES].into_iter().map(AtomicU64::new).collect();
        Self { places, hash: KeyedHash::new() }
    }

    pub(super) fn knows(&self, value: &[u8]) -> bool {
        self.tag(value).is_some_and(|tag| self.place(tag).load(Ordering::Relaxed) == tag)
    }

    pub(super) fn remember(&self, value: &[u8]) {
        if let Some(tag) = self.tag(value) {
            self.place(tag).store(tag, Ordering::Relaxed);
        }
    }

    fn place(&self, tag: u64) -> &AtomicU64 {
        &self.places[(tag >> 32) as usize % self.places.len()]
    }

    /// Never zero, which is an empty place.
    fn tag(&self, value: &[u8]) -> Option<u64> {
        Some(self.hash.of(*value.last_chunk()?) ^ (value.len() as u64) << 1 | 1)
    }
}

impl fmt::Debug for Familiar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Familiar").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: usize = KeyedHash::WIDTH;

    #[test]
    fn a_value_is_known_once_it_was_remembered() {
        let familiar = Familiar::new();
        let values: Vec<_> = (0..100).map(|n| format!("header.payload.{n:0>20}")).collect();
        for value in &values {
            assert!(!familiar.knows(value.as_bytes()));
            familiar.remember(value.as_bytes());
            assert!(familiar.knows(value.as_bytes()));
        }
        for short in [&b""[..], b"a.b.c", &[0; TAIL - 1]] {
            familiar.remember(short);
            assert!(!familiar.knows(short));
        }
        assert!(!familiar.knows(&[0; TAIL]));
    }

    #[test]
    fn no_tail_is_taken_for_another_however_regular_they_are() {
        let familiar = Familiar::new();
        familiar.remember(&[b'a'; TAIL]);
        for other in
            [[b'e'; TAIL], *b"aaaaaaaaaaaaaaae", *b"eaaaaaaaaaaaaaaa", *b"aaaaeaaaaaaaaaaa"]
        {
            assert!(!familiar.knows(&other), "{other:?}");
        }
        familiar.remember(b"abcdefgh01234567");
        assert!(!familiar.knows(b"01234567abcdefgh"));
        assert!(!familiar.knows(b".abcdefgh01234567"));
    }
}
