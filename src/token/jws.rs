//! Compact JWS ([RFC 7515 §7.1]), RS256 only.
//!
//! Nothing of a payload can be read before its signature has been verified: the types have no
//! way to.
//!
//! [RFC 7515 §7.1]: https://www.rfc-editor.org/rfc/rfc7515#section-7.1

use memchr::{memchr, memrchr};

use super::{
    TokenErrorKind, base64url,
    header::JoseHeader,
    key_set::{KeySet, RsaKey},
};
use crate::credential::MAX_TOKEN_LEN;

/// A JWS in good form, of whose signature nothing is known.
pub(super) struct CompactJws<'t> {
    signing_input: &'t [u8],
    signature: Vec<u8>,
    payload: Vec<u8>,
    pub(super) header: JoseHeader,
}

/// A JWS whose signature is right.
#[derive(Debug)]
pub(super) struct VerifiedJws {
    pub(super) payload: Vec<u8>,
    pub(super) header: JoseHeader,
}

impl<'t> CompactJws<'t> {
    pub(super) fn parse(token: &'t [u8]) -> Result<Self, TokenErrorKind> {
        let malformed = TokenErrorKind::Malformed;
        if token.len() > MAX_TOKEN_LEN {
            return Err(TokenErrorKind::TooLong);
        }
        let (Some(first), Some(second)) = (memchr(b'.', token), memrchr(b'.', token)) else {
            return Err(malformed);
        };
        if first == second {
            return Err(malformed);
        }
        let (header, payload) = (&token[..first], &token[first + 1..second]);
        // A dot between these two is no base64url.
        let decode = |part: &[u8]| base64url::decode(part).ok_or(malformed);
        Ok(Self {
            signing_input: &token[..second],
            payload: decode(payload)?,
            signature: decode(&token[second + 1..])?,
            header: JoseHeader::read(header)?,
        })
    }

    pub(super) fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// Verifies the signature with the key that the header names; gives itself back if that is not
    /// by whom it was made.
    pub(super) fn verify(self, keys: &KeySet) -> Result<VerifiedJws, Self> {
        let fits = |key: &RsaKey| key.verifies(self.signing_input, &self.signature);
        if keys.named(self.kid()).any(fits) {
            Ok(VerifiedJws { payload: self.payload, header: self.header })
        } else {
            Err(self)
        }
    }
}

#[cfg(test)]
mod tests;
