//! A token's payload, read in one pass.
//!
//! The JSON type of every claim that Clerk defines is checked here, asked for or not: a claim
//! of the wrong type is refused, never skipped.

use std::{cell::Cell, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    Actor, Entitlement, FactorAges, InvalidClaims, NumericDate, Organization,
    member::{OneOrMany, Text, refuse_duplicates},
    organization::{OrganizationV1, OrganizationV2},
};
use crate::{OrganizationId, SessionId, UserId, json_object::JsonObject};

/// What every machine's subject starts with.
const MACHINE: &str = "mch_";

#[derive(Default)]
pub(super) struct Payload<'a> {
    iss: Option<Text<'a>>,
    sub: Option<Text<'a>>,
    sid: Option<Text<'a>>,
    sts: Option<Text<'a>>,
    aud: Option<OneOrMany>,
    pub(super) azp: Option<Text<'a>>,
    pub(super) jti: Option<Text<'a>>,
    pub(super) exp: Option<NumericDate>,
    pub(super) nbf: Option<NumericDate>,
    pub(super) iat: Option<NumericDate>,
    pub(super) fva: Option<FactorAges>,
    act: Option<JsonObject<Actor>>,
    org_id: Option<OrganizationId>,
    org_slug: Option<Text<'a>>,
    org_role: Option<Text<'a>>,
    org_permissions: Option<Vec<Text<'a>>>,
    version_2: Option<Version2<'a>>,
}

/// The claims that mean something only where `v` is the number 2.
#[derive(Default)]
struct Version2<'a> {
    o: Option<JsonObject<OrganizationV2<'a>>>,
    fea: Option<Text<'a>>,
    pla: Option<Text<'a>>,
}

impl<'a> Payload<'a> {
    pub(super) fn read(json: &'a str) -> Result<Self, InvalidClaims> {
        let reading = Cell::new(None);
        let mut deserializer = serde_json::Deserializer::from_str(json);
        deserializer
            .deserialize_map(PayloadVisitor { reading: &reading })
            .and_then(|payload| deserializer.end().map(|()| payload))
            .map_err(|error| match reading.get() {
                Some(claim) if error.is_data() => InvalidClaims::Claim(claim),
                _ => InvalidClaims::Malformed,
            })
    }

    pub(super) fn user_id(&self) -> Result<UserId, InvalidClaims> {
        let sub = self.sub.as_deref().ok_or(InvalidClaims::Claim("sub"))?;
        if sub.starts_with(MACHINE) {
            return Err(InvalidClaims::Machine);
        }
        sub.parse().map_err(|_| InvalidClaims::Claim("sub"))
    }

    pub(super) fn session_id(&self) -> Result<Option<SessionId>, InvalidClaims> {
        let sid = self.sid.as_deref().map(str::parse).transpose();
        sid.map_err(|_| InvalidClaims::Claim("sid"))
    }

    pub(super) fn issuer(&self) -> Result<&Text<'a>, InvalidClaims> {
        self.iss.as_ref().ok_or(InvalidClaims::Claim("iss"))
    }

    pub(super) fn audience(&mut self) -> Option<Box<[Box<str>]>> {
        self.aud.take().map(|aud| aud.0)
    }

    pub(super) fn is_pending(&self) -> bool {
        self.sts.as_deref() == Some("pending")
    }

    pub(super) fn organization(self) -> Option<Organization> {
        let Some(claims) = self.version_2 else {
            return Some(Organization::from_v1(OrganizationV1 {
                id: self.org_id?,
                slug: self.org_slug,
                role: self.org_role,
                permissions: self.org_permissions.unwrap_or_default(),
            }));
        };
        Some(Organization::from_v2(claims.o?.0, claims.fea.as_deref().unwrap_or_default()))
    }

    pub(super) fn actor(self) -> Option<Actor> {
        self.act.map(|act| act.0)
    }

    pub(super) fn features(&self) -> Vec<Entitlement> {
        Entitlement::list(self.version_2.as_ref().and_then(|claims| claims.fea.as_deref()))
    }

    pub(super) fn plans(&self) -> Vec<Entitlement> {
        Entitlement::list(self.version_2.as_ref().and_then(|claims| claims.pla.as_deref()))
    }
}

/// Reads the members, and leaves in `reading` the claim whose value was being read when it
/// failed.
struct PayloadVisitor<'f> {
    reading: &'f Cell<Option<&'static str>>,
}

impl<'de> Visitor<'de> for PayloadVisitor<'_> {
    type Value = Payload<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Payload<'de>, A::Error> {
        let mut members = Members { map, reading: self.reading };
        let mut claims = Payload::default();
        let (mut v, mut o, mut fea, mut pla) = (None, None, None, None);
        let mut others = Vec::new();
        while let Some(name) = members.next_name()? {
            match &*name {
                "iss" => members.read("iss", &mut claims.iss)?,
                "sub" => members.read("sub", &mut claims.sub)?,
                "sid" => members.read("sid", &mut claims.sid)?,
                "sts" => members.read("sts", &mut claims.sts)?,
                "aud" => members.read("aud", &mut claims.aud)?,
                "azp" => members.read("azp", &mut claims.azp)?,
                "jti" => members.read("jti", &mut claims.jti)?,
                "exp" => members.read("exp", &mut claims.exp)?,
                "nbf" => members.read("nbf", &mut claims.nbf)?,
                "iat" => members.read("iat", &mut claims.iat)?,
                "fva" => members.read("fva", &mut claims.fva)?,
                "act" => members.read("act", &mut claims.act)?,
                "org_id" => members.read("org_id", &mut claims.org_id)?,
                "org_slug" => members.read("org_slug", &mut claims.org_slug)?,
                "org_role" => members.read("org_role", &mut claims.org_role)?,
                "org_permissions" => {
                    members.read("org_permissions", &mut claims.org_permissions)?;
                }
                "v" => members.read("v", &mut v)?,
                "o" => members.read("o", &mut o)?,
                "fea" => members.read("fea", &mut fea)?,
                "pla" => members.read("pla", &mut pla)?,
                _ => {
                    members.map.next_value::<IgnoredAny>()?;
                    others.push(name);
                }
            }
        }
        refuse_duplicates(&mut others)?;
        if v.is_some_and(|v: &RawValue| v.get() == "2") {
            claims.version_2 = Some(Version2 {
                o: members.reread("o", o)?,
                fea: members.reread("fea", fea)?,
                pla: members.reread("pla", pla)?,
            });
        }
        Ok(claims)
    }
}

struct Members<'f, A> {
    map: A,
    reading: &'f Cell<Option<&'static str>>,
}

impl<'de, A: MapAccess<'de>> Members<'_, A> {
    fn next_name(&mut self) -> Result<Option<Text<'de>>, A::Error> {
        self.reading.set(None);
        self.map.next_key()
    }

    fn read<T: Deserialize<'de>>(
        &mut self,
        name: &'static str,
        slot: &mut Option<T>,
    ) -> Result<(), A::Error> {
        if slot.is_some() {
            return Err(A::Error::duplicate_field(name));
        }
        self.reading.set(Some(name));
        *slot = Some(self.map.next_value()?);
        Ok(())
    }

    fn reread<T: Deserialize<'de>>(
        &self,
        name: &'static str,
        raw: Option<&'de RawValue>,
    ) -> Result<Option<T>, A::Error> {
        self.reading.set(Some(name));
        raw.map(|raw| serde_json::from_str(raw.get())).transpose().map_err(A::Error::custom)
    }
}
