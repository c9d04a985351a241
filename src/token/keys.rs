use std::{sync::Arc, time::SystemTime};

use super::{
    FetchKeys, KeysReport, TokenError, TokenErrorKind, key_set::KeySet, pem::rsa_key,
    remote_keys::RemoteKeys,
};
use crate::{Clock, ConfigError, JwkSet, unix_time::UnixTime};

/// Where the keys come from that tokens are verified with.
#[derive(Debug, Clone)]
pub(crate) enum Keys {
    Fixed(Arc<KeySet>),
    Remote(RemoteKeys),
}

impl Keys {
    pub(crate) fn from_jwk_set(set: &JwkSet) -> Result<Self, ConfigError> {
        let set = KeySet::from_jwk_set(set);
        if set.is_empty() {
            return Err(ConfigError::malformed(
                "the JWK Set",
                "one with an RSA key of 2048 bits or more that has a `kid` and is meant for RS256 signatures",
            ));
        }
        Ok(Self::Fixed(Arc::new(set)))
    }

    pub(crate) fn from_pem(pem: &str) -> Result<Self, ConfigError> {
        Ok(Self::Fixed(Arc::new(KeySet::Single(rsa_key(pem)?))))
    }

    pub(crate) fn fetched_with(fetch: Box<dyn FetchKeys>, clock: Clock) -> Self {
        Self::Remote(RemoteKeys::new(fetch, clock))
    }

    /// The keys, if one of them is of that name. `None` means that they must be fetched first.
    pub(super) fn that_verify_now(
        &self,
        kid: Option<&str>,
        now: SystemTime,
    ) -> Option<Result<Arc<KeySet>, TokenError>> {
        match self {
            Self::Fixed(set) => Some(if set.has(kid) {
                Ok(Arc::clone(set))
            } else {
                Err(TokenErrorKind::UnknownKey.into())
            }),
            Self::Remote(keys) => keys.that_verify_now(kid, now),
        }
    }

    pub(super) async fn that_verify(&self, kid: Option<&str>) -> Result<Arc<KeySet>, TokenError> {
        match self {
            Self::Fixed(set) if set.has(kid) => Ok(Arc::clone(set)),
            Self::Fixed(_) => Err(TokenErrorKind::UnknownKey.into()),
            Self::Remote(keys) => keys.that_verify(kid).await,
        }
    }

    /// Whether a signature that is bad by these keys may be good by others, for which to wait.
    pub(super) fn may_be_outdated(&self, used: &Arc<KeySet>, now: SystemTime) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Remote(keys) => keys.may_be_outdated(used, now),
        }
    }

    /// Other keys than these, if there are any by now.
    pub(super) async fn newer_than(&self, used: &Arc<KeySet>) -> Option<Arc<KeySet>> {
        match self {
            Self::Fixed(_) => None,
            Self::Remote(keys) => keys.newer_than(used).await,
        }
    }

    /// Whether what these keys verified is verified still.
    pub(super) fn are(&self, keys: &Arc<KeySet>, now: UnixTime) -> bool {
        match self {
            Self::Fixed(_) => true,
            Self::Remote(remote) => remote.are(keys, now),
        }
    }

    /// Fetches keys, unless there are some.
    pub(crate) async fn warm_up(&self) -> Result<(), TokenError> {
        match self {
            Self::Fixed(_) => Ok(()),
            Self::Remote(keys) => keys.warm_up().await,
        }
    }

    /// How things stand with the keys, for a health endpoint.
    pub(crate) fn report(&self) -> KeysReport {
        match self {
            Self::Fixed(_) => KeysReport { usable: true, age: None, last_error: None },
            Self::Remote(keys) => keys.report(),
        }
    }
}
