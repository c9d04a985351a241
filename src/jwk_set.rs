//! JSON Web Key Sets, as data.

use serde::{Deserialize, Serialize};

/// A set of public keys as Clerk publishes it (JWK Set, [RFC 7517 §5]).
///
/// Reading one checks its JSON only; whether a key is usable is decided where it is used.
///
/// [RFC 7517 §5]: https://www.rfc-editor.org/rfc/rfc7517#section-5
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JwkSet {
    /// The keys, in the order given.
    pub keys: Vec<Jwk>,
}

/// One key of a [`JwkSet`]: the members that an RSA verification key needs ([RFC 7518 §6.3.1]).
///
/// [RFC 7518 §6.3.1]: https://www.rfc-editor.org/rfc/rfc7518#section-6.3.1
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Jwk {
    /// Key type: `RSA` for every key that is used here.
    pub kty: String,
    /// Key ID: at Clerk the instance's, `ins_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// Algorithm: `RS256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// Public key use: `sig`.
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub public_key_use: Option<String>,
    /// Key operations: `verify`, where they are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
    /// Modulus, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// Exponent, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
}
