//! What a session is read from, and what becomes of the rest.

use std::time::Duration;

use serde_json::json;

use super::*;

fn bare() -> Value {
    json!({
        "object": "session",
        "id": "sess_1",
        "user_id": "user_1",
        "client_id": "client_1",
        "status": "active",
        "created_at": 1_700_000_000_001_u64,
        "updated_at": 1_700_000_000_002_u64,
        "last_active_at": 1_700_000_000_003_u64,
        "expire_at": 1_700_600_000_004_u64,
        "abandon_at": 1_702_600_000_005_u64,
    })
}

fn full() -> Value {
    let mut session = bare();
    session["status"] = json!("pending");
    session["actor"] = json!({"sub": "user_admin", "reason": {"ticket": 7}});
    session["last_active_organization_id"] = json!("org_1");
    session["latest_activity"] = json!({
        "object": "session_activity",
        "id": "sess_activity_1",
        "is_mobile": false,
        "device_type": "Macintosh",
        "browser_name": "Firefox",
        "browser_version": "140.0",
        "ip_address": "203.0.113.7",
        "city": "Vienna",
        "country": "AT",
    });
    session["tasks"] = json!([{"key": "choose-organization"}]);
    session
}

fn read(json: &Value) -> Result<Session, serde_json::Error> {
    serde_json::from_str(&json.to_string())
}

#[test]
fn a_session_is_written_as_it_was_read() {
    let mut nulled = full();
    let mut empty = full();
    empty["tasks"] = json!([]);
    for name in ["actor", "last_active_organization_id", "latest_activity", "tasks"] {
        nulled[name] = Value::Null;
    }
    for golden in [bare(), full(), nulled, empty] {
        let session = read(&golden).unwrap();
        assert_eq!(serde_json::to_value(&session).unwrap(), golden);
    }
}

#[test]
fn the_numbers_of_an_actor_do_not_drift() {
    let mut drifting = bare();
    drifting["actor"] = json!({ "n": [0] });
    for number in ["25340230079993333333333333333333333333333333333399", "7.2057594037927933e97"] {
        let text = drifting.to_string().replace("[0]", number);
        let session: Session = serde_json::from_str(&text).unwrap();
        let written = serde_json::to_string(&session).unwrap();
        assert_eq!(serde_json::from_str::<Session>(&written).unwrap(), session, "{number}");
    }
}

