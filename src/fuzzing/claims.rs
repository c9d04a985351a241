use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::{
    Claims,
    claims::{Actor, Category, Entitlement, FactorAges, Organization},
};

/// A payload yields claims if and only if each claim that Clerk defines is of its form. They are
/// written as they came, tell what is in it, and tell the same in any other way to write it.
pub fn claims(payload: &[u8]) {
    let read = |category| Claims::from_verified(payload.to_vec(), category, None).ok();
    let claims = read(Category::Unstated);
    assert_eq!(read(Category::Template).as_ref().map(told), claims.as_ref().map(told));
    let of_session = claims.as_ref().filter(|claims| claims.session_id().is_some());
    assert_eq!(read(Category::Session).as_ref().map(told), of_session.map(told));

    if let Some(claims) = &claims {
        let json = str::from_utf8(payload).expect("claims are text");
        let json = json.trim_matches([' ', '\t', '\r', '\n']);
        assert_eq!(serde_json::to_string(claims).expect("claims are JSON"), json);
    }
    // Claims of the user's own may be too deep or too large for a value.
    let Ok(value) = serde_json::from_slice::<Value>(payload) else { return };
    let rewritten = value.to_string().into_bytes();
    let again = Claims::from_verified(rewritten, Category::Unstated, None).ok();
    match (&claims, &again) {
        (Some(claims), Some(again)) => {
            assert_eq!(told(claims), told(again));
            assert_tells(claims, &value);
            assert_tells(again, &value);
        }
        (Some(_), None) => panic!("{value} is refused when it is rewritten"),
        // A member that was named twice is not when it is rewritten.
        (None, _) => {}
    }
    assert_eq!(again.is_some(), is_acceptable(&value), "{value}");
}

/// All that they tell, but for the times.
type Told = (
    [Option<String>; 5],
    Vec<String>,
    bool,
    Option<FactorAges>,
    Option<Organization>,
    [Vec<Entitlement>; 2],
    Option<Actor>,
);

fn told(claims: &Claims) -> Told {
    let text = |text: &str| Some(text.to_owned());
    (
        [
            text(claims.issuer()),
            text(claims.user_id().as_str()),
            claims.session_id().and_then(|id| text(id.as_str())),
            claims.authorized_party().and_then(text),
            claims.token_id().and_then(text),
        ],
        claims.audience().map(str::to_owned).collect(),
        claims.is_pending(),
        claims.factor_ages(),
        claims.organization(),
        [claims.features(), claims.plans()],
        claims.actor(),
    )
}

fn assert_tells(claims: &Claims, value: &Value) {
    for (name, member) in value.as_object().expect("claims are an object") {
        assert_eq!(claims.get::<Value>(name).expect("any JSON is a value").as_ref(), Some(member));
    }
    let texts = ["iss", "sub", "sid", "azp", "jti"].map(|name| value[name].as_str());
    let (read, _, pending, ..) = told(claims);
    assert_eq!(read.each_ref().map(Option::as_deref), texts);
    let times = [Some(claims.expires_at()), claims.not_before(), claims.issued_at()];
    for (time, name) in times.into_iter().zip(["exp", "nbf", "iat"]) {
        assert_is_time(time, &value[name]);
    }
    assert_eq!(pending, value["sts"] == "pending");
    let actor = claims.actor().map(|actor| actor.subject);
    assert_eq!(actor.as_deref(), value["act"]["sub"].as_str());
    let organization =
        if value["v"].as_u64() == Some(2) { &value["o"]["id"] } else { &value["org_id"] };
    let told = claims.organization();
    assert_eq!(told.as_ref().map(|it| it.id.as_str()), organization.as_str());
}

