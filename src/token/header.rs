//! The JOSE header of a token ([RFC 7515 §4]).
//!
//! [RFC 7515 §4]: https://www.rfc-editor.org/rfc/rfc7515#section-4

use std::fmt;

use memchr::memchr;
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{TokenErrorKind, base64url};
use crate::claims::{NAMED_TWICE, NumericDate, Text, refuse_duplicates};

/// What the header of a token signed with RS256 says.
#[derive(Debug)]
pub(super) struct JoseHeader {
    pub(super) kid: Option<Box<str>>,
    pub(super) class: Class,
    /// When Clerk assembled the claims from its database (`oiat`), if it says so: a renewal copies
    /// it. Nobody is turned away for it.
    pub(super) assembled_at: Option<NumericDate>,
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

/// The longest header that is looked at, in base64url. Clerk's have about 120 characters; it is read
/// before the signature, at the expense of whoever is flooded with forged ones.
const MAX_LEN: usize = 1024;

impl JoseHeader {
    pub(super) fn read(encoded: &[u8]) -> Result<Self, TokenErrorKind> {
        let malformed = TokenErrorKind::Malformed;
        if encoded.len() > MAX_LEN {
            return Err(TokenErrorKind::TooLong);
        }
        let json = base64url::decode(encoded).ok_or(malformed)?;
        let members: Members<'_> = serde_json::from_slice(&json).map_err(|_| malformed)?;
        let typed_by = members.check_type()?;
        members.check_algorithm()?;
        Ok(Self {
            class: typed_by.unwrap_or_else(|| members.category()),
            assembled_at: members.oiat.and_then(|number| NumericDate::parse(number.get())),
            kid: members.kid.map(|kid| kid.to_box()),
        })
    }
}

/// The members of a JOSE header that matter here. `jku`, `x5u` and `jwk` are not among them: a
/// token does not choose the key that it is verified with.
#[derive(Default)]
struct Members<'a> {
    typ: Option<Member<'a>>,
    alg: Option<Member<'a>>,
    cat: Option<Member<'a>>,
    kid: Option<Text<'a>>,
    oiat: Option<&'a RawValue>,
    crit: Option<IgnoredAny>,
    /// Clerk's own, of no meaning here.
    m: Option<IgnoredAny>,
}

impl Members<'_> {
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

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JOSE header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        let mut others = Vec::new();
        while let Some(name) = map.next_key::<Text<'de>>()? {
            match &*name {
                "typ" => read_once(&mut map, &mut members.typ)?,
                "alg" => read_once(&mut map, &mut members.alg)?,
                "cat" => read_once(&mut map, &mut members.cat)?,
                "kid" => read_once(&mut map, &mut members.kid)?,
                "oiat" => read_once(&mut map, &mut members.oiat)?,
                "crit" => read_once(&mut map, &mut members.crit)?,
                "m" => read_once(&mut map, &mut members.m)?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    others.push(name);
                }
            }
        }
        refuse_duplicates(&mut others)?;
        Ok(members)
    }
}

fn read_once<'de, T, A>(map: &mut A, slot: &mut Option<T>) -> Result<(), A::Error>
where
    T: Deserialize<'de>,
    A: MapAccess<'de>,
{
    if slot.replace(map.next_value()?).is_some() {
        return Err(de::Error::custom(NAMED_TWICE));
    }
    Ok(())
}

/// A member whose JSON type is judged later than the header's form.
enum Member<'a> {
    Text(Text<'a>),
    NotText,
}

impl<'de> Deserialize<'de> for Member<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            None => Ok(Self::NotText),
            Some(text) if memchr(b'\\', text.as_bytes()).is_none() => Ok(Self::Text(text.into())),
            Some(_) => serde_json::from_str(raw).map(Self::Text).map_err(de::Error::custom),
        }
    }
}