#[test]
fn clerks_order_of_properties_is_kept() {
    let text = serde_json::to_string(&read(&bare()).unwrap()).unwrap();
    assert!(text.starts_with(r#"{"object":"session","id":"sess_1","user_id":"user_1""#), "{text}");
}

#[test]
fn every_property_has_its_accessor() {
    let session = read(&full()).unwrap();
    let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
    assert_eq!(session.id().as_str(), "sess_1");
    assert_eq!(session.user_id().as_str(), "user_1");
    assert_eq!(session.client_id().unwrap().as_str(), "client_1");
    assert_eq!(session.status(), &SessionStatus::Pending);
    assert_eq!(session.actor().unwrap().subject(), Some("user_admin"));
    assert_eq!(session.actor().unwrap().members().unwrap()["reason"]["ticket"], 7);
    assert_eq!(session.last_active_organization_id().unwrap().as_str(), "org_1");
    assert_eq!(session.latest_activity().unwrap().city(), Some("Vienna"));
    assert_eq!(session.tasks()[0].key(), Some("choose-organization"));
    assert_eq!(session.created_at(), Some(at(1_700_000_000_001)));
    assert_eq!(session.updated_at(), Some(at(1_700_000_000_002)));
    assert_eq!(session.last_active_at(), Some(at(1_700_000_000_003)));
    assert_eq!(session.expire_at(), at(1_700_600_000_004));
    assert_eq!(session.abandon_at(), at(1_702_600_000_005));
}

#[test]
fn what_is_optional_may_be_absent() {
    let session = read(&bare()).unwrap();
    assert_eq!(session.actor(), None);
    assert_eq!(session.last_active_organization_id(), None);
    assert_eq!(session.latest_activity(), None);
    assert!(session.tasks().is_empty());
}

#[test]
fn unknown_properties_and_statuses_are_tolerated() {
    let mut json = bare();
    json["status"] = json!("hibernating");
    json["mood"] = json!({"sunny": true});
    let session = read(&json).unwrap();
    assert_eq!(session.status().as_str(), "hibernating");
    assert_eq!(serde_json::to_value(&session).unwrap()["status"], "hibernating");
}

const DECISIVE: [&str; 5] = ["id", "user_id", "status", "expire_at", "abandon_at"];

/// What nothing depends on.
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

#[test]
fn what_decides_must_be_there_and_of_its_type() {
    for name in DECISIVE {
        let mut json = bare();
        json.as_object_mut().unwrap().remove(name);
        assert!(read(&json).is_err(), "without {name}");
        for wrong in [json!(null), json!(-1), json!(1.5), json!([]), json!({}), json!("")] {
            let mut json = bare();
            // An empty status is merely an unknown one.
            if name == "status" && wrong == "" {
                continue;
            }
            json[name] = wrong.clone();
            assert!(read(&json).is_err(), "{name}: {wrong}");
            assert!(from_text(&json.to_string()).is_err(), "{name}: {wrong}");
        }
    }
    let mut json = bare();
    json["id"] = json!("user_1");
    assert!(read(&json).is_err());
    assert!(serde_json::from_str::<Session>(r#"["session","sess_1"]"#).is_err());
}

#[test]
fn a_null_that_nothing_depends_on_signs_nobody_out() {
    for name in ORNAMENTS {
        let mut absent = full();
        absent.as_object_mut().unwrap().remove(name);
        assert_decides_as_ever(&absent);
        for odd in [json!(null), json!(-1), json!(1.5), json!("x"), json!([]), json!([{}, null])] {
            let mut json = full();
            json[name] = odd;
            assert_decides_as_ever(&json);
        }
    }
    let mut json = full();
    json["latest_activity"]["is_mobile"] = Value::Null;
    json["latest_activity"]["country"] = json!(43);
    assert_decides_as_ever(&json);
    let session = read(&json).unwrap();
    let activity = session.latest_activity().unwrap();
    assert_eq!((activity.is_mobile(), activity.country()), (None, None));
    assert_eq!(activity.city(), Some("Vienna"), "the rest is known");
}

#[test]
fn what_cannot_be_read_is_not_known() {
    let mut json = full();
    for name in ORNAMENTS {
        json[name] = json!(false);
    }
    let session = read(&json).unwrap();
    assert_eq!((session.client_id(), session.last_active_organization_id()), (None, None));
    let times = [session.created_at(), session.updated_at(), session.last_active_at()];
    assert_eq!((times, session.latest_activity()), ([None; 3], None));
    let written = serde_json::to_value(&session).unwrap();
    assert_eq!((&written["object"], &written["client_id"]), (&json!("session"), &Value::Null));
}

#[test]
fn an_impersonator_whom_nobody_can_name_is_there_all_the_same() {
    for odd in [json!("user_1"), json!(["sub"]), json!(false), json!(""), json!(0)] {
        let mut json = bare();
        json["actor"] = odd.clone();
        let session = read(&json).unwrap();
        let actor = session.actor().unwrap();
        assert_eq!((actor.members(), actor.subject()), (None, None), "{odd}");
        assert_eq!(
            serde_json::to_value(&session).unwrap(),
            json,
            "it does not get lost in a store"
        );
    }
    let mut json = bare();
    json["actor"] = json!({ "sub": 7 });
    let session = read(&json).unwrap();
    assert_eq!(session.actor().unwrap().subject(), None);
    assert_eq!(session.actor().unwrap().members().unwrap()["sub"], 7);
    for nobody in [bare(), {
        json["actor"] = Value::Null;
        json
    }] {
        assert_eq!(read(&nobody).unwrap().actor(), None);
    }
}

#[test]
fn a_task_that_nobody_can_read_is_still_to_be_done() {
    for (odd, keys) in [
        (json!("setup-mfa"), &[None][..]),
        (json!({ "key": "setup-mfa" }), &[Some("setup-mfa")]),
        (json!([["setup-mfa"], { "key": "setup-mfa" }]), &[None, Some("setup-mfa")]),
        (json!([{ "key": null }, null]), &[None, None]),
        (json!([]), &[]),
        (json!(null), &[]),
    ] {
        let mut json = bare();
        json["tasks"] = odd.clone();
        let session = read(&json).unwrap();
        let told: Vec<_> = session.tasks().iter().map(SessionTask::key).collect();
        assert_eq!(told, keys, "{odd}");
        let written = serde_json::to_string(&session).unwrap();
        assert_eq!(serde_json::from_str::<Session>(&written).unwrap(), session, "{odd}");
    }
}

#[test]
fn what_no_value_can_hold_refuses_nobody_whom_clerk_told_of() {
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    for name in ORNAMENTS {
        for odd in [deep.as_str(), "1e999", r#""\ud800""#] {
            let mut json = bare();
            json[name] = Value::Null;
            let text = json
                .to_string()
                .replace(&format!(r#""{name}":null"#), &format!(r#""{name}":{odd}"#));
            assert!(text.contains(odd), "{name}");
            let session = from_text(&text).unwrap();
            assert_eq!(session.actor().is_some(), name == "actor", "{odd}");
            assert_eq!(session.tasks().is_empty(), name != "tasks", "{odd}");
            let written = serde_json::to_string(&session).unwrap();
            assert_eq!(from_text(&written).unwrap(), session, "{name}: {odd}");
        }
    }
}

#[test]
fn a_session_can_be_read_out_of_an_enum() {
    #[derive(Deserialize)]
    #[serde(tag = "type")]
    enum Event {
        #[serde(rename = "session.ended")]
        Ended { data: Session },
    }
    let event = json!({ "type": "session.ended", "data": full() });
    let Event::Ended { data } = serde_json::from_value(event).unwrap();
    assert_eq!(data, read(&full()).unwrap());
}

/// That the JSON tells of a session that decides as [`full`] does, however it is read.
fn assert_decides_as_ever(json: &Value) {
    let expected = read(&full()).unwrap();
    for session in [read(json).unwrap(), from_text(&json.to_string()).unwrap()] {
        assert_eq!(session.id(), expected.id());
        assert_eq!(session.user_id(), expected.user_id());
        assert_eq!(session.status(), expected.status());
        assert_eq!(session.expire_at(), expected.expire_at());
        assert_eq!(session.abandon_at(), expected.abandon_at());
        let written = serde_json::to_string(&session).unwrap();
        assert_eq!(read(&serde_json::from_str(&written).unwrap()).unwrap(), session, "{json}");
    }
}

fn from_text(json: &str) -> Result<Session, serde_json::Error> {
    serde_json::from_str::<JsonSession>(json).map(|session| session.0)
}

#[test]
fn times_end_with_the_year_9999() {
    let mut json = bare();
    json["expire_at"] = json!(253_402_300_799_999_u64);
    assert_eq!(serde_json::to_value(read(&json).unwrap()).unwrap(), json);
    for beyond in [253_402_300_800_000, u64::MAX] {
        json["expire_at"] = json!(beyond);
        assert!(read(&json).is_err(), "{beyond}");
    }
}

#[test]
fn debug_names_the_session_and_spares_the_rest() {
    let text = format!("{:?}", read(&full()).unwrap());
    assert!(text.contains("sess_1") && !text.contains("203.0.113.7"), "{text}");
}
