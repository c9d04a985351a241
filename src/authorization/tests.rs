//! Clerk's rules, as tables; each row of tokens in both versions where both can say it.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::*;
use crate::{
    RejectionKind,
    claims::{Category, NumericDate},
};

const NOW: u64 = 1_700_000_000;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn read(category: Category, members: Value) -> Claims {
    read_assembled(category, None, members)
}

fn read_assembled(category: Category, assembled_at: Option<u64>, members: Value) -> Claims {
    let mut claims = json!({
        "iss": "https://clerk.example.com", "sub": "user_1", "sid": "sess_1", "iat": NOW, "exp": NOW + 60,
    });
    let (Value::Object(all), Value::Object(members)) = (&mut claims, members) else {
        panic!("claims are an object")
    };
    all.extend(members);
    all.retain(|_, value| !value.is_null());
    let assembled_at = assembled_at.and_then(|at| NumericDate::parse(&at.to_string()));
    let payload = claims.to_string().into_bytes();
    Claims::from_verified(payload, category, assembled_at).expect("good claims")
}

fn claims(members: Value) -> Claims {
    read(Category::Session, members)
}

/// An admin of an organization with permissions, in both versions.
fn admins() -> [Claims; 2] {
    let v1 = json!({
        "org_id": "org_1", "org_role": "org:admin",
        "org_permissions": ["org:reports:read", "org:teams:manage"],
    });
    let v2 = json!({
        "v": 2, "fea": "o:reports,u:profile,uo:teams,bad,:,o:x:y", "pla": "u:free,o:pro",
        "o": { "id": "org_1", "rol": "admin", "per": "read,manage", "fpm": "1,2" },
    });
    [claims(v1), claims(v2)]
}

fn has(claims: &Claims, authorization: Result<Authorization, ConfigError>) -> bool {
    claims.has_at(&authorization.unwrap(), at(NOW))
}

#[test]
fn a_role_and_a_permission_are_the_same_with_org_and_without() {
    for claims in admins() {
        for role in ["org:admin", "admin", "org:org:admin"] {
            assert!(has(&claims, Authorization::role(role)), "{role}");
        }
        for permission in ["org:reports:read", "reports:read", "org:teams:manage"] {
            assert!(has(&claims, Authorization::permission(permission)), "{permission}");
        }
        for role in ["org:member", "admi", "admins"] {
            assert!(!has(&claims, Authorization::role(role)), "{role}");
        }
        for permission in ["org:reports:manage", "org:teams:read", "org:admin:read"] {
            assert!(!has(&claims, Authorization::permission(permission)), "{permission}");
        }
    }
}

#[test]
fn without_an_active_organization_there_is_no_role_and_no_permission() {
    for members in [
        json!({ "org_role": "org:admin", "org_permissions": ["org:reports:read"] }),
        json!({ "v": 2, "fea": "o:reports" }),
        json!({}),
    ] {
        let claims = claims(members);
        assert!(!has(&claims, Authorization::role("org:admin")));
        assert!(!has(&claims, Authorization::permission("org:reports:read")));
        assert!(!has(&claims, Ok(Authorization::organization())));
    }
    for claims in admins() {
        assert!(has(&claims, Ok(Authorization::organization())));
    }
}

#[test]
fn a_feature_is_the_users_or_the_organizations_as_its_scope_says() {
    let [_, claims] = admins();
    for (feature, expected) in [
        ("reports", true),
        ("org:reports", true),
        ("o:reports", true),
        ("organization:reports", true),
        ("user:reports", false),
        ("u:reports", false),
        ("profile", true),
        ("user:profile", true),
        ("org:profile", false),
        ("org:teams", true),
        ("u:teams", true),
        ("bad", false),
        ("x", false),
        ("y", false),
    ] {
        assert_eq!(has(&claims, Authorization::feature(feature)), expected, "{feature}");
    }
    for (plan, expected) in [("pro", true), ("org:pro", true), ("user:pro", false), ("free", true)]
    {
        assert_eq!(has(&claims, Authorization::plan(plan)), expected, "{plan}");
    }
    assert!(!has(&claims, Authorization::plan("reports")), "a feature is no plan");
}

#[test]
fn features_count_only_in_the_version_that_defines_them() {
    for v in [json!(null), json!(1), json!("2")] {
        let claims = claims(json!({ "v": v, "fea": "u:reports", "pla": "u:pro" }));
        assert!(!has(&claims, Authorization::feature("reports")), "{v}");
        assert!(!has(&claims, Authorization::plan("pro")), "{v}");
    }
}

#[test]
fn all_that_is_asked_must_be_there() {
    let both = |a: &str, b: &str| {
        Ok(Authorization::role(a).unwrap().and(Authorization::permission(b).unwrap()))
    };
    for claims in admins() {
        assert!(has(&claims, both("admin", "reports:read")));
        assert!(!has(&claims, both("member", "reports:read")));
        assert!(!has(&claims, both("admin", "reports:manage")));
    }
}

