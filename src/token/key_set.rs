//! Public keys, parsed once.

use aws_lc_rs::{
    digest::{SHA256, digest},
    encoding::AsDer,
    rsa::PublicEncryptingKey,
    signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{Jwk, JwkSet};

/// An RSA key of 2048 bits or more that verifies RS256.
#[derive(Debug)]
pub(crate) struct RsaKey {
    parsed: ParsedPublicKey,
    /// What it was parsed from, by which it is told from others.
    spki: Box<[u8]>,
}

/// The keys that tokens may be signed with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KeySet {
    /// One key, whatever the token calls it.
    Single(RsaKey),
    /// Keys by the name that tokens refer to.
    Named(Vec<(Box<str>, RsaKey)>),
}

impl KeySet {
    /// Takes the usable keys of a JWK Set and passes over the others, as [RFC 7517 §5] asks.
    ///
    /// [RFC 7517 §5]: https://www.rfc-editor.org/rfc/rfc7517#section-5
    pub(super) fn from_jwk_set(set: &JwkSet) -> Self {
        let named = |jwk: &Jwk| Some((Box::from(jwk.kid.as_deref()?), RsaKey::from_jwk(jwk)?));
        Self::Named(set.keys.iter().filter_map(named).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Named(keys) if keys.is_empty())
    }

    pub(super) fn has(&self, kid: Option<&str>) -> bool {
        self.named(kid).next().is_some()
    }

    /// The keys of this name. There may be two of them while a key is being replaced, since
    /// Clerk names keys after the instance.
    pub(super) fn named(&self, kid: Option<&str>) -> impl Iterator<Item = &RsaKey> {
        let (single, named) = match self {
            Self::Single(key) => (Some(key), [].as_slice()),
            Self::Named(keys) => (None, keys.as_slice()),
        };
        let named = named.iter().filter(move |(name, _)| kid == Some(&**name)).map(|(_, key)| key);
        single.into_iter().chain(named)
    }
}

impl RsaKey {
    fn from_jwk(jwk: &Jwk) -> Option<Self> {
        let fits = |member: &Option<String>, value| member.as_deref().is_none_or(|it| it == value);
        let for_verifying =
            jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if jwk.kty != "RSA"
            || !fits(&jwk.alg, "RS256")
            || !fits(&jwk.public_key_use, "sig")
            || !for_verifying
        {
            return None;
        }
        let integer = |member: &Option<String>| URL_SAFE_NO_PAD.decode(member.as_deref()?).ok();
        let (n, e) = (integer(&jwk.n)?, integer(&jwk.e)?);
        Self::new(&RsaPublicKeyComponents { n, e }.try_into().ok()?)
    }

    /// Reads a SubjectPublicKeyInfo in DER, of which there is one form only ([RFC 5280 §4.1]).
    ///
    /// [RFC 5280 §4.1]: https://www.rfc-editor.org/rfc/rfc5280#section-4.1
    pub(super) fn from_spki(der: &[u8]) -> Option<Self> {
        let key = PublicEncryptingKey::from_der(der).ok()?;
        let is_canonical = key.as_der().ok()?.as_ref() == der;
        is_canonical.then(|| Self::new(&key)).flatten()
    }

    /// Relies on `PublicEncryptingKey` for the size, since it exists from 2048 to 8192 bits only,
    /// and on `ParsedPublicKey` to refuse what cannot be a modulus or an exponent.
    fn new(key: &PublicEncryptingKey) -> Option<Self> {
        let spki = Box::from(key.as_der().ok()?.as_ref());
        let parsed = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &*spki).ok()?;
        Some(Self { parsed, spki })
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_digest_sig(&digest(&SHA256, message), signature).is_ok()
    }
}

impl PartialEq for RsaKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for RsaKey {}

#[cfg(test)]
mod tests;
