//! The instance's signing keys, and the compact JWS that they sign and check ([RFC 7515 §7.1]).
//!
//! [RFC 7515 §7.1]: https://www.rfc-editor.org/rfc/rfc7515#section-7.1

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Map, Value};

use crate::jwk_set::{Jwk, JwkSet};

/// An RSA key of 2048 bits, and the name it goes by.
#[derive(Debug)]
pub(super) struct SigningKey {
    kid: String,
    pair: KeyPair,
}

impl SigningKey {
    /// A new key. This takes about a tenth of a second.
    ///
    /// # Panics
    ///
    /// Panics when the system has no memory or no randomness left.
    pub(super) fn generate(kid: String) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("the system can make a key");
        Self { kid, pair }
    }

    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// The compact JWS of the claims, signed with RSASSA-PKCS1-v1_5 and SHA-256, whatever the header says.
    pub(super) fn sign(&self, header: &Map<String, Value>, claims: &Map<String, Value>) -> String {
        let mut token = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
            .expect("the buffer has the length of the modulus");
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }

    /// The public key as PEM (SPKI), as Clerk's dashboard shows it.
    pub(super) fn pem(&self) -> String {
        let der: PublicKeyX509Der<'_> =
            self.pair.public_key().as_der().expect("an RSA public key can be encoded");
        let base64 = STANDARD.encode(der.as_ref());
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        let mut rest = base64.as_str();
        while !rest.is_empty() {
            let (line, tail) = rest.split_at(rest.len().min(64));
            pem.push_str(line);
            pem.push('\n');
            rest = tail;
        }
        pem.push_str("-----END PUBLIC KEY-----\n");
        pem
    }

    fn jwk(&self) -> Jwk {
        let public = self.pair.public_key();
        Jwk {
            kty: "RSA".to_owned(),
            kid: Some(self.kid.clone()),
            alg: Some("RS256".to_owned()),
            public_key_use: Some("sig".to_owned()),
            key_ops: None,
            n: Some(URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero())),
            e: Some(URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero())),
        }
    }

    fn has_signed(&self, message: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public_key())
            .verify(message.as_bytes(), signature)
            .is_ok()
    }
}

/// The key that signs, and the older ones that are still published.
#[derive(Debug)]
pub(super) struct KeyRing {
    current: SigningKey,
    retired: Vec<SigningKey>,
}

impl KeyRing {
    pub(super) fn new(current: SigningKey) -> Self {
        Self { current, retired: Vec::new() }
    }

    pub(super) fn current(&self) -> &SigningKey {
        &self.current
    }

    /// Signs with this key from now on, in place of the one before, which is not published any more.
    pub(super) fn replace(&mut self, next: SigningKey) {
        self.current = next;
    }

    /// Signs with this key from now on. The one before stays published.
    pub(super) fn rotate(&mut self, next: SigningKey) {
        self.retired.insert(0, std::mem::replace(&mut self.current, next));
    }

    /// Publishes the signing key only.
    pub(super) fn withdraw_retired(&mut self) {
        self.retired.clear();
    }

    pub(super) fn jwk_set(&self) -> JwkSet {
        JwkSet { keys: self.published().map(SigningKey::jwk).collect() }
    }

    /// A token that a published key has signed.
    pub(super) fn read(&self, token: &str) -> Option<SignedToken> {
        let (message, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.published().find(|key| key.has_signed(message, &signature))?;
        let (header, claims) = message.split_once('.')?;
        Some(SignedToken { header: decode(header)?, claims: decode(claims)? })
    }

    fn published(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.current).chain(&self.retired)
    }
}

/// What a compact JWS says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignedToken {
    pub(super) header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
}

fn decode(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// A part of a compact JWS.
pub(super) fn encode(object: &Map<String, Value>) -> String {
    let text = serde_json::to_string(object).expect("a map of JSON values is JSON");
    URL_SAFE_NO_PAD.encode(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Map<String, Value> {
        Map::from_iter([("sid".to_owned(), Value::from("sess_1"))])
    }

    #[test]
    fn a_token_is_read_as_long_as_its_key_is_published() {
        let mut ring = KeyRing::new(SigningKey::generate("ins_1".to_owned()));
        let token = ring.current().sign(&Map::new(), &claims());
        assert_eq!(ring.read(&token).unwrap().claims, claims());

        ring.rotate(SigningKey::generate("ins_2".to_owned()));
        assert_eq!(ring.read(&token).unwrap().claims, claims());
        assert_eq!(ring.jwk_set().keys.len(), 2);

        ring.withdraw_retired();
        assert_eq!(ring.read(&token), None);
        assert_eq!(ring.jwk_set().keys[0].kid.as_deref(), Some("ins_2"));
    }

    #[test]
    fn what_was_changed_after_signing_is_not_read() {
        let ring = KeyRing::new(SigningKey::generate("ins_1".to_owned()));
        let token = ring.current().sign(&Map::new(), &claims());
        let [header, _, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
        let forged = format!("{header}.{}.{signature}", encode(&Map::new()));
        for bad in [forged.as_str(), "", ".", "..", "a.b.c", header] {
            assert_eq!(ring.read(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_pem_has_lines_of_64_characters() {
        let pem = SigningKey::generate("ins_1".to_owned()).pem();
        assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0B"));
        assert!(pem.lines().all(|line| line.len() <= 64));
    }
}
