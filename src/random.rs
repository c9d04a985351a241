use std::hash::{BuildHasher, Hasher, RandomState};

/// The standard library's only source of randomness. No secret is made of it.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
