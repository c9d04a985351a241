use serde_json::{Map, Value};

use crate::{Session, SessionStatus};

/// A session that can be read is written as it was read, save for what is unknown, and reads the
/// same again.
pub fn session_json(json: &[u8]) {
    let Ok(session) = serde_json::from_slice::<Session>(json) else { return };
    let written = serde_json::to_string(&session).expect("a session is JSON");
    let again: Session = serde_json::from_str(&written).expect("it was written by ourselves");
    assert_eq!(again, session);
    assert_eq!(serde_json::to_string(&again).expect("as before"), written);
    assert_eq!(SessionStatus::from(session.status().as_str()), *session.status());

    // Unknown members may hold what is too deep or too large for a value.
    if let Ok(read) = serde_json::from_slice::<Value>(json) {
        let written: Value = serde_json::from_str(&written).expect("it was just read");
        assert_eq!(written, known(read));
    }
}

const TEXTS_OF_ACTIVITY: [&str; 6] =
    ["device_type", "browser_name", "browser_version", "ip_address", "city", "country"];

/// Without what the API does not name, and without the nulls of an activity.
fn known(session: Value) -> Value {
    let mut session = object(session);
    keep(&mut session, |name, value| match name {
        "latest_activity" if !value.is_null() => {
            let mut activity = object(value.take());
            keep(&mut activity, |name, value| {
                ["object", "id", "is_mobile"].contains(&name)
                    || TEXTS_OF_ACTIVITY.contains(&name) && !value.is_null()
            });
            *value = activity.into();
            true
        }
        "tasks" => {
            for task in value.as_array_mut().into_iter().flatten() {
                let mut members = object(task.take());
                keep(&mut members, |name, _| name == "key");
                *task = members.into();
            }
            true
        }
        "object"
        | "id"
        | "user_id"
        | "client_id"
        | "actor"
        | "status"
        | "last_active_organization_id"
        | "last_active_at"
        | "latest_activity"
        | "expire_at"
        | "abandon_at"
        | "updated_at"
        | "created_at" => true,
        _ => false,
    });
    session.into()
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
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

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
                Just("unknown"),
            ],
            any::<u8>(),
            0..5,
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
            ("actor", _) => json!({ "sub": "user_2", "x": any }),
            ("last_active_organization_id", _) => json!("org_1"),
            ("latest_activity", 1) => json!(["session_activity", "a", true]),
            ("latest_activity", choice) => json!({
                "object": "session_activity", "id": "a", "is_mobile": choice == 2,
                "city": any, "country": "AT", "device_type": null, "x": any,
            }),
            ("tasks", 1) => json!([["setup-mfa"]]),
            ("tasks", 2) => json!([]),
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
