//! Forgetting by generations.

use std::{
    collections::{HashMap, hash_map},
    mem,
    time::{Duration, SystemTime},
};

use super::tail_hash::TailHash;
use crate::clock::elapsed;

/// TokenCache, whole, and what each of them stands for: those of this generation and of the one before.
///
/// A generation is over when it is a minute old, as long as session tokens live, or when half the room is
/// taken. The one before then leaves, two of it with each step; if it has not left when the next one is over, the
/// rest of it goes at once. Nothing moves back up: a token that lives longer is verified anew every now and then.
pub(super) struct Generations<V> {
    young: Generation<V>,
    old: Generation<V>,
    leaving: Leaving<V>,
    since: SystemTime,
    half: usize,
}

type Generation<V> = HashMap<Box<[u8]>, V, TailHash>;
type Leaving<V> = hash_map::IntoIter<Box<[u8]>, V>;

const LENGTH: Duration = Duration::from_secs(60);

/// What was let go: to be dropped once no lock is held.
#[must_use = "dropping it takes a while"]
pub(super) struct Evicted<V> {
    _two: [Option<<Leaving<V> as Iterator>::Item>; 2],
    _rest: Option<Leaving<V>>,
    _replaced: Option<V>,
}

impl<V> Generations<V> {
    pub(super) fn new(capacity: usize, hash: &TailHash) -> Self {
        let none = || HashMap::with_hasher(hash.clone());
        Self {
            young: none(),
            old: none(),
            leaving: none().into_iter(),
            since: SystemTime::UNIX_EPOCH,
            half: capacity.div_ceil(2),
        }
    }

    pub(super) fn find(&self, token: &[u8]) -> Option<&V> {
        self.young.get(token).or_else(|| self.old.get(token))
    }

    pub(super) fn insert(&mut self, token: Box<[u8]>, value: V, now: SystemTime) -> Evicted<V> {
        let evicted = self.step(now);
        Evicted { _replaced: self.young.insert(token, value), ..evicted }
    }

    /// One step on; for those, too, that nobody inserts into any longer.
    pub(super) fn step(&mut self, now: SystemTime) -> Evicted<V> {
        let is_over = elapsed(self.since, now) >= LENGTH;
        let rest = (is_over || self.young.len() >= self.half).then(|| self.turn(now));
        Evicted { _two: [self.leaving.next(), self.leaving.next()], _rest: rest, _replaced: None }
    }

    fn turn(&mut self, now: SystemTime) -> Leaving<V> {
        self.since = now;
        let like_this =
            HashMap::with_capacity_and_hasher(self.young.len(), self.young.hasher().clone());
        let old = mem::replace(&mut self.young, like_this);
        let leaving = mem::replace(&mut self.old, old);
        mem::replace(&mut self.leaving, leaving.into_iter())
    }

    #[cfg(test)]
    fn held(&self) -> usize {
        self.young.len() + self.old.len() + self.leaving.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
    }

    fn generations(capacity: usize) -> Generations<usize> {
        Generations::new(capacity, &TailHash::new())
    }

    fn insert(generations: &mut Generations<usize>, number: usize, now: SystemTime) {
        drop(generations.insert(token(number), number, now));
    }

    fn token(number: usize) -> Box<[u8]> {
        format!("header.payload{number}.the same signature").into_bytes().into()
    }

    fn found(generations: &Generations<usize>, number: usize) -> Option<usize> {
        generations.find(&token(number)).copied()
    }

    #[test]
    fn tokens_with_the_same_tail_are_different_tokens() {
        let mut tokens = generations(100);
        insert(&mut tokens, 1, at(0));
        insert(&mut tokens, 2, at(0));
        assert_eq!(
            (found(&tokens, 1), found(&tokens, 2), found(&tokens, 3)),
            (Some(1), Some(2), None)
        );
    }

    #[test]
    fn a_token_is_kept_for_a_minute_and_not_for_long() {
        let mut tokens = generations(100);
        insert(&mut tokens, 1, at(0));
        drop(tokens.step(at(60)));
        assert_eq!(found(&tokens, 1), Some(1));
        drop(tokens.step(at(120)));
        assert_eq!(found(&tokens, 1), None);
    }

    #[test]
    fn a_request_that_was_overtaken_ends_no_generation() {
        let mut tokens = generations(100);
        insert(&mut tokens, 1, at(1000));
        for now in [999, 998, 997, 1000] {
            drop(tokens.step(at(now)));
        }
        assert_eq!(found(&tokens, 1), Some(1));
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nothing_for_longer() {
        let mut tokens = generations(100);
        insert(&mut tokens, 1, at(1000));
        for now in [0, 60] {
            drop(tokens.step(at(now)));
        }
        assert_eq!(found(&tokens, 1), None);
    }

    #[test]
    fn a_token_that_is_verified_anew_takes_the_place_of_its_older_self() {
        let mut tokens = generations(100);
        drop(tokens.insert(token(1), 1, at(0)));
        drop(tokens.step(at(60)));
        drop(tokens.insert(token(1), 2, at(61)));
        assert_eq!(found(&tokens, 1), Some(2));
    }

    #[test]
    fn there_are_never_more_than_fit_and_always_half_as_many() {
        for capacity in [1, 2, 3, 10, 64] {
            let mut tokens = generations(capacity);
            let half = capacity.div_ceil(2);
            for number in 0..1000 {
                insert(&mut tokens, number, at(0));
                assert_eq!(found(&tokens, number), Some(number));
                assert!(tokens.young.len() <= half && tokens.old.len() <= half);
                assert!(tokens.held() <= 2 * half, "{} at {capacity}", tokens.held());
            }
            assert!(number_of_found(&tokens) >= half);
        }
    }

    #[test]
    fn a_generation_leaves_bit_by_bit_and_before_the_next_one() {
        let mut tokens = generations(64);
        for number in 0..64 {
            insert(&mut tokens, number, at(0));
        }
        insert(&mut tokens, 64, at(0));
        assert_eq!(tokens.leaving.len(), 30);
        for number in 65..80 {
            insert(&mut tokens, number, at(0));
        }
        assert_eq!(tokens.leaving.len(), 0);
    }

    #[test]
    fn those_that_nobody_uses_give_their_memory_back() {
        let mut tokens = generations(64);
        for number in 0..64 {
            insert(&mut tokens, number, at(0));
        }
        for minute in 1..5 {
            drop(tokens.step(at(minute * 60)));
        }
        assert_eq!(tokens.held(), 0);
    }

    fn number_of_found(tokens: &Generations<usize>) -> usize {
        (0..1000).filter(|&number| found(tokens, number).is_some()).count()
    }
}
