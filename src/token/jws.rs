//! Compact JWS ([RFC 7515 §7.1]), RS256 only.
//!
//! Nothing of a payload can be read before its signature has been verified: the types have no
//! way to.
//!
//! [RFC 7515 §7.1]: https://www.rfc-editor.org/rfc/rfc7515#section-7.1

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
};

use super::{
    TokenErrorKind,
    key_set::{KeySet, RsaKey},
};
use crate::claims::{Text, refuse_duplicates};

/// The longest token that is looked at.
const MAX_LEN: usize = 8 * 1024;

/// A JWS in good form, of whose signature nothing is known.
pub(super) struct CompactJws<'t> {
    signing_input: &'t [u8],
    signature: Vec<u8>,
    payload: Vec<u8>,
    kid: Option<Box<str>>,
    class: Class,
}

/// A JWS whose signature is right.
#[derive(Debug)]
pub(super) struct VerifiedJws {
    pub(super) payload: Vec<u8>,
    pub(super) class: Class,
}

/// What a header says that its token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Session,
    Template,
    /// A machine's token, or of a category that we do not know.
    Other,
    Unstated,
}

impl<'t> CompactJws<'t> {
    pub(super) fn parse(token: &'t [u8]) -> Result<Self, TokenErrorKind> {
        let malformed = TokenErrorKind::Malformed;
        if token.len() > MAX_LEN {
            return Err(malformed);
        }
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed);
        };
        let decode = |part: &[u8]| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed);
        let signing_input = &token[..header.len() + 1 + payload.len()];
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| malformed)?;
        let typed_by = header.check_type()?;
        header.check_algorithm()?;
        Ok(Self {
            signing_input,
            signature,
            payload,
            class: typed_by.unwrap_or_else(|| header.category()),
            kid: header.kid.map(|kid| kid.to_box()),
        })
    }

    pub(super) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Verifies the signature with the key that the header names.
    pub(super) fn verify(self, keys: &KeySet) -> Result<VerifiedJws, TokenErrorKind> {
        let fits = |key: &RsaKey| key.verifies(self.signing_input, &self.signature);
        if keys.named(self.kid()).any(fits) {
            Ok(VerifiedJws { payload: self.payload, class: self.class })
        } else {
            Err(TokenErrorKind::Signature)
        }
    }
}

/// The members of a JOSE header that matter here. `jku`, `x5u` and `jwk` are not among them: a
/// token does not choose the key that it is verified with.
#[derive(Default)]
struct Header<'a> {
    typ: Option<Member<'a>>,
    alg: Option<Member<'a>>,
    cat: Option<Member<'a>>,
    kid: Option<Text<'a>>,
    crit: Option<IgnoredAny>,
}

impl Header<'_> {
    /// Takes what calls itself an access token ([RFC 9068]) for good form too, so that it is
    /// refused as what it is.
    ///
    /// [RFC 9068]: https://www.rfc-editor.org/rfc/rfc9068#section-2.1
    fn check_type(&self) -> Result<Option<Class>, TokenErrorKind> {
        match &self.typ {
            None => Ok(None),
            Some(Member::Text(typ)) if **typ == *"JWT" => Ok(None),
            Some(Member::Text(typ)) if matches!(&**typ, "at+jwt" | "application/at+jwt") => {
                Ok(Some(Class::Other))
            }
            Some(_) => Err(TokenErrorKind::Malformed),
        }
    }

    fn check_algorithm(&self) -> Result<(), TokenErrorKind> {
        match &self.alg {
            Some(Member::Text(alg)) if **alg == *"RS256" && self.crit.is_none() => Ok(()),
            _ => Err(TokenErrorKind::Algorithm),
        }
    }

    fn category(&self) -> Class {
        match &self.cat {
            None => Class::Unstated,
            Some(Member::Text(cat)) => match &**cat {
                "cl_B7d4PD111AAA" => Class::Session,
                "cl_B7d4PD222AAA" => Class::Template,
                "cl_I7d4PD111III" => Class::Unstated,
                _ => Class::Other,
            },
            Some(Member::NotText) => Class::Other,
        }
    }
}

impl<'de> Deserialize<'de> for Header<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JOSE header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header<'de>, A::Error> {
        let mut header = Header::default();
        let mut names = Vec::new();
        while let Some(name) = map.next_key::<Text<'de>>()? {
            match &*name {
                "typ" => header.typ = Some(map.next_value()?),
                "alg" => header.alg = Some(map.next_value()?),
                "cat" => header.cat = Some(map.next_value()?),
                "kid" => header.kid = Some(map.next_value()?),
                "crit" => header.crit = Some(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
            names.push(name);
        }
        refuse_duplicates(&mut names)?;
        Ok(header)
    }
}

/// A member whose JSON type is judged later than the header's form.
enum Member<'a> {
    Text(Text<'a>),
    NotText,
}

impl<'de> Deserialize<'de> for Member<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&serde_json::value::RawValue>::deserialize(deserializer)?;
        if !raw.get().starts_with('"') {
            return Ok(Self::NotText);
        }
        serde_json::from_str(raw.get()).map(Self::Text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
