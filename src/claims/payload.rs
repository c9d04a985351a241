//! A token's payload, read in one pass.
//!
//! `null` is absent, as Clerk renders what has no value. A claim that decides and is of the wrong JSON type is refused,
//! asked for or not, and never skipped. Any other that cannot be read turns nobody away, and grants nothing: it reads as
//! absent, but for an actor, who is there all the same, and an audience, which is then nobody's. In a template's token the
//! names that Clerk reserves in session tokens only are the author's own, and read as absent where they hold something else.

use std::{cell::Cell, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    Category, Entitlement, FactorAges, InvalidClaims, NumericDate, Organization,
    actor::ActClaim,
    member::{OneOrMany, Text, refuse_duplicates},
    organization::{OrganizationV1, OrganizationV2},
};
use crate::{Actor, OrganizationId, SessionId, UserId, json_object::JsonObject};

/// What every machine's subject starts with.
const MACHINE: &str = "mch_";

#[derive(Default)]
pub(super) struct Payload<'a> {
    iss: Claim<Text<'a>>,
    sub: Claim<Text<'a>>,
    aud: Claim<OneOrMany>,
    azp: Claim<Text<'a>>,
    jti: Claim<Text<'a>>,
    exp: Claim<NumericDate>,
    nbf: Claim<NumericDate>,
    iat: Claim<NumericDate>,
    sid: Claim<Text<'a>>,
    sts: Claim<Text<'a>>,
    fva: Claim<FactorAges>,
    act: Claim<ActClaim<'a>>,
    org_id: Claim<OrganizationId>,
    org_slug: Claim<Text<'a>>,
    org_role: Claim<Text<'a>>,
    org_permissions: Claim<Vec<Text<'a>>>,
    version_2: Option<Version2<'a>>,
}

/// The claims by which a session token is admitted or not.
const DECIDE: [&str; 8] = ["iss", "sub", "sid", "azp", "exp", "nbf", "iat", "sts"];

/// What may be of any form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leniency {
    None,
    WhatDoesNotDecide,
    /// That, and the names that Clerk reserves in session tokens.
    Template,
}

/// The claims that mean something only where `v` is the number 2.
#[derive(Default)]
struct Version2<'a> {
    o: Option<JsonObject<OrganizationV2<'a>>>,
    fea: Option<Text<'a>>,
    pla: Option<Text<'a>>,
}

/// A claim, which is there or not. One that is `null` was named all the same, and may not be again.
struct Claim<T> {
    named: bool,
    value: Option<T>,
}

impl<T> Default for Claim<T> {
    fn default() -> Self {
        Self { named: false, value: None }
    }
}

impl<'a> Payload<'a> {
    pub(super) fn read(json: &'a str, category: Category) -> Result<Self, InvalidClaims> {
        let whole = |leniency| Self::read_whole(json, leniency);
        match category {
            Category::Template => whole(Leniency::Template),
            // Nearly always all of it can be read.
            Category::Session | Category::Unstated => match whole(Leniency::None) {
                Err(InvalidClaims::Claim(name)) if !DECIDE.contains(&name) => {
                    whole(Leniency::WhatDoesNotDecide)
                }
                read => read,
            },
        }
    }

    fn read_whole(json: &'a str, leniency: Leniency) -> Result<Self, InvalidClaims> {
        let reading = Cell::new(None);
        let mut deserializer = serde_json::Deserializer::from_str(json);
        deserializer
            .deserialize_map(PayloadVisitor { reading: &reading, leniency })
            .and_then(|payload| deserializer.end().map(|()| payload))
            .map_err(|error| match reading.get() {
                Some(claim) if error.is_data() => InvalidClaims::Claim(claim),
                _ => InvalidClaims::Malformed,
            })
    }

