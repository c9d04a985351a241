use std::{
    collections::BTreeSet,
    fmt,
    time::{Duration, SystemTime},
};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;

use crate::{
    Actor, Claims,
    claims::{Category, Entitlement, FactorAges, Organization},
};

/// A payload yields claims if and only if each claim that decides is of its form. They are written as they came, tell
/// what is in it that can be read, and tell the same in any other way to write it.
pub fn claims(payload: &[u8]) {
    let read = |category| Claims::from_verified(payload.to_vec(), category, None).ok();
    let claims = read(Category::Unstated);
    let of_session = claims.as_ref().filter(|claims| claims.session_id().is_some());
    assert_eq!(read(Category::Session).as_ref().map(told), of_session.map(told));
    if claims.is_some() {
        let of_template = read(Category::Template).expect("a template's token may hold anything");
        let (.., ages, organization, entitlements, _) = told(&of_template);
        assert_eq!((ages, organization, entitlements), (None, None, [vec![], vec![]]));
    }

    for category in [Category::Unstated, Category::Template] {
        claims_of(payload, category);
    }
}

fn claims_of(payload: &[u8], category: Category) {
    let claims = Claims::from_verified(payload.to_vec(), category, None).ok();
    if let Some(claims) = &claims {
        let json = str::from_utf8(payload).expect("claims are text");
        let json = json.trim_matches([' ', '\t', '\r', '\n']);
        assert_eq!(serde_json::to_string(claims).expect("claims are JSON"), json);
    }
    // Claims of the user's own may be too deep or too large for a value.
    let Ok(value) = serde_json::from_slice::<Value>(payload) else { return };
    let rewritten = value.to_string().into_bytes();
    let again = Claims::from_verified(rewritten, category, None).ok();
    match (&claims, &again) {
        (Some(claims), Some(again)) => {
            assert_tells(again, &value, category);
            let names_twice =
                |name| claims.get::<NamesTwice>(name).is_ok_and(|it| it == Some(NamesTwice(true)));
            // What does is not read, and would be when it is rewritten.
            if ["o", "act"].into_iter().any(names_twice) {
                return;
            }
            assert_eq!(told(claims), told(again));
            assert_tells(claims, &value, category);
        }
        (Some(_), None) => panic!("{value} is refused when it is rewritten"),
        // A member that was named twice is not when it is rewritten.
        (None, _) => {}
    }
    assert_eq!(again.is_some(), is_acceptable(&value, category), "{value} {category:?}");
}

/// Whether an object names a member twice.
#[derive(Debug, PartialEq, Eq)]
struct NamesTwice(bool);

impl<'de> Deserialize<'de> for NamesTwice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Names)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = NamesTwice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NamesTwice, A::Error> {
        let (mut names, mut twice) = (BTreeSet::<String>::new(), false);
        while let Some((name, IgnoredAny)) = map.next_entry()? {
            twice |= !names.insert(name);
        }
        Ok(NamesTwice(twice))
    }
}

/// All that they tell, but for the times.
type Told = (
    [Option<String>; 5],
    Vec<String>,
    bool,
    Option<FactorAges>,
    Option<Organization>,
    [Vec<Entitlement>; 2],
    Option<Option<Value>>,
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
        // What cannot be read of an actor is told as it is written, and a number can be written in many ways. Of half
        // a character nobody makes a value.
        claims.actor().map(|actor| serde_json::to_value(actor).ok()),
    )
}

