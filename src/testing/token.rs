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
                let assembled_at = self.assembled_at(session).unwrap_or(self.issued_at);
                let age = |at| minutes_since(at, assembled_at);
                claim("fva", json!([age(session.first_factor_at), age(session.second_factor_at)]));
                if let Some(actor) = &session.actor {
                    claim("act", actor.clone());
                }
                claims.extend(match self.version {
                    Version::One => {
                        session.organization.as_ref().map(organization_v1).unwrap_or_default()
                    }
                    Version::Two => version_2(session),
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

/// Features, plans and the organization as version 2 tells them.
fn version_2(session: &SessionRecord) -> Map<String, Value> {
    let member = session.organization.as_ref();
    let permissions: Vec<(&str, &str)> = member
        .into_iter()
        .flat_map(|member| &member.permissions)
        .filter_map(|permission| permission.strip_prefix("org:")?.split_once(':'))
        .collect();
    let of_permissions = permissions.iter().map(|&(feature, _)| feature);
    let of_organization: BTreeSet<&str> =
        of_permissions.chain(names(member.map(|member| &member.features))).collect();
    let features = entitlements(&of_organization, &names(Some(&session.features)).collect());
    let plans = entitlements(
        &names(member.map(|member| &member.plans)).collect(),
        &names(Some(&session.plans)).collect(),
    );
    let mut claims = object(json!({ "v": 2 }));
    for (name, list) in [("fea", features), ("pla", plans)] {
        if !list.is_empty() {
            claims.insert(name.to_owned(), json!(list));
        }
    }
    if let Some(member) = member {
        let organization = organization_v2(member, &of_organization, &permissions);
        claims.insert("o".to_owned(), organization);
    }
    claims
}

fn names(list: Option<&Vec<String>>) -> impl Iterator<Item = &str> {
    list.into_iter().flatten().map(String::as_str)
}

/// Each with its scope, in the order of the names.
fn entitlements(of_organization: &BTreeSet<&str>, of_user: &BTreeSet<&str>) -> String {
    let scoped = of_organization.union(of_user).map(|name| {
        match (of_organization.contains(name), of_user.contains(name)) {
            (true, true) => format!("uo:{name}"),
            (true, false) => format!("o:{name}"),
            (false, _) => format!("u:{name}"),
        }
    });
    joined(scoped)
}

/// Permissions in version 2 are a bit mask per feature over one list of permission names.
fn organization_v2(
    member: &Membership,
    features: &BTreeSet<&str>,
    permissions: &[(&str, &str)],
) -> Value {
    let names: BTreeSet<&str> = permissions.iter().map(|&(_, name)| name).collect();
    let mask = |feature: &&str| {
        let bit = |(index, name): (usize, &&str)| {
            u128::from(permissions.contains(&(*feature, *name))) << index
        };
        names.iter().take(128).enumerate().map(bit).sum::<u128>()
    };
    let mut organization = json!({
        "id": member.organization_id,
        "slg": member.slug,
        "rol": member.role.trim_start_matches("org:"),
    });
    if !names.is_empty() {
        organization["per"] = json!(joined(names.iter().map(ToString::to_string)));
        organization["fpm"] =
            json!(joined(features.iter().map(|feature| mask(feature).to_string())));
    }
    organization
}

/// How long before `now` a factor was proved, in whole minutes; −1 where it was not.
fn minutes_since(proved_at: Option<SystemTime>, now: SystemTime) -> i64 {
    let minutes = |at| now.duration_since(at).unwrap_or_default().as_secs() / 60;
    proved_at.map_or(-1, |at| i64::try_from(minutes(at)).unwrap_or(i64::MAX))
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
            "iat": 1000, "nbf": 990, "exp": 1060, "fva": [16, -1], "v": 2,
            "pla": "uo:free", "fea": "o:billing,o:posts",
            "o": { "id": "org_1", "slg": "1", "rol": "admin", "per": "manage,read", "fpm": "2,3" },
        });
        assert_eq!(Value::Object(claims), expected);
    }

    #[test]
    fn features_and_plans_are_told_with_whose_they_are() {
        let mut session = session();
        session.features = vec!["posts".to_owned(), "export".to_owned()];
        session.plans = vec![];
        let member = session.organization.as_mut().unwrap();
        member.features = vec!["audit".to_owned()];
        member.plans = vec!["pro".to_owned()];
        let claims = plan(Version::Two).claims(&session, "https://a.test", "id");
        assert_eq!(claims["fea"], "o:audit,o:billing,u:export,uo:posts");
        assert_eq!(claims["o"]["fpm"], "0,2,3", "one mask for each of the organization's");
        assert_eq!(claims["pla"], "o:pro");
    }

    #[test]
    fn the_age_of_a_factor_is_in_whole_minutes_as_of_when_the_claims_were_assembled() {
        let mut session = session();
        session.second_factor_at = Some(UNIX_EPOCH + Duration::from_secs(1000 - 119));
        let ages = |plan: &TokenPlan| plan.claims(&session, "https://a.test", "id")["fva"].clone();
        assert_eq!(ages(&plan(Version::Two)), json!([16, 1]));
        let assembled = Assembled::At(UNIX_EPOCH + Duration::from_secs(940));
        assert_eq!(ages(&TokenPlan { assembled, ..plan(Version::Two) }), json!([15, 0]));
    }

    #[test]
    fn version_1_spells_the_organization_out() {
        let claims = plan(Version::One).claims(&session(), "https://a.test", "id");
        let expected = json!({
            "iss": "https://a.test", "sub": "user_1", "sid": "sess_1", "sts": "active",
            "iat": 1000, "nbf": 990, "exp": 1060, "fva": [16, -1],
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
