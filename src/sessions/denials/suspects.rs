use std::{
    fmt,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use crate::{UserId, keyed_hash::KeyedHash};

/// Tells most of those who are certainly denied nothing, without a lock: a Bloom filter with one bit for each.
///
/// Who is added is included from then on, whatever else is done meanwhile. Only one at a time may change it.
pub(super) struct Suspects {
    any: AtomicBool,
    words: Box<[AtomicU64]>,
    hash: KeyedHash,
}

/// 8 KiB: of those who are denied nothing, one in sixty-five is taken for somebody else where a thousand are.
const WORDS: usize = 1 << 10;

impl Suspects {
    pub(super) fn are_there(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    pub(super) fn may_include(&self, user: &UserId) -> bool {
        let (word, bit) = self.place(user);
        self.words[word].load(Ordering::Acquire) & bit != 0
    }

    pub(super) fn add(&self, user: &UserId) {
        let (word, bit) = self.place(user);
        self.words[word].fetch_or(bit, Ordering::Release);
        self.any.store(true, Ordering::Release);
    }

    /// Those, and nobody else. Those of them who were included are so throughout.
    pub(super) fn set<'a>(&self, users: impl Iterator<Item = &'a UserId>) {
        let mut words = [0; WORDS];
        for (word, bit) in users.map(|user| self.place(user)) {
            words[word] |= bit;
        }
        for (word, bits) in self.words.iter().zip(words) {
            word.store(bits, Ordering::Release);
        }
        self.any.store(words.iter().any(|&bits| bits != 0), Ordering::Release);
    }

    pub(super) fn set_everybody(&self) {
        self.words.iter().for_each(|word| word.store(u64::MAX, Ordering::Release));
        self.any.store(true, Ordering::Release);
    }

    /// By the end of the identifier, which Clerk draws by chance.
    fn place(&self, user: &UserId) -> (usize, u64) {
        let id = user.as_str().as_bytes();
        let end = id.last_chunk().copied().unwrap_or_else(|| {
            let mut short = [0; KeyedHash::WIDTH];
            short[..id.len()].copy_from_slice(id);
            short
        });
        let hash = self.hash.of(end);
        ((hash >> 32) as usize % WORDS, 1 << (hash % 64))
    }
}

impl Default for Suspects {
    fn default() -> Self {
        Self {
            any: AtomicBool::new(false),
            words: (0..WORDS).map(|_| AtomicU64::new(0)).collect(),
            hash: KeyedHash::new(),
        }
    }
}

impl fmt::Debug for Suspects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suspects").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn user(number: usize) -> UserId {
        format!("user_{number}").parse().unwrap()
    }

    #[test]
    fn those_who_are_added_are_included_and_most_others_are_not() {
        let suspects = Suspects::default();
        let included = || (0..10_000).filter(|&it| suspects.may_include(&user(it))).count();
        assert_eq!(included(), 0);
        (0..1_000).for_each(|number| suspects.add(&user(number)));
        assert!((0..1_000).all(|number| suspects.may_include(&user(number))));
        assert!(included() < 1_500, "{}", included());
        suspects.set([user(1)].iter());
        assert!(suspects.may_include(&user(1)) && included() < 50);
        suspects.set_everybody();
        assert_eq!(included(), 10_000);
        suspects.set([].iter());
        assert_eq!(included(), 0);
    }

    #[test]
    fn who_stays_is_included_while_others_come_and_go() {
        let suspects = Suspects::default();
        suspects.add(&user(0));
        thread::scope(|scope| {
            let changing = scope.spawn(|| {
                for number in 1..2_000 {
                    suspects.add(&user(number));
                    suspects.set([user(0)].iter());
                }
            });
            while !changing.is_finished() {
                assert!(suspects.may_include(&user(0)));
            }
        });
    }
}
