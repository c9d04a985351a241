//! What Clerk writes into tokens.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use serde_json::{Map, Value, json};

use super::{
    session::{Membership, SessionRecord, millis},
    signer::SignedToken,
};

/// A session token's lifetime, unless something else is asked for.
const LIFETIME: Duration = Duration::from_secs(60);
/// How long before its issue a token is already good.
const NOT_BEFORE: u64 = 10;
/// The category of session tokens.
const SESSION: &str = "cl_B7d4PD111AAA";

/// What a token is to be, beside what its session says.
#[derive(Debug, Clone)]
pub(super) struct TokenPlan {
    pub(super) class: Class,
    pub(super) version: Version,
    pub(super) authorized_party: Option<String>,
    pub(super) issued_at: SystemTime,
    pub(super) assembled: Assembled,
    pub(super) lifetime: Duration,
}

/// When the claims were last read from Clerk's database, as the header tells it (`oiat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assembled {
    /// When the token was issued, as Clerk's origin does it: or when the session was last signed in, since
    /// nothing is assembled afterwards. Told of session tokens only.
    UponIssue,
    At(SystemTime),
    Untold,
}

/// The kind of token, told apart by the header's `cat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Class {
    Session,
    Template,
    Machine,
}

/// The form of a session token's claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

impl TokenPlan {
    /// An ordinary session token, issued now.
    pub(super) fn session(now: SystemTime) -> Self {
        Self {
            class: Class::Session,
            version: Version::Two,
            authorized_party: None,
            issued_at: now,
            assembled: Assembled::UponIssue,
            lifetime: LIFETIME,
        }
    }

    /// A token of a JWT template, issued now.
    pub(super) fn template(now: SystemTime) -> Self {
        Self { class: Class::Template, ..Self::session(now) }
    }

    pub(super) fn header(&self, kid: &str, session: &SessionRecord) -> Map<String, Value> {
        let category = match self.class {
            Class::Session => SESSION,
            Class::Template => "cl_B7d4PD222AAA",
            Class::Machine => "cl_B7d4PD333AAA",
        };
        let mut header =
            object(json!({ "alg": "RS256", "cat": category, "kid": kid, "typ": "JWT" }));
        if let Some(at) = self.assembled_at(session) {
            header.insert("oiat".to_owned(), json!(millis(at) / 1000));
        }
        header
    }

    fn assembled_at(&self, session: &SessionRecord) -> Option<SystemTime> {
        match self.assembled {
            Assembled::UponIssue if self.class == Class::Session => {
                Some(session.signed_in_at(self.issued_at))
            }
            Assembled::At(time) => Some(time),
            Assembled::UponIssue | Assembled::Untold => None,
        }
    }

    /// The claims. A token's own identifier is `id`; version 1 session tokens have none.
    pub(super) fn claims(
        &self,
        session: &SessionRecord,
        issuer: &str,
        id: &str,
    ) -> Map<String, Value> {
        let issued_at = millis(self.issued_at) / 1000;
        let mut claims = object(json!({
            "iss": issuer,
            "sub": session.user_id,
            "iat": issued_at,
            "nbf": issued_at.saturating_sub(NOT_BEFORE),
            "exp": issued_at.saturating_add(self.lifetime.as_secs()),
        }));
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        if let Some(party) = &self.authorized_party {
            claim("azp", json!(party));
        }
        if (&self.class, self.version) != (&Class::Session, Version::One) {
            claim("jti", json!(id));
        }
        match self.class {
            Class::Template => {}
            Class::Machine => {
                let machine = session.user_id.as_str().replacen("user_", "mch_", 1);
                claim("sub", json!(machine));
                claim("scopes", json!(machine));
            }
            Class::Session => {
                claim("sid", json!(session.id));
                claim("sts", json!(if session.is_pending() { "pending" } else { "active" }));
                claim("fva", json!([0, -1]));
                if let Some(actor) = &session.actor {
                    claim("act", actor.clone());
                }
                let organization = session.organization.as_ref();
                claims.extend(match self.version {
                    Version::One => organization.map(organization_v1).unwrap_or_default(),
                    Version::Two => plan_and_organization_v2(organization),
                });
            }
        }
        claims
    }
}