#[test]
fn a_typo_fails_at_start_up() {
    for role in ["", "org:", "Admin", "org:billing admin", "org:billing-admin", "user:admin", "a:b"]
    {
        let error = Authorization::role(role).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a role must be `org:<role>` in lower-case letters, digits and underscores",
            "{role}"
        );
    }
    for permission in [
        "",
        "org:reports",
        "reports",
        "org::read",
        "org:reports:",
        "org:reports:a:b",
        "org:reports:Read",
        "org:reports/read",
        " org:reports:read",
        "org:reports:read,x",
    ] {
        assert!(Authorization::permission(permission).is_err(), "{permission}");
    }
    for scoped in
        ["", "org:", ":x", "orgs:x", "uo:x", "o:reports:x", "org:org:x", "re ports", "a,b"]
    {
        assert!(Authorization::feature(scoped).is_err(), "{scoped}");
        assert!(Authorization::plan(scoped).is_err(), "{scoped}");
    }
}

fn proved(first: i64, second: i64) -> Claims {
    claims(json!({ "fva": [first, second] }))
}

/// Whether claims that were assembled so long ago pass.
fn passes(claims: &Claims, reverification: Reverification, ago: Duration) -> bool {
    let authorization = Authorization::reverification(reverification);
    claims.has_at(&authorization, at(NOW) + ago)
}

#[test]
fn a_level_of_10_minutes_is_refused_at_age_10_and_passed_at_9() {
    for (age, expected) in [(0, true), (9, true), (10, false), (11, false), (1_000_000, false)] {
        let now = Duration::ZERO;
        assert_eq!(passes(&proved(0, age), Reverification::Strict, now), expected, "{age}");
        assert_eq!(passes(&proved(age, 0), Reverification::StrictMfa, now), expected, "{age}");
    }
    assert!(passes(&proved(0, 59), Reverification::Moderate, Duration::ZERO));
    assert!(!passes(&proved(0, 60), Reverification::Moderate, Duration::ZERO));
    assert!(passes(&proved(0, 1439), Reverification::Lax, Duration::ZERO));
    assert!(!passes(&proved(0, 1440), Reverification::Lax, Duration::ZERO));
}

#[test]
fn each_level_asks_for_the_factors_that_are_enrolled() {
    let of = |level| Reverification::after(level, Duration::from_secs(600)).unwrap();
    let (fresh, old, none) = (1, 10, -1);
    for (first, second, [first_factor, second_factor, multi_factor]) in [
        (fresh, fresh, [true, true, true]),
        (fresh, old, [true, false, false]),
        (old, fresh, [false, true, false]),
        (old, old, [false, false, false]),
        (fresh, none, [true, true, true]),
        (old, none, [false, false, false]),
        (none, fresh, [false, true, false]),
        (none, old, [false, false, false]),
        (none, none, [false, false, false]),
    ] {
        let claims = proved(first, second);
        let told = [Level::FirstFactor, Level::SecondFactor, Level::MultiFactor]
            .map(|level| passes(&claims, of(level), Duration::ZERO));
        assert_eq!(told, [first_factor, second_factor, multi_factor], "{first} {second}");
    }
}

#[test]
fn a_proof_grows_old_after_its_token_was_made() {
    let claims = proved(0, -1);
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let second = Duration::from_secs(1);
    assert!(passes(&claims, Reverification::Strict, minutes(9)));
    assert!(!passes(&claims, Reverification::Strict, minutes(9) + second), "rounded up");
    assert!(!passes(&claims, Reverification::Strict, minutes(9) + Duration::from_nanos(1)));
    assert!(!passes(&claims, Reverification::Strict, minutes(60 * 24 * 365)));

    let two = Reverification::after(Level::FirstFactor, minutes(2)).unwrap();
    assert!(passes(&claims, two, second) && passes(&claims, two, minutes(1)));
    assert!(!passes(&claims, two, minutes(1) + second));

    // A clock behind Clerk's makes nothing younger than it was.
    let strict = Authorization::reverification(Reverification::Strict);
    assert!(claims.has_at(&strict, at(NOW - 3600)));
    assert!(!proved(10, -1).has_at(&strict, at(NOW - 3600)));
}

#[test]
fn a_token_that_was_renewed_at_the_edge_is_no_fresh_proof() {
    let proved = |assembled_at| {
        let claims = json!({ "fva": [0, -1] });
        read_assembled(Category::Session, assembled_at, claims)
    };
    let ten_minutes_ago = Some(NOW - 600);
    assert!(!passes(&proved(ten_minutes_ago), Reverification::Strict, Duration::ZERO));
    assert!(passes(&proved(Some(NOW - 540)), Reverification::Strict, Duration::ZERO));
    assert!(passes(&proved(None), Reverification::Strict, Duration::ZERO));
}

