use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{test_names::CLERKS_CLAIMS, *};
use crate::OrganizationId;

fn base() -> Value {
    json!({ "iss": "https://clerk.example.com", "sub": "user_1", "sid": "sess_1", "exp": 60 })
}

fn with(members: Value) -> Value {
    let mut claims = base();
    let (Value::Object(all), Value::Object(members)) = (&mut claims, members) else {
        panic!("claims are an object")
    };
    all.extend(members);
    claims
}

fn read_text(payload: &str) -> Result<Claims, InvalidClaims> {
    Claims::from_verified(payload.as_bytes().to_vec(), Category::Session)
}

fn read(claims: &Value) -> Result<Claims, InvalidClaims> {
    read_text(&claims.to_string())
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn every_claim_is_read_by_its_accessor() {
    let claims = read(&with(json!({
        "azp": "https://app.example.com", "aud": ["a", "b"], "iat": 10, "nbf": 9, "jti": "j",
        "sts": "pending", "fva": [5, -1], "plan_b": {"a": [1]},
        "act": {"iss": "https://dashboard.clerk.com", "sid": "sess_9", "sub": "user_9"},
    })))
    .unwrap();
    assert_eq!(claims.session_id().unwrap().as_str(), "sess_1");
    assert_eq!(claims.user_id().as_str(), "user_1");
    assert_eq!(claims.issuer(), "https://clerk.example.com");
    assert_eq!(claims.authorized_party(), Some("https://app.example.com"));
    assert_eq!(claims.audience().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(claims.issued_at(), Some(at(10)));
    assert_eq!(claims.not_before(), Some(at(9)));
    assert_eq!(claims.expires_at(), at(60));
    assert_eq!(claims.token_id(), Some("j"));
    assert!(claims.is_pending());
    let ages = claims.factor_ages().unwrap();
    assert_eq!((ages.first, ages.second), (Some(Duration::from_secs(300)), None));
    let actor = claims.actor().unwrap();
    assert_eq!(actor.issuer.as_deref(), Some("https://dashboard.clerk.com"));
    assert_eq!(actor.session_id.as_deref(), Some("sess_9"));
    assert_eq!(actor.subject, "user_9");
    assert_eq!(claims.get::<Value>("plan_b").unwrap(), Some(json!({"a": [1]})));
    assert_eq!(claims.get::<String>("absent").unwrap(), None);
    assert!(claims.get::<String>("iat").is_err());
}

#[test]
fn a_string_reads_the_same_however_it_is_written() {
    let payload = r#"{"iss":"https:\/\/clerk.example.com","azp":"\u0068ttps://app.example.com","jti":"é\"\n","sub":"user_1","sid":"sess_1","exp":60}"#;
    let claims = read_text(payload).unwrap();
    assert_eq!(claims.issuer(), "https://clerk.example.com");
    assert_eq!(claims.authorized_party(), Some("https://app.example.com"));
    assert_eq!(claims.token_id(), Some("é\"\n"));
    let plain = serde_json::from_str::<Value>(payload).unwrap().to_string();
    let plain = read_text(&plain).unwrap();
    assert_eq!(plain.issuer(), claims.issuer());
    assert_eq!(plain.authorized_party(), claims.authorized_party());
    assert_eq!(plain.token_id(), claims.token_id());
}

#[test]
fn what_a_token_leaves_out_is_none() {
    let claims = read(&base()).unwrap();
    assert_eq!(claims.authorized_party(), None);
    assert_eq!(claims.audience().len(), 0);
    assert_eq!((claims.issued_at(), claims.not_before()), (None, None));
    assert!(!claims.is_pending());
    assert!(claims.organization().is_none() && claims.actor().is_none());
    assert!(claims.features().is_empty() && claims.plans().is_empty());
    assert!(claims.factor_ages().is_none() && claims.token_id().is_none());
}

#[test]
fn claims_serialize_to_the_payload_exactly_as_it_came() {
    let payload = r#"{"z": 1.50, "iss":"i","sub":"user_1","sid":"sess_1","exp":60,"é":"\u0041"}"#;
    let claims = read_text(payload).unwrap();
    assert_eq!(serde_json::to_string(&claims).unwrap(), payload);
    let value: Value = serde_json::from_str(payload).unwrap();
    assert_eq!(serde_json::to_value(&claims).unwrap(), value);
}

#[test]
fn debug_is_short() {
    let claims = read(&with(json!({ "email": "a@example.com" }))).unwrap();
    let debug = format!("{claims:?}");
    assert!(debug.contains("sess_1") && !debug.contains("example.com"), "{debug}");
}

/// Each claim with whether a string and a number of its own kind are right for it.
#[test]
fn a_claim_of_the_wrong_json_type_is_refused() {
    let hostile = [
        ("a string", json!("1")),
        ("a float", json!(60.0)),
        ("a negative", json!(-1)),
        ("2^63", json!(1_u64 << 63)),
        ("null", Value::Null),
        ("an array", json!([[]])),
        ("an object", json!({})),
        ("true", json!(true)),
    ];
    let any_string_will_do =
        ["iss", "azp", "aud", "sts", "jti", "org_slug", "org_role", "fea", "pla"];
    for name in CLERKS_CLAIMS.into_iter().filter(|name| *name != "v") {
        for (what, value) in &hostile {
            let outcome = read(&with(json!({ "v": 2, name: value })));
            if value.is_string() && any_string_will_do.contains(&name) {
                outcome.unwrap();
            } else {
                assert_eq!(outcome.unwrap_err(), InvalidClaims::Claim(name), "{name} is {what}");
            }
        }
    }
}

#[test]
fn numbers_of_time_end_with_the_year_9999() {
    for name in ["exp", "nbf", "iat"] {
        assert!(read(&with(json!({ name: 253_402_300_799_u64 }))).is_ok());
        for text in ["253402300800", "18446744073709551616", "1e3", "-0", "1.0"] {
            let payload = base().to_string().replace("\"exp\":60", &format!("\"{name}\":{text}"));
            assert_eq!(read_text(&payload).unwrap_err(), InvalidClaims::Claim(name), "{text}");
        }
    }
}

#[test]
fn a_member_named_twice_is_refused_known_or_not() {
    for name in CLERKS_CLAIMS.into_iter().chain(["unknown"]) {
        let value = match name {
            "exp" | "nbf" | "iat" | "v" => "60",
            "fva" => "[0,0]",
            "act" => r#"{"sub":"user_1"}"#,
            "org_permissions" => "[]",
            "sub" => "\"user_1\"",
            "sid" => "\"sess_1\"",
            "org_id" => "\"org_1\"",
            _ => "\"a\"",
        };
        let mut claims = base();
        claims.as_object_mut().unwrap().remove(name);
        let rest = &claims.to_string()[1..];
        let once = format!(r#"{{"{name}":{value},{rest}"#);
        let escaped = format!("\\u00{:02x}{}", name.as_bytes()[0], &name[1..]);
        read_text(&once).unwrap();
        for again in [name, &escaped] {
            let twice = format!(r#"{{"{again}":{value},{}"#, &once[1..]);
            assert_eq!(read_text(&twice).unwrap_err(), InvalidClaims::Malformed, "{again}");
        }
    }
}

#[test]
fn a_payload_that_is_no_json_object_is_malformed() {
    let with_trailer = format!("{} {{}}", base());
    for payload in ["", "[]", "null", "\"a\"", "1", "{", r#"{"sub"}"#, "{}{}", &with_trailer] {
        assert_eq!(read_text(payload).unwrap_err(), InvalidClaims::Malformed, "{payload}");
    }
    let not_utf8 = b"{\"sub\":\"\xff\"}".to_vec();
    let outcome = Claims::from_verified(not_utf8, Category::Session);
    assert_eq!(outcome.unwrap_err(), InvalidClaims::Malformed);
    assert!(read_text(&base().to_string().replace('{', "[").replace('}', "]")).is_err());
}

#[test]
fn a_deep_claim_of_the_users_own_harms_nobody() {
    let deep = format!(r#"{{"deep":{}{},"#, "[".repeat(4000), "]".repeat(4000));
    let payload = base().to_string().replacen('{', &deep, 1);
    let claims = read_text(&payload).unwrap();
    assert_eq!(serde_json::to_string(&claims).unwrap(), payload);
    assert!(claims.get::<Value>("deep").is_err());
}

#[test]
fn subject_and_session_must_be_there_and_well_formed() {
    for (name, bad) in [
        ("sub", ""),
        ("sub", "user_"),
        ("sub", "sess_1"),
        ("sub", "user_a/b"),
        ("sid", ""),
        ("sid", "sess_"),
        ("sid", "user_1"),
        ("sid", "sess_../x"),
    ] {
        let outcome = read(&with(json!({ name: bad })));
        assert_eq!(outcome.unwrap_err(), InvalidClaims::Claim(name), "{bad}");
    }
    for name in ["iss", "sub", "sid", "exp"] {
        let mut claims = base();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(read(&claims).unwrap_err(), InvalidClaims::Claim(name));
    }
}

#[test]
fn a_machine_is_told_by_its_subject() {
    assert_eq!(read(&json!({ "sub": "mch_1" })).unwrap_err(), InvalidClaims::Machine);
}

#[test]
fn only_a_token_that_does_not_say_session_may_lack_one() {
    let mut claims = base();
    claims.as_object_mut().unwrap().remove("sid");
    for (category, accepted) in
        [(Category::Session, false), (Category::Template, true), (Category::Unstated, true)]
    {
        let outcome = Claims::from_verified(claims.to_string().into_bytes(), category);
        assert_eq!(outcome.is_ok_and(|claims| claims.session_id().is_none()), accepted);
    }
}

#[test]
fn an_actor_has_a_subject_and_no_nulls() {
    assert_eq!(read(&with(json!({"act": {"sub": "a"}}))).unwrap().actor().unwrap().subject, "a");
    for act in [
        json!({}),
        json!({"sub": null}),
        json!({"sub": "a", "sid": null}),
        json!({"sub": 1}),
        json!(["https://clerk.example.com", "sess_9", "user_9"]),
    ] {
        let outcome = read(&with(json!({ "act": act })));
        assert_eq!(outcome.unwrap_err(), InvalidClaims::Claim("act"), "{act}");
    }
}

#[test]
fn factor_ages_are_two_counts_of_minutes() {
    for fva in [json!([0]), json!([0, 0, 0]), json!([0, -2]), json!([0, 1.5]), json!([0, "0"])] {
        let outcome = read(&with(json!({ "fva": fva })));
        assert_eq!(outcome.unwrap_err(), InvalidClaims::Claim("fva"), "{fva}");
    }
    assert!(read(&with(json!({ "fva": [0, i64::MAX] }))).is_err());
}

#[test]
fn versions_1_and_2_tell_the_same_organization() {
    let v1 = json!({
        "org_id": "org_1", "org_slug": "acme", "org_role": "org:admin",
        "org_permissions": ["org:dashboard:read", "org:dashboard:manage", "org:teams:read"],
    });
    let v2 = json!({
        "v": 2, "fea": "o:dashboard,u:profile,o:teams",
        "o": {"id": "org_1", "slg": "acme", "rol": "admin", "per": "read,manage", "fpm": "3,1"},
    });
    let v1 = read(&with(v1)).unwrap().organization().unwrap();
    assert_eq!(Some(&v1), read(&with(v2)).unwrap().organization().as_ref());
    assert_eq!(v1.id, "org_1".parse::<OrganizationId>().unwrap());
    assert_eq!(v1.slug.as_deref(), Some("acme"));
    assert!(v1.has_role("org:admin") && !v1.has_role("admin"));
    assert!(v1.has_permission("org:teams:read") && !v1.has_permission("org:teams:manage"));
}

#[test]
fn version_2_is_the_number_2_only() {
    let o = json!({ "id": "org_1", "rol": "admin" });
    for v in [json!("2"), json!(1), json!(2.0), json!(3), json!(null), json!([2]), json!(true)] {
        let claims = read(&with(json!({ "v": v, "o": o, "fea": "o:a", "pla": "o:b" }))).unwrap();
        assert!(claims.organization().is_none(), "{v}");
        assert!(claims.features().is_empty() && claims.plans().is_empty(), "{v}");
    }
    let without = read(&with(json!({ "o": 5, "fea": 5 }))).unwrap();
    assert!(without.organization().is_none());
    assert_eq!(without.get::<u8>("o").unwrap(), Some(5));
    assert!(read(&with(json!({ "o": o, "v": 2 }))).unwrap().organization().is_some());
}

#[test]
fn a_version_2_organization_of_the_wrong_form_is_refused() {
    for o in [
        json!({}),
        json!({"id": "acme"}),
        json!({"id": "org_1", "per": ["read"]}),
        json!({"id": "org_1", "rol": null}),
        json!({"id": "org_1", "fpm": 3}),
        json!(["org_1", "acme", "admin", "read", "1"]),
    ] {
        let outcome = read(&with(json!({ "v": 2, "o": o })));
        assert_eq!(outcome.unwrap_err(), InvalidClaims::Claim("o"), "{o}");
    }
    let twice = base().to_string().replace('}', r#","v":2,"o":{"id":"org_1","id":"org_2"}}"#);
    assert_eq!(read_text(&twice).unwrap_err(), InvalidClaims::Claim("o"));
}

fn permissions(fea: &str, per: &str, fpm: &str) -> Vec<String> {
    let o = json!({ "id": "org_1", "per": per, "fpm": fpm });
    let claims = read(&with(json!({ "v": 2, "fea": fea, "o": o }))).unwrap();
    claims.organization().unwrap().permissions
}

#[test]
fn masks_are_decimal_of_any_size() {
    let per = (0..200).map(|n| format!("p{n}")).collect::<Vec<_>>().join(",");
    // 2^127, and a number of 8,000 digits whose lowest bits are those of 1.
    assert_eq!(permissions("o:f", &per, "170141183460469231731687303715884105728"), ["org:f:p127"]);
    let huge = format!("1{}1", "0".repeat(8000));
    assert_eq!(permissions("o:f", &per, &huge), ["org:f:p0"]);
    assert_eq!(permissions("o:f", "read", &"9".repeat(8000)), ["org:f:read"]);
}

#[test]
fn malformed_and_surplus_masks_grant_nothing() {
    for fpm in ["", "-1", "+1", "0x1", "1.0", "1e3", "١", "one", " ", "1 1", "0", "2"] {
        assert!(permissions("o:f", "read", fpm).is_empty(), "{fpm:?}");
    }
    assert_eq!(permissions("o:f", "read", "1,1,1,1"), ["org:f:read"]);
    assert_eq!(permissions("o:f,o:g", "read", "1"), ["org:f:read"]);
    assert_eq!(permissions("o:f,o:g", "read", "x,1"), ["org:g:read"]);
    assert_eq!(permissions("o:f,o:g", "read", ",1"), ["org:g:read"]);
    assert_eq!(permissions("o:f", "read,,write", "7"), ["org:f:read", "org:f:write"]);
    assert!(permissions("", "read", "1").is_empty());
    assert!(permissions("o:f", "", "1").is_empty());
}

#[test]
fn masks_belong_to_the_organization_features_in_order() {
    let fea = "u:mine,o:a,uo:b,ou:c,u:mine2,o:d";
    assert_eq!(
        permissions(fea, "read,write", "1,2,3,0"),
        ["org:a:read", "org:b:write", "org:c:read", "org:c:write"]
    );
}

#[test]
fn a_malformed_feature_grants_nothing_and_keeps_its_mask() {
    for bad in ["o:", "o", "oo:x", "xo:x", "o:x:y", "foo"] {
        let fea = format!("{bad},o:good");
        assert_eq!(permissions(&fea, "read", "1,0"), Vec::<String>::new(), "{bad}");
        assert_eq!(permissions(&fea, "read", "1,1"), ["org:good:read"], "{bad}");
    }
    for no_place in ["", ":", "u", ":x", "u:", "x:y"] {
        let fea = format!("{no_place},o:good");
        assert_eq!(permissions(&fea, "read", "1"), ["org:good:read"], "{no_place}");
    }
}

#[test]
fn features_and_plans_say_whose_they_are() {
    let claims = read(&with(json!({
        "v": 2, "fea": "u:a,o:b,uo:c,ou:d,bad,:e,o:,x:f,o:g:h", "pla": "u:free",
    })))
    .unwrap();
    let told: Vec<_> =
        claims.features().into_iter().map(|it| (it.name, it.of_organization, it.of_user)).collect();
    let expected = [("a", false, true), ("b", true, false), ("c", true, true), ("d", true, true)];
    assert_eq!(told, expected.map(|(name, o, u)| (name.to_owned(), o, u)));
    assert_eq!(claims.plans()[0].name, "free");
}