/// A session token made of an earlier one as Clerk's edge does it, without asking the database: claims and
/// `oiat` are the old ones. `None` for a token that is no session token.
pub(super) fn renewed(
    earlier: SignedToken,
    kid: &str,
    id: &str,
    now: SystemTime,
) -> Option<SignedToken> {
    let SignedToken { mut header, mut claims } = earlier;
    if header.get("cat")? != SESSION {
        return None;
    }
    let lifetime = claims.get("exp")?.as_u64()?.saturating_sub(claims.get("iat")?.as_u64()?);
    let issued_at = millis(now) / 1000;
    header.insert("kid".to_owned(), json!(kid));
    claims.insert("iat".to_owned(), json!(issued_at));
    claims.insert("nbf".to_owned(), json!(issued_at.saturating_sub(NOT_BEFORE)));
    claims.insert("exp".to_owned(), json!(issued_at.saturating_add(lifetime)));
    if let Some(own) = claims.get_mut("jti") {
        *own = json!(id);
    }
    Some(SignedToken { header, claims })
}

fn organization_v1(member: &Membership) -> Map<String, Value> {
    object(json!({
        "org_id": member.organization_id,
        "org_slug": member.slug,
        "org_role": member.role,
        "org_permissions": member.permissions,
    }))
}

/// Permissions in version 2 are a bit mask per feature over one list of permission names.
fn plan_and_organization_v2(member: Option<&Membership>) -> Map<String, Value> {
    let Some(member) = member else { return object(json!({ "v": 2, "pla": "u:free" })) };
    let held: Vec<(&str, &str)> = member
        .permissions
        .iter()
        .filter_map(|permission| permission.strip_prefix("org:")?.split_once(':'))
        .collect();
    let features: BTreeSet<&str> = held.iter().map(|&(feature, _)| feature).collect();
    let names: BTreeSet<&str> = held.iter().map(|&(_, name)| name).collect();
    let mask = |feature: &&str| {
        let bit =
            |(index, name): (usize, &&str)| u128::from(held.contains(&(*feature, *name))) << index;
        names.iter().take(128).enumerate().map(bit).sum::<u128>()
    };
    let mut organization = json!({
        "id": member.organization_id,
        "slg": member.slug,
        "rol": member.role.trim_start_matches("org:"),
    });
    let mut claims = json!({ "v": 2, "pla": "u:free,o:free" });
    if !features.is_empty() {
        claims["fea"] = json!(joined(features.iter().map(|feature| format!("o:{feature}"))));
        organization["per"] = json!(joined(names.iter().map(ToString::to_string)));
        organization["fpm"] =
            json!(joined(features.iter().map(|feature| mask(feature).to_string())));
    }
    claims["o"] = organization;
    object(claims)
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn session() -> SessionRecord {
        let mut session = SessionRecord::begin(
            "sess_1".parse().unwrap(),
            "user_1".parse().unwrap(),
            "client_1".parse().unwrap(),
            1,
            UNIX_EPOCH,
        );
        let mut member = Membership::new("org_1".parse().unwrap());
        "org:admin".clone_into(&mut member.role);
        member.permissions =
            ["org:billing:read", "org:posts:manage", "org:posts:read"].map(str::to_owned).to_vec();
        session.organization = Some(member);
        session
    }

    fn plan(version: Version) -> TokenPlan {
        TokenPlan { version, ..TokenPlan::session(UNIX_EPOCH + Duration::from_secs(1000)) }
    }

    #[test]
    fn version_2_packs_the_organization() {
        let claims = plan(Version::Two).claims(&session(), "https://a.test", "id");
        let expected = json!({
            "iss": "https://a.test", "sub": "user_1", "sid": "sess_1", "sts": "active", "jti": "id",
            "iat": 1000, "nbf": 990, "exp": 1060, "fva": [0, -1], "v": 2,
            "pla": "u:free,o:free", "fea": "o:billing,o:posts",
            "o": { "id": "org_1", "slg": "1", "rol": "admin", "per": "manage,read", "fpm": "2,3" },
        });
        assert_eq!(Value::Object(claims), expected);
    }

    #[test]
    fn version_1_spells_the_organization_out() {
        let claims = plan(Version::One).claims(&session(), "https://a.test", "id");
        let expected = json!({
            "iss": "https://a.test", "sub": "user_1", "sid": "sess_1", "sts": "active",
            "iat": 1000, "nbf": 990, "exp": 1060, "fva": [0, -1],
            "org_id": "org_1", "org_slug": "1", "org_role": "org:admin",
            "org_permissions": ["org:billing:read", "org:posts:manage", "org:posts:read"],
        });
        assert_eq!(Value::Object(claims), expected);
    }

    #[test]
    fn only_a_session_token_names_the_session() {
        for class in [Class::Template, Class::Machine] {
            let plan = TokenPlan { class, ..plan(Version::Two) };
            assert!(!plan.claims(&session(), "https://a.test", "id").contains_key("sid"));
        }
    }
}
