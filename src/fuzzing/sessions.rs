use serde_json::{Map, Value, json};

use crate::{Session, SessionStatus, session::JsonSession};

/// A session that can be read is written as it was read, save for what is unknown or unreadable, and
/// reads the same again, whichever way it is read. No ornament makes it unreadable, whatever it is
/// replaced by.
pub fn session_json(json: &[u8]) {
    let told = serde_json::from_slice::<JsonSession>(json);
    let Ok(session) = serde_json::from_slice::<Session>(json) else {
        // What no value can hold.
        return assert!(told.is_err() || serde_json::from_slice::<Value>(json).is_err());
    };
    assert_eq!(told.expect("it reads at least as much").0, session);
    let written = serde_json::to_string(&session).expect("a session is JSON");
    let again: Session = serde_json::from_str(&written).expect("it was written by ourselves");
    assert_eq!(again, session);
    assert_eq!(serde_json::to_string(&again).expect("as before"), written);
    assert_eq!(SessionStatus::from(session.status().as_str()), *session.status());

    // Unknown members may hold what is too deep or too large for a value.
    if let Ok(read) = serde_json::from_slice::<Value>(json) {
        let written: Value = serde_json::from_str(&written).expect("it was just read");
        assert_eq!(written, known(read.clone()));
        ORNAMENTS.iter().for_each(|name| assert_ornament(&session, &read, name));
    }
}

const ORNAMENTS: [&str; 9] = [
    "object",
    "client_id",
    "actor",
    "last_active_organization_id",
    "last_active_at",
    "latest_activity",
    "updated_at",
    "created_at",
    "tasks",
];

fn assert_ornament(session: &Session, read: &Value, name: &str) {
    let mut others = object(read.clone());
    let own = others.remove(name);
    let odd = [None, Some(Value::Null), Some(json!([own])), Some(json!({ "sub": own }))];
    for odd in odd {
        let is_there = odd.as_ref().is_some_and(|odd| !odd.is_null());
        let mut members = others.clone();
        members.extend(odd.map(|odd| (name.to_owned(), odd)));
        let changed: Session =
            serde_json::from_value(members.into()).expect("no ornament makes it unreadable");
        let decisive = |session: &Session| {
            let ends = (session.expire_at(), session.abandon_at());
            (session.id().clone(), session.user_id().clone(), session.status().clone(), ends)
        };
        assert_eq!(decisive(&changed), decisive(session));
        match name {
            "actor" => assert_eq!(changed.actor().is_some(), is_there),
            "tasks" => assert_eq!(!changed.tasks().is_empty(), is_there),
            _ => {}
        }
    }
}

const TEXTS_OF_ACTIVITY: [&str; 8] = [
    "object",
    "id",
    "device_type",
    "browser_name",
    "browser_version",
    "ip_address",
    "city",
    "country",
];

/// Without what the API does not name, and with `null` for what is of another form than the API
/// names; with `object`, whatever it was.
fn known(session: Value) -> Value {
    let mut session = object(session);
    keep(&mut session, |name, value| match name {
        "id" | "user_id" | "status" | "expire_at" | "abandon_at" | "actor" => true,
        "client_id" => or_null(value, is_id("client_")),
        "last_active_organization_id" => or_null(value, is_id("org_")),
        "last_active_at" | "updated_at" | "created_at" => {
            or_null(value, |value| value.as_u64().is_some_and(|at| at < 253_402_300_800_000))
        }
        "latest_activity" => {
            if let Value::Object(activity) = value {
                keep(activity, |name, value| {
                    name == "is_mobile" && value.is_boolean()
                        || TEXTS_OF_ACTIVITY.contains(&name) && value.is_string()
                });
            }
            or_null(value, Value::is_object)
        }
        "tasks" => {
            if !value.is_array() && !value.is_null() {
                *value = json!([value.take()]);
            }
            for task in value.as_array_mut().into_iter().flatten() {
                if let Value::Object(members) = task
                    && members.get("key").is_some_and(Value::is_string)
                {
                    keep(members, |name, _| name == "key");
                }
            }
            true
        }
        _ => false,
    });
    session.insert("object".to_owned(), json!("session"));
    session.into()
}

