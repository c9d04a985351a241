use http::request::Parts;

use super::{CredentialError, ExtractCredential};
use crate::Credential;

/// Looks in `A`, and in `B` only where `A` found nothing at all, not even [somebody else's](ExtractCredential::is_somebody_elses).
#[derive(Debug, Clone)]
pub struct Or<A, B> {
    first: A,
    second: B,
}

impl<A, B> Or<A, B> {
    /// `first`, or else `second`.
    #[must_use]
    pub fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<A: ExtractCredential, B: ExtractCredential> ExtractCredential for Or<A, B> {
    fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Credential<'a>>, CredentialError> {
        match self.first.extract(parts)? {
            Some(credential) => Ok(Some(credential)),
            None if self.first.is_somebody_elses(parts) => Ok(None),
            None => self.second.extract(parts),
        }
    }

    fn is_somebody_elses(&self, parts: &Parts) -> bool {
        self.first.is_somebody_elses(parts) || self.second.is_somebody_elses(parts)
    }

    fn yields_session_ids(&self) -> bool {
        self.first.yields_session_ids() || self.second.yields_session_ids()
    }
}