#[test]
fn a_token_that_tells_no_ages_or_no_time_proves_nothing() {
    for members in [json!({}), json!({ "fva": [0, 0], "iat": null })] {
        let claims = claims(members);
        assert!(!passes(&claims, Reverification::Lax, Duration::ZERO));
    }
}

#[test]
fn one_minute_would_never_pass_and_is_refused() {
    for time in [0, 1, 59, 60, 61, 90, 119, 121, 601].map(Duration::from_secs) {
        let error = Reverification::after(Level::FirstFactor, time).unwrap_err().to_string();
        assert!(error.contains("at least 2"), "{error}");
    }
    assert!(Reverification::after(Level::FirstFactor, Duration::from_millis(120_500)).is_err());
    let longest =
        Reverification::after(Level::FirstFactor, Duration::from_secs(u64::MAX / 60 * 60));
    assert!(passes(&proved(1_000_000, -1), longest.unwrap(), Duration::ZERO));
}

#[test]
fn a_template_grants_nothing_whatever_its_author_wrote() {
    let members = json!({
        "v": 2, "fea": "u:reports,o:reports", "pla": "u:pro", "fva": [0, 0],
        "o": { "id": "org_1", "rol": "admin", "per": "read", "fpm": "1" },
    });
    let mut nameless = members.clone();
    nameless["sid"] = Value::Null;
    let all = || {
        let reverification = Authorization::reverification(Reverification::Lax);
        [
            Authorization::organization(),
            Authorization::role("admin").unwrap(),
            Authorization::permission("reports:read").unwrap(),
            Authorization::feature("reports").unwrap(),
            Authorization::plan("pro").unwrap(),
            reverification,
        ]
    };
    for authorization in all() {
        let session = read(Category::Session, members.clone());
        assert!(session.has_at(&authorization, at(NOW)), "{authorization:?}");
        for claims in
            [read(Category::Template, members.clone()), read(Category::Unstated, nameless.clone())]
        {
            assert!(!claims.has_at(&authorization, at(NOW)), "{authorization:?}");
            assert!(claims.organization().is_none());
            let refused = claims.require_at(&authorization, at(NOW)).unwrap_err();
            assert_eq!(refused.reverification(), None, "to prove oneself again would not help");
        }
    }
}

#[test]
fn only_who_lacks_nothing_else_is_asked_to_prove_who_they_are() {
    let strict = Authorization::reverification(Reverification::Strict);
    let lax = Authorization::reverification(Reverification::Lax);
    let mfa = Authorization::reverification(Reverification::StrictMfa);
    let member = Authorization::role("org:member").unwrap();
    let claims = proved(5, 30);
    let refused = |authorization: Authorization| {
        let refused = claims.require_at(&authorization, at(NOW)).unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::Forbidden);
        (refused.reason(), refused.reverification())
    };

    assert_eq!(claims.require_at(&lax, at(NOW)).ok(), Some(()));
    assert_eq!(refused(strict.clone()), ("reverification-error", Some(Reverification::Strict)));
    let all = lax.and(strict.clone()).and(mfa);
    assert_eq!(refused(all), ("reverification-error", Some(Reverification::StrictMfa)));
    for both in [strict.clone().and(member.clone()), member.and(strict)] {
        assert_eq!(refused(both), ("authorization-insufficient", None));
    }
}

#[test]
fn the_operator_is_told_what_is_lacking() {
    for (authorization, text) in [
        (Authorization::role("admin").unwrap(), "the role `org:admin`"),
        (Authorization::permission("reports:read").unwrap(), "the permission `org:reports:read`"),
        (Authorization::feature("u:reports").unwrap(), "the feature `user:reports`"),
        (Authorization::plan("pro").unwrap(), "the plan `pro`"),
        (Authorization::organization(), "an active organization"),
        (
            Authorization::reverification(Reverification::Strict),
            "a proof of the second factor less than 10 minutes ago",
        ),
    ] {
        let refused = claims(json!({})).require_at(&authorization, at(NOW)).unwrap_err();
        let source = std::error::Error::source(&refused).unwrap().to_string();
        assert_eq!(source, format!("the caller lacks {text}"));
        assert!(!refused.to_string().contains(text), "{refused}");
    }
}

#[test]
fn reverification_is_written_as_clerk_writes_it() {
    let half_an_hour = Duration::from_secs(30 * 60);
    for (reverification, expected) in [
        (Reverification::StrictMfa, json!("strict_mfa")),
        (Reverification::Strict, json!("strict")),
        (Reverification::Moderate, json!("moderate")),
        (Reverification::Lax, json!("lax")),
        (
            Reverification::after(Level::SecondFactor, half_an_hour).unwrap(),
            json!({ "level": "second_factor", "afterMinutes": 30 }),
        ),
    ] {
        assert_eq!(serde_json::to_value(reverification).unwrap(), expected);
    }
}