    pub(super) fn user_id(&self) -> Result<UserId, InvalidClaims> {
        let sub = self.sub.value.as_deref().ok_or(InvalidClaims::Claim("sub"))?;
        if sub.starts_with(MACHINE) {
            return Err(InvalidClaims::Machine);
        }
        sub.parse().map_err(|_| InvalidClaims::Claim("sub"))
    }

    /// In a template's token it is the author's own, and need not be one.
    pub(super) fn session_id(
        &self,
        category: Category,
    ) -> Result<Option<SessionId>, InvalidClaims> {
        match self.sid.value.as_deref().map(str::parse).transpose() {
            Err(_) if category == Category::Template => Ok(None),
            sid => sid.map_err(|_| InvalidClaims::Claim("sid")),
        }
    }

    pub(super) fn issuer(&self) -> Result<&Text<'a>, InvalidClaims> {
        self.iss.value.as_ref().ok_or(InvalidClaims::Claim("iss"))
    }

    pub(super) fn audience(&mut self) -> Option<Box<[Box<str>]>> {
        self.aud.value.take().map(|aud| aud.0)
    }

    pub(super) fn authorized_party(&self) -> Option<&Text<'a>> {
        self.azp.value.as_ref()
    }

    pub(super) fn token_id(&self) -> Option<&Text<'a>> {
        self.jti.value.as_ref()
    }

    pub(super) fn expires_at(&self) -> Result<NumericDate, InvalidClaims> {
        self.exp.value.ok_or(InvalidClaims::Claim("exp"))
    }

    pub(super) fn not_before(&self) -> Option<NumericDate> {
        self.nbf.value
    }

    pub(super) fn issued_at(&self) -> Option<NumericDate> {
        self.iat.value
    }

    pub(super) fn factor_ages(&self) -> Option<FactorAges> {
        self.fva.value
    }

    pub(super) fn is_pending(&self) -> bool {
        self.sts.value.as_deref() == Some("pending")
    }

    pub(super) fn organization(self) -> Option<Organization> {
        let Some(claims) = self.version_2 else {
            return Some(Organization::from_v1(OrganizationV1 {
                id: self.org_id.value?,
                slug: self.org_slug.value,
                role: self.org_role.value,
                permissions: self.org_permissions.value.unwrap_or_default(),
            }));
        };
        Some(Organization::from_v2(claims.o?.0, claims.fea.as_deref().unwrap_or_default()))
    }

    pub(super) fn actor(self) -> Option<Actor> {
        self.act.value.map(|act| act.read())
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
    leniency: Leniency,
}

impl<'de> Visitor<'de> for PayloadVisitor<'_> {
    type Value = Payload<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Payload<'de>, A::Error> {
        let mut members = Members { map, reading: self.reading, leniency: self.leniency };
        let mut claims = Payload::default();
        let (mut v, mut o, mut fea, mut pla) = Default::default();
        let mut others = Vec::new();
        while let Some(name) = members.next_name()? {
            match &*name {
                "iss" => members.read("iss", &mut claims.iss)?,
                "sub" => members.read("sub", &mut claims.sub)?,
                "aud" => members.read_audience(&mut claims.aud)?,
                "azp" => members.read("azp", &mut claims.azp)?,
                "jti" => members.read_ornament("jti", &mut claims.jti)?,
                "exp" => members.read("exp", &mut claims.exp)?,
                "nbf" => members.read("nbf", &mut claims.nbf)?,
                "iat" => members.read("iat", &mut claims.iat)?,
                "sid" => members.read_of_session("sid", &mut claims.sid)?,
                "sts" => members.read_of_session("sts", &mut claims.sts)?,
                "fva" => members.read_ornament("fva", &mut claims.fva)?,
                "act" => members.read_actor(&mut claims.act)?,
                "org_id" => members.read_ornament("org_id", &mut claims.org_id)?,
                "org_slug" => members.read_ornament("org_slug", &mut claims.org_slug)?,
                "org_role" => members.read_ornament("org_role", &mut claims.org_role)?,
                "org_permissions" => {
                    members.read_ornament("org_permissions", &mut claims.org_permissions)?;
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
        if v.value.is_some_and(|v: &RawValue| v.get() == "2") {
            claims.version_2 = Some(Version2 {
                o: members.reread("o", o.value)?,
                fea: members.reread("fea", fea.value)?,
                pla: members.reread("pla", pla.value)?,
            });
        }
        Ok(claims)
    }
}

struct Members<'f, A> {
    map: A,
    reading: &'f Cell<Option<&'static str>>,
    leniency: Leniency,
}