/// To the digit, unless the second reading rounds: then to the millisecond.
fn assert_is_time(time: Option<SystemTime>, value: &Value) {
    let read = time.map(|time| time.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970"));
    match value.as_u64() {
        Some(seconds) => assert_eq!(read, Some(Duration::from_secs(seconds))),
        None => {
            let seconds = read.as_ref().map(Duration::as_secs_f64);
            let difference = seconds.zip(value.as_f64()).map(|(read, value)| (read - value).abs());
            assert!(difference.is_none_or(|it| it < 0.001), "{read:?} is not {value}");
            assert_eq!(read.is_some(), value.is_number());
        }
    }
}

fn is_acceptable(payload: &Value) -> bool {
    let Value::Object(claims) = payload else { return false };
    let text = |name| absent_or(claims, name, Value::is_string);
    let time = |name| absent_or(claims, name, is_time);
    let actor = |act: &Value| {
        act["sub"].is_string() && act.as_object().is_some_and(|act| texts(act, &["iss", "sid"]))
    };
    let version_2 = || {
        let organization = |o: &Value| {
            is_id(&o["id"], "org_")
                && o.as_object().is_some_and(|o| texts(o, &["slg", "rol", "per", "fpm"]))
        };
        texts(claims, &["fea", "pla"]) && absent_or(claims, "o", organization)
    };
    ["iss", "sub", "exp"].iter().all(|name| claims.contains_key(*name))
        && ["iss", "sts", "azp", "jti", "org_slug", "org_role"].iter().all(|name| text(name))
        && ["exp", "nbf", "iat"].iter().all(|name| time(name))
        && is_id(&payload["sub"], "user_")
        && absent_or(claims, "sid", |sid| is_id(sid, "sess_"))
        && absent_or(claims, "org_id", |id| is_id(id, "org_"))
        && absent_or(claims, "aud", |aud| aud.is_string() || is_list(aud, Value::is_string))
        && absent_or(claims, "org_permissions", |list| is_list(list, Value::is_string))
        && absent_or(claims, "fva", |ages| {
            is_list(ages, is_age) && ages[1] != Value::Null && ages[2] == Value::Null
        })
        && absent_or(claims, "act", actor)
        && (payload["v"].as_u64() != Some(2) || version_2())
}

fn absent_or(members: &Map<String, Value>, name: &str, is: impl Fn(&Value) -> bool) -> bool {
    members.get(name).is_none_or(is)
}

fn texts(members: &Map<String, Value>, names: &[&str]) -> bool {
    names.iter().all(|name| absent_or(members, name, Value::is_string))
}

fn is_list(value: &Value, is: impl Fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(is))
}

fn is_time(value: &Value) -> bool {
    value.as_f64().is_some_and(|it| it.is_sign_positive() && it <= 253_402_300_799.0)
}

fn is_age(value: &Value) -> bool {
    value.as_i64().is_some_and(|minutes| minutes == -1 || (0..=i64::MAX / 30).contains(&minutes))
}

fn is_id(value: &Value, prefix: &str) -> bool {
    let rest = value.as_str().filter(|id| id.len() <= 128).and_then(|id| id.strip_prefix(prefix));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_plain))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::claims::test_names::CLERKS_CLAIMS;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn claims_are_what_they_should_be_or_refused(members in proptest::collection::vec(member(), 0..5)) {
            let base = json!({ "iss": "i", "sub": "user_1", "sid": "sess_1", "exp": 60, "v": 2 });
            let mut payload = base;
            for (name, value) in members {
                payload[name] = value;
            }
            claims(payload.to_string().as_bytes());
        }

        #[test]
        fn what_was_changed_anywhere_is_refused_or_told(
            place in any::<proptest::sample::Index>(),
            change in "[\\[\\]{}\",:0-9a \\\\]?",
        ) {
            let mut payload = concat!(
                r#"{"iss":"i","sub":"user_1","sid":"sess_1","azp":"a","exp":60,"nbf":0,"fva":[1,-1],"#,
                r#""aud":["a"],"act":{"sub":"a"},"v":2,"o":{"id":"org_1","per":"a","fpm":"1"},"fea":"o:f"}"#,
            ).to_owned();
            let place = place.index(payload.len());
            payload.replace_range(place..=place, &change);
            claims(payload.as_bytes());
        }
    }

    fn member() -> impl Strategy<Value = (&'static str, Value)> {
        let values = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            (-2_i64..4).prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (253_402_300_798_u64..253_402_300_802).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "((user|sess|org|mch)_)?[a-c/]{0,3}|pending".prop_map(Value::from),
            Just(json!({})),
            Just(json!({ "sub": "user_2" })),
            Just(json!({ "sub": "user_2", "sid": null })),
            Just(json!({ "sub": "user_2", "iss": null })),
            Just(json!({ "id": "org_1", "per": "a,b", "fpm": "3", "x": 1 })),
            Just(json!({ "id": "org_1", "per": 1 })),
            Just(json!(["org_1", "acme", "admin", "a", "1"])),
            Just(json!(["i", "sess_2", "user_2"])),
            Just(json!([])),
            Just(json!([1, -1])),
            Just(json!([0, i64::MAX])),
            Just(json!([0, 0, 0])),
            Just(json!(["a", "b"])),
            Just(json!(["a", 1])),
        ];
        let names: Vec<_> = CLERKS_CLAIMS.into_iter().chain(["x"]).collect();
        (proptest::sample::select(names), values)
    }
}