fn or_null(value: &mut Value, is_known: impl FnOnce(&Value) -> bool) -> bool {
    if !is_known(value) {
        *value = Value::Null;
    }
    true
}

fn is_id(prefix: &'static str) -> impl FnOnce(&Value) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    move |value| {
        value.as_str().is_some_and(|id| {
            let rest = id.strip_prefix(prefix).unwrap_or_default();
            !rest.is_empty() && rest.chars().all(plain) && id.len() <= 128
        })
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("no object: {other}"),
    }
}

fn keep(members: &mut Map<String, Value>, mut keep: impl FnMut(&str, &mut Value) -> bool) {
    let all = std::mem::take(members);
    let kept = all
        .into_iter()
        .filter_map(|(name, mut value)| keep(&name, &mut value).then_some((name, value)));
    members.extend(kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_session_is_written_as_it_was_read(session in session()) {
            session_json(session.to_string().as_bytes());
        }

        #[test]
        fn what_was_changed_anywhere_is_refused_or_written(
            session in session(),
            place in any::<proptest::sample::Index>(),
            change in "[\\[\\]{}\",:0-9a]?",
        ) {
            let mut json = session.to_string().into_bytes();
            let place = place.index(json.len());
            json.splice(place..=place, change.into_bytes());
            session_json(&json);
        }
    }

    fn session() -> impl Strategy<Value = Value> {
        let id = |prefix: &'static str| {
            "[A-Za-z0-9_-]{1,8}".prop_map(move |id| format!("{prefix}_{id}"))
        };
        let status =
            "(active|pending|revoked|ended|expired|removed|abandoned|replaced|[a-zé]{0,5})";
        let times = proptest::collection::vec(0_u64..253_402_300_800_000, 5);
        let optional = proptest::collection::btree_map(
            prop_oneof![
                Just("actor"),
                Just("last_active_organization_id"),
                Just("latest_activity"),
                Just("tasks"),
                Just("client_id"),
                Just("updated_at"),
                Just("object"),
                Just("unknown"),
            ],
            any::<u8>(),
            0..8,
        );
        let optional =
            (optional, value()).prop_map(|(names, value)| optional_members(names, &value));
        let required = (id("sess"), id("user"), id("client"), status, times);
        (required, optional).prop_map(|((id, user, client, status, times), optional)| {
            let mut session = json!({
                "object": "session", "id": id, "user_id": user, "client_id": client,
                "status": status, "created_at": times[0], "updated_at": times[1],
                "last_active_at": times[2], "expire_at": times[3], "abandon_at": times[4],
            });
            session.as_object_mut().expect("an object").extend(optional);
            session
        })
    }

    fn optional_members(
        names: std::collections::BTreeMap<&'static str, u8>,
        any: &Value,
    ) -> Map<String, Value> {
        let member = |name, choice: u8| match (name, choice % 4) {
            (_, 0) => Value::Null,
            (name, 1) if name != "unknown" => any.clone(),
            ("actor", _) => json!({ "sub": "user_2", "x": any }),
            ("last_active_organization_id", _) => json!("org_1"),
            ("latest_activity", choice) => json!({
                "object": "session_activity", "id": "a", "is_mobile": choice % 4 == 2,
                "city": any, "country": "AT", "device_type": null, "x": any,
            }),
            ("tasks", 2) => json!([["setup-mfa"], any]),
            ("tasks", _) => json!([{ "key": "setup-mfa", "x": any }, { "key": "" }]),
            _ => any.clone(),
        };
        names.into_iter().map(|(name, choice)| (name.to_owned(), member(name, choice))).collect()
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 8, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::btree_map(".{0,3}", inner, 0..3)
                    .prop_map(|members| Value::from(Map::from_iter(members))),
            ]
        })
    }
}
