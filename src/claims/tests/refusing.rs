//! What yields no claims.

use super::*;

const HOSTILE: [&str; 6] = ["\"1\"", "-1", "9223372036854775808", "[[]]", "{}", "true"];

#[test]
fn a_claim_that_decides_and_is_of_the_wrong_json_type_is_refused() {
    let any_string_will_do = ["iss", "azp", "sts"];
    for name in ["iss", "sub", "sid", "azp", "exp", "nbf", "iat", "sts"] {
        for text in HOSTILE {
            let value: Value = serde_json::from_str(text).unwrap();
            let outcome = read(&with(json!({ "v": 2, name: value })));
            if value.is_string() && any_string_will_do.contains(&name) {
                outcome.unwrap();
            } else {
                assert_eq!(outcome.unwrap_err(), InvalidClaims::Claim(name), "{name} is {text}");
            }
        }
    }
}

#[test]
fn a_claim_that_decides_nothing_turns_nobody_away_and_grants_nothing_where_it_cannot_be_read() {
    let good = json!({
        "iat": 10, "azp": "https://app.example.com", "aud": "a", "jti": "j", "fva": [0, 0],
        "org_id": "org_1", "org_role": "org:admin", "org_permissions": ["org:a:read"],
    });
    for text in HOSTILE.into_iter().filter(|text| !text.starts_with('"')) {
        let hostile: Value = serde_json::from_str(text).unwrap();
        let read_with = |names: &[&str], version: u8| {
            let mut claims = with(good.clone());
            claims["v"] = json!(version);
            names.iter().for_each(|name| claims[*name] = hostile.clone());
            let read = read(&claims).unwrap_or_else(|error| panic!("{names:?} {text}: {error:?}"));
            assert_eq!(read.user_id().as_str(), "user_1");
            assert_eq!(read.issued_at(), Some(at(10)));
            assert_eq!(serde_json::to_value(&read).unwrap(), claims);
            read
        };
        assert!(read_with(&["fva"], 1).factor_ages().is_none(), "{text}");
        assert!(read_with(&["jti"], 1).token_id().is_none(), "{text}");
        assert!(read_with(&["org_id"], 1).organization().is_none(), "{text}");
        assert!(!read_with(&["org_role"], 1).organization().unwrap().has_role("admin"), "{text}");
        let slugless = read_with(&["org_slug"], 1).organization().unwrap();
        assert!(slugless.has_role("admin") && slugless.slug().is_none(), "{text}");
        let without = read_with(&["org_permissions"], 1).organization().unwrap();
        assert_eq!(without.permissions().len(), 0, "{text}");
        assert!(read_with(&["o"], 2).organization().is_none(), "{text}");
        let none = read_with(&["fea", "pla"], 2);
        assert!(none.features().is_empty() && none.plans().is_empty(), "{text}");
        // For whomever it is meant, it is not for everybody.
        let nobodys = read_with(&["aud"], 1);
        assert!(nobodys.has_audience() && nobodys.audience().len() == 0, "{text}");
        // Somebody acts.
        assert!(read_with(&["act"], 1).actor().is_some(), "{text}");
        let all = CLERKS_CLAIMS.into_iter().skip(7).filter(|name| !["sts", "v"].contains(name));
        let read = read_with(&all.collect::<Vec<_>>(), 2);
        assert!(read.actor().is_some() && read.organization().is_none());
        assert_eq!(read.authorized_party(), Some("https://app.example.com"));
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
fn an_actor_has_a_subject_and_is_there_without_one() {
    let agent = read(&with(json!({"act": {"sub": "a", "type": "agent", "x": 1}}))).unwrap();
    let agent = agent.actor().unwrap();
    assert_eq!((agent.subject(), agent.actor_type()), (Some("a"), Some("agent")));
    for act in [
        json!({}),
        json!({"sub": null}),
        json!({"sub": "a", "sid": 1}),
        json!({"sub": 1}),
        json!(["https://clerk.example.com", "sess_9", "user_9"]),
        json!("user_9"),
    ] {
        let unknown = read(&with(json!({ "act": act }))).unwrap().actor();
        let subject = unknown.as_ref().expect("somebody acts").subject();
        assert_eq!(subject, act["sub"].as_str(), "{act}");
        assert_eq!(serde_json::to_value(unknown).unwrap(), act);
    }
}

#[test]
fn factor_ages_are_two_counts_of_minutes() {
    for fva in [
        json!([0]),
        json!([0, 0, 0]),
        json!([0, -2]),
        json!([0, 1.5]),
        json!([0, "0"]),
        json!([0, i64::MAX]),
    ] {
        assert_eq!(read(&with(json!({ "fva": fva }))).unwrap().factor_ages(), None, "{fva}");
    }
}
