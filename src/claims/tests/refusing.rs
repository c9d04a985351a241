//! What yields no claims.

use super::*;

/// Each claim with whether a string and a number of its own kind are right for it.
#[test]
fn a_claim_of_the_wrong_json_type_is_refused() {
    let hostile = [
        ("a string", json!("1")),
        ("a negative", json!(-1)),
        ("2^63", json!(1_u64 << 63)),
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
        for text in ["1e3", "1.0", "60.25", "2.5e11"] {
            let payload = base().to_string().replace("\"exp\":60", &format!("\"{name}\":{text}"));
            let payload =
                payload.replacen('{', if name == "exp" { "{" } else { "{\"exp\":60," }, 1);
            read_text(&payload).unwrap();
        }
        for text in ["253402300800", "18446744073709551616", "1e12", "-0", "-0.5"] {
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
            for value in [value, "null"] {
                let twice = format!(r#"{{"{again}":{value},{}"#, &once[1..]);
                assert_eq!(read_text(&twice).unwrap_err(), InvalidClaims::Malformed, "{again}");
            }
        }
        let nulls = format!(r#"{{"{name}":null,"{name}":null,{rest}"#);
        assert_eq!(read_text(&nulls).unwrap_err(), InvalidClaims::Malformed, "{name}");
    }
}

#[test]
fn a_payload_that_is_no_json_object_is_malformed() {
    let with_trailer = format!("{} {{}}", base());
    for payload in ["", "[]", "null", "\"a\"", "1", "{", r#"{"sub"}"#, "{}{}", &with_trailer] {
        assert_eq!(read_text(payload).unwrap_err(), InvalidClaims::Malformed, "{payload}");
    }
    let not_utf8 = b"{\"sub\":\"\xff\"}".to_vec();
    let outcome = Claims::from_verified(not_utf8, Category::Session, None);
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
        let null = with(json!({ name: null }));
        assert_eq!(read(&null).unwrap_err(), InvalidClaims::Claim(name));
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
        let outcome = Claims::from_verified(claims.to_string().into_bytes(), category, None);
        assert_eq!(outcome.is_ok_and(|claims| claims.session_id().is_none()), accepted);
    }
}

#[test]
fn an_actor_has_a_subject() {
    let agent = read(&with(json!({"act": {"sub": "a", "type": "agent", "x": 1}}))).unwrap();
    let agent = agent.actor().unwrap();
    assert_eq!((agent.subject(), agent.actor_type()), (Some("a"), Some("agent")));
    for act in [
        json!({}),
        json!({"sub": null}),
        json!({"sub": "a", "sid": 1}),
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