fn assert_tells(claims: &Claims, value: &Value, category: Category) {
    for (name, member) in value.as_object().expect("claims are an object") {
        let got = claims.get::<Value>(name).expect("any JSON is a value");
        assert_eq!(got.as_ref(), Some(member).filter(|member| !member.is_null()));
    }
    let of_template = category == Category::Template;
    let readable = |name: &str| is_readable(name, &value[name]);
    let texts = ["iss", "sub", "sid", "azp", "jti"];
    let texts = texts.map(|name| value[name].as_str().filter(|_| readable(name)));
    let (read, _, pending, ..) = told(claims);
    assert_eq!(read.each_ref().map(Option::as_deref), texts);
    let times = [Some(claims.expires_at()), claims.not_before(), claims.issued_at()];
    for (time, name) in times.into_iter().zip(["exp", "nbf", "iat"]) {
        assert_is_time(time, &value[name]);
    }
    assert_eq!(pending, value["sts"] == "pending");
    let actor = claims.actor();
    let has_actor = readable("act") || !of_template;
    assert_eq!(actor.is_some(), !value["act"].is_null() && has_actor);
    assert_eq!(
        actor.as_ref().and_then(Actor::subject),
        value["act"]["sub"].as_str().filter(|_| has_actor)
    );
    assert_eq!(claims.factor_ages().is_some(), {
        let is_of_session = !of_template && claims.session_id().is_some();
        is_of_session && !value["fva"].is_null() && readable("fva")
    });
    let (organization, of) = if value["v"].as_u64() == Some(2) {
        (&value["o"]["id"], "o")
    } else {
        (&value["org_id"], "org_id")
    };
    let told = claims.organization();
    let is_of_session = !of_template && claims.session_id().is_some();
    let organization = organization.as_str().filter(|_| is_of_session && readable(of));
    assert_eq!(told.as_ref().map(|it| it.id.as_str()), organization);
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

fn is_acceptable(payload: &Value, category: Category) -> bool {
    let Value::Object(claims) = payload else { return false };
    let always = ["iss", "azp", "exp", "nbf", "iat"];
    let of_sessions: &[&str] = if category == Category::Template { &[] } else { &["sid", "sts"] };
    ["iss", "exp"].iter().all(|name| claims.get(*name).is_some_and(|value| !value.is_null()))
        && is_id(&payload["sub"], "user_")
        && always.iter().chain(of_sessions).all(|name| is_readable(name, &payload[*name]))
}

/// Whether a claim is of its form, or absent.
fn is_readable(name: &str, value: &Value) -> bool {
    let is = match name {
        "exp" | "nbf" | "iat" => is_time(value),
        "sid" => is_id(value, "sess_"),
        "org_id" => is_id(value, "org_"),
        "aud" => value.is_string() || is_list(value, Value::is_string),
        "org_permissions" => is_list(value, Value::is_string),
        "fva" => is_list(value, is_age) && value.as_array().is_some_and(|ages| ages.len() == 2),
        "act" => value["sub"].is_string() && texts(value, &["iss", "sid"]),
        "o" => is_id(&value["id"], "org_") && texts(value, &["slg", "rol", "per", "fpm"]),
        _ => value.is_string(),
    };
    is || value.is_null()
}

fn texts(object: &Value, names: &[&str]) -> bool {
    object.is_object()
        && names.iter().all(|name| object[*name].is_string() || object[*name].is_null())
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

    #[test]
    fn an_actor_that_is_a_number_is_the_same_in_any_way_to_write_it() {
        claims(br#"{"iss":"i","sub":"user_1","exp":60,"act":6.025e1}"#);
    }

    #[test]
    fn an_actor_of_half_a_character_is_there() {
        claims(br#"{"iss":"i","sub":"user_1","exp":60,"act":{"sub":"a\ud800"}}"#);
    }

    #[test]
    fn what_names_a_member_twice_is_told_as_what_it_is() {
        for own in [
            r#""o":{"id":"org_1","id":"org_1"}"#,
            r#""o":{"id":"org_1","x":1,"x":2}"#,
            r#""act":{"sub":"a","sub":"b"}"#,
            r#""act":{"sub":"a","x":1,"x":2}"#,
        ] {
            let base = r#"{"iss":"i","sub":"user_1","sid":"sess_1","exp":60,"v":2,"#;
            claims(format!("{base}{own}}}").as_bytes());
        }
    }

    proptest! {
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
