//! Fetching the keys that tokens are signed with.

use http::Method;

use super::{Error, SessionsClient, answer::Answer, operation::Operation};
use crate::jwk_set::JwkSet;

/// An instance has one or two; a set with many more is not Clerk's.
const MAX_KEYS: usize = 32;

impl SessionsClient {
    /// The public keys that the instance's tokens are signed with. Asks once, whatever the
    /// [quota](super::Quota).
    ///
    /// # Errors
    ///
    /// [`is_unauthorized`](Error::is_unauthorized) when the secret key is wrong.
    pub async fn jwks(&self) -> Result<JwkSet, Error> {
        let call = self.upstream.call(Operation::Jwks, Method::GET, ["jwks"]);
        read(&self.upstream.send(&call).await?)
    }
}

pub(super) fn read(answer: &Answer) -> Result<JwkSet, Error> {
    let set: JwkSet = answer.json()?;
    if set.keys.len() > MAX_KEYS {
        return Err(answer.invalid("there are too many keys"));
    }
    Ok(set)
}