impl<'de, A: MapAccess<'de>> Members<'_, A> {
    fn next_name(&mut self) -> Result<Option<Text<'de>>, A::Error> {
        self.reading.set(None);
        self.map.next_key()
    }

    fn read<T: Deserialize<'de>>(
        &mut self,
        name: &'static str,
        claim: &mut Claim<T>,
    ) -> Result<(), A::Error> {
        if claim.named {
            return Err(A::Error::duplicate_field(name));
        }
        self.reading.set(Some(name));
        *claim = Claim { named: true, value: self.map.next_value()? };
        Ok(())
    }

    /// Reads a claim that decides, whose name is reserved in session tokens only.
    fn read_of_session<T: Deserialize<'de>>(
        &mut self,
        name: &'static str,
        claim: &mut Claim<T>,
    ) -> Result<(), A::Error> {
        if self.leniency == Leniency::Template {
            self.read_leniently(name, claim, |_| None)
        } else {
            self.read(name, claim)
        }
    }

    /// Reads a claim that does not decide.
    fn read_ornament<T: Deserialize<'de>>(
        &mut self,
        name: &'static str,
        claim: &mut Claim<T>,
    ) -> Result<(), A::Error> {
        self.read_or(name, claim, |_| None)
    }

    /// Whoever the token is meant for, it says that it is not for everybody.
    fn read_audience(&mut self, claim: &mut Claim<OneOrMany>) -> Result<(), A::Error> {
        self.read_or("aud", claim, |_| Some(OneOrMany::default()))
    }

    /// Somebody acts, also where it cannot be read who.
    fn read_actor(&mut self, claim: &mut Claim<ActClaim<'de>>) -> Result<(), A::Error> {
        let is_template = self.leniency == Leniency::Template;
        self.read_or("act", claim, |raw| (!is_template).then_some(ActClaim::unreadable(raw)))
    }

    /// Reads a claim, or takes it for something else where it may be of any form.
    fn read_or<T: Deserialize<'de>>(
        &mut self,
        name: &'static str,
        claim: &mut Claim<T>,
        otherwise: impl FnOnce(&'de RawValue) -> Option<T>,
    ) -> Result<(), A::Error> {
        if self.leniency == Leniency::None {
            self.read(name, claim)
        } else {
            self.read_leniently(name, claim, otherwise)
        }
    }

    fn read_leniently<T: Deserialize<'de>>(
        &mut self,
        name: &'static str,
        claim: &mut Claim<T>,
        otherwise: impl FnOnce(&'de RawValue) -> Option<T>,
    ) -> Result<(), A::Error> {
        let mut raw = Claim::<&RawValue> { named: claim.named, value: None };
        self.read(name, &mut raw)?;
        let value = raw
            .value
            .and_then(|raw| serde_json::from_str(raw.get()).map_or_else(|_| otherwise(raw), Some));
        *claim = Claim { named: true, value };
        Ok(())
    }

    /// Reads what means something in this version only, and decides nothing.
    fn reread<T: Deserialize<'de>>(
        &self,
        name: &'static str,
        raw: Option<&'de RawValue>,
    ) -> Result<Option<T>, A::Error> {
        self.reading.set(Some(name));
        match raw.map(|raw| serde_json::from_str(raw.get())).transpose() {
            Err(_) if self.leniency != Leniency::None => Ok(None),
            read => read.map_err(A::Error::custom),
        }
    }
}
