use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

/// Recognizes values that were found to be ours, so that each is read once and not at every request.
///
/// It goes by their last characters, which belong to the signature. Whoever forges those gains
/// nothing: their own cookie is refused where it would have been passed over.
pub(super) struct Familiar(Box<[AtomicU64]>);

/// A power of two: 32 KiB. Where more people come in turn, some values are read again.
const PLACES: usize = 4096;
const TAIL: usize = 16;

impl Familiar {
    pub(super) fn new() -> Self {
        Self(vec![0; PLACES].into_iter().map(AtomicU64::new).collect())
    }

    pub(super) fn knows(&self, value: &[u8]) -> bool {
        tag(value).is_some_and(|tag| self.place(tag).load(Ordering::Relaxed) == tag)
    }

    pub(super) fn remember(&self, value: &[u8]) {
        if let Some(tag) = tag(value) {
            self.place(tag).store(tag, Ordering::Relaxed);
        }
    }

    fn place(&self, tag: u64) -> &AtomicU64 {
        &self.0[(tag >> 32) as usize % self.0.len()]
    }
}

/// Never zero, which is an empty place.
fn tag(value: &[u8]) -> Option<u64> {
    let tail: &[u8; TAIL] = value.last_chunk()?;
    let (upper, lower) = tail.split_at(TAIL / 2);
    let word = |half: &[u8]| half.try_into().map_or(0, u64::from_ne_bytes);
    let mixed = word(upper) ^ word(lower).rotate_left(32) ^ value.len() as u64;
    Some(mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
}

impl fmt::Debug for Familiar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Familiar").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
