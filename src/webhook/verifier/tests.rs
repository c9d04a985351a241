//! Messages as they arrive, genuine and not.

mod mutilations;

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::*;
use crate::{
    Session, SessionStatus,
    webhook::{EventKind, sign},
};

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const OTHER: &str = "whsec_CAgICAgICAgICAgICAgICAgICAgICAgI";
const ID: &str = "msg_1";
const SENT_AT: u64 = 1_700_000_000;

/// A message, as it arrives.
#[derive(Clone)]
struct Message {
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Message {
    fn of(body: &Value) -> Self {
        let mut message = Self { headers: HeaderMap::new(), body: body.to_string().into_bytes() };
        message.set("svix-id", ID).set("svix-timestamp", SENT_AT.to_string()).resign();
        message
    }

    fn set(&mut self, name: &'static str, value: impl Into<String>) -> &mut Self {
        let value = HeaderValue::from_bytes(value.into().as_bytes()).unwrap();
        self.headers.insert(name, value);
        self
    }

    fn add(&mut self, name: &'static str, value: impl Into<String>) -> &mut Self {
        let value = HeaderValue::from_bytes(value.into().as_bytes()).unwrap();
        self.headers.append(name, value);
        self
    }

    fn without(&mut self, name: &str) -> &mut Self {
        self.headers.remove(name).unwrap();
        self
    }

    fn edit(&mut self, change: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        change(&mut self.body);
        self
    }

    fn text(&self, name: &str) -> String {
        self.headers[name].to_str().unwrap().to_owned()
    }

    fn resign(&mut self) -> &mut Self {
        self.sign_with(SECRET)
    }

    /// Signs what the headers and the body say now.
    fn sign_with(&mut self, secret: &str) -> &mut Self {
        let timestamp = self.text("svix-timestamp").parse().unwrap();
        let signature =
            sign(&secret.parse().unwrap(), &self.text("svix-id"), timestamp, &self.body);
        self.set("svix-signature", signature)
    }

    fn rename(&mut self) -> &mut Self {
        for (svix, standard) in [
            ("svix-id", "webhook-id"),
            ("svix-timestamp", "webhook-timestamp"),
            ("svix-signature", "webhook-signature"),
        ] {
            let value = self.headers.remove(svix).unwrap();
            self.headers.insert(HeaderName::from_static(standard), value);
        }
        self
    }

    fn verify(&self) -> Result<WebhookEvent, WebhookErrorKind> {
        let verifier = verifier().clock(clock(SENT_AT));
        verifier.verify(&self.headers, &self.body).map_err(|error| error.kind())
    }
}

fn verifier() -> WebhookVerifier {
    WebhookVerifier::new(SECRET.parse().unwrap())
}

fn clock(seconds: u64) -> Clock {
    Clock::fixed(UNIX_EPOCH + Duration::from_secs(seconds))
}

fn ended() -> Value {
    json!({
        "object": "event",
        "type": "session.ended",
        "timestamp": 1_699_999_999_123_u64,
        "instance_id": "ins_1",
        "event_attributes": { "http_request": { "client_ip": "", "user_agent": "" } },
        "data": {
            "object": "session", "id": "sess_1", "user_id": "user_1", "client_id": "client_1",
            "status": "ended", "created_at": 1_699_000_000_000_u64,
            "updated_at": 1_699_999_999_000_u64, "last_active_at": 1_699_999_999_000_u64,
            "expire_at": 1_799_999_999_000_u64, "abandon_at": 1_799_999_999_000_u64, "user": null,
        },
    })
}

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut event = ended();
    change(&mut event);
    event
}

#[test]
fn what_clerk_has_signed_is_an_event() {
    let event = Message::of(&ended()).verify().unwrap();
    assert_eq!((event.id(), event.kind()), (ID, &EventKind::SessionEnded));
    assert_eq!(event.session_id().unwrap().as_str(), "sess_1");
    assert_eq!(event.user_id().unwrap().as_str(), "user_1");
    assert_eq!(event.timestamp(), UNIX_EPOCH + Duration::from_millis(1_699_999_999_123));
    assert_eq!(event.updated_at(), Some(UNIX_EPOCH + Duration::from_secs(1_699_999_999)));
    let session: Session = event.get("data").unwrap().unwrap();
    assert_eq!(session.status(), &SessionStatus::Ended);
    assert_eq!(event.get::<String>("instance_id").unwrap().as_deref(), Some("ins_1"));
    assert_eq!(event.get::<String>("nothing").unwrap(), None);
    assert!(event.get::<String>("data").is_err());
    assert_eq!(event.payload(), ended().to_string());
    assert_eq!(Message::of(&ended()).rename().verify().unwrap().id(), ID);
}

/// The example of the Standard Webhooks specification, which others have signed.
#[test]
fn the_signature_is_that_of_the_standard() {
    let verifier = WebhookVerifier::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap())
        .clock(clock(1_614_265_330));
    let mut message =
        Message { headers: HeaderMap::new(), body: br#"{"test": 2432232314}"#.to_vec() };
    message
        .set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
        .set("webhook-timestamp", "1614265330")
        .set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    let error = verifier.verify(&message.headers, &message.body).unwrap_err();
    assert_eq!(error.kind(), WebhookErrorKind::Payload, "genuine, though no event");
    message.body.push(b' ');
    let error = verifier.verify(&message.headers, &message.body).unwrap_err();
    assert_eq!(error.kind(), WebhookErrorKind::Signature);
}

#[test]
fn any_signature_of_the_first_version_will_do() {
    let mut message = Message::of(&ended());
    let good = message.text("svix-signature");
    let bad = message.clone().sign_with(OTHER).text("svix-signature");
    for signatures in [
        format!("{bad} {good}"),
        format!("{good} {bad}"),
        format!("v2,{} v1a,AAAA {good}", &good[3..]),
        format!("v1, v1 , {good}"),
        format!("  {good}  "),
    ] {
        assert!(
            message.set("svix-signature", signatures.as_str()).verify().is_ok(),
            "{signatures}"
        );
    }
}

#[test]
fn during_a_rotation_both_secrets_are_good() {
    let mut message = Message::of(&ended());
    message.sign_with(OTHER);
    let [one, both] = [verifier(), verifier().also(OTHER.parse().unwrap())];
    let at = || clock(SENT_AT);
    assert!(one.clock(at()).verify(&message.headers, &message.body).is_err());
    assert!(both.clone().clock(at()).verify(&message.headers, &message.body).is_ok());
    message.resign();
    assert!(both.clock(at()).verify(&message.headers, &message.body).is_ok());
}

#[test]
fn five_minutes_either_way_are_allowed_and_no_more() {
    let message = Message::of(&ended());
    for (now, is_good) in [
        (SENT_AT - 301, false),
        (SENT_AT - 300, true),
        (SENT_AT + 300, true),
        (SENT_AT + 301, false),
        (0, false),
    ] {
        let verified = verifier().clock(clock(now)).verify(&message.headers, &message.body);
        assert_eq!(verified.is_ok(), is_good, "{now}");
    }
}

#[test]
fn an_event_must_say_whom_it_is_about() {
    let membership = || {
        json!({
            "id": "orgmem_1", "role": "org:member", "updated_at": 1_699_999_000_000_u64,
            "organization": { "id": "org_1" }, "public_user_data": { "user_id": "user_1" },
        })
    };
    let event = |kind: &str, data: Value| Message::of(&json!({ "type": kind, "data": data }));
    for kind in ["created", "pending", "ended", "removed", "revoked"] {
        let kind = format!("session.{kind}");
        let told = event(&kind, json!({ "id": "sess_1" })).verify().unwrap();
        assert_eq!((told.kind().as_str(), told.session_id().is_some()), (&*kind, true));
        assert_eq!(told.user_id(), None, "nothing depends on it");
        for odd in
            [json!({}), json!({ "id": null }), json!({ "id": "user_1" }), json!([]), json!(1)]
        {
            assert_eq!(event(&kind, odd).verify().unwrap_err(), WebhookErrorKind::Payload);
        }
    }
    let deleted =
        event("user.deleted", json!({ "id": "user_1", "deleted": true })).verify().unwrap();
    assert_eq!(deleted.user_id().unwrap().as_str(), "user_1");
    assert!(event("user.deleted", json!({ "deleted": true })).verify().is_err());

    for (banned, told) in [(json!(true), true), (json!(false), false), (json!(null), false)] {
        let user = json!({ "id": "user_1", "banned": banned });
        assert_eq!(event("user.updated", user).verify().unwrap().is_banned(), told);
    }
    assert!(!event("user.updated", json!({ "id": "user_1" })).verify().unwrap().is_banned());
    assert!(event("user.updated", json!({ "id": "user_1", "banned": "yes" })).verify().is_err());

    for kind in ["organizationMembership.updated", "organizationMembership.deleted"] {
        let told = event(kind, membership()).verify().unwrap();
        assert_eq!(told.organization_id().unwrap().as_str(), "org_1");
        assert_eq!(told.user_id().unwrap().as_str(), "user_1");
        assert_eq!(told.updated_at(), Some(UNIX_EPOCH + Duration::from_secs(1_699_999_000)));
        for part in ["organization", "public_user_data"] {
            let mut odd = membership();
            odd[part] = json!({ "id": "user_1" });
            assert_eq!(event(kind, odd).verify().unwrap_err(), WebhookErrorKind::Payload, "{part}");
        }
    }
}

#[test]
fn what_does_not_decide_does_not_veto() {
    for odd in [
        changed(|it| it["object"] = json!(null)),
        changed(|it| it["timestamp"] = json!("now")),
        changed(|it| it["instance_id"] = json!({})),
        changed(|it| it["event_attributes"] = json!(null)),
        changed(|it| it["data"]["user_id"] = json!(7)),
        changed(|it| it["data"]["status"] = json!(null)),
        changed(|it| it["data"]["updated_at"] = json!("yesterday")),
        changed(|it| it["data"]["organization"] = json!("org_1")),
        changed(|it| it["data"] = json!({ "id": "sess_1" })),
        json!({ "type": "session.ended", "data": { "id": "sess_1" } }),
    ] {
        let event = Message::of(&odd).verify().unwrap();
        assert_eq!(event.session_id().unwrap().as_str(), "sess_1", "{odd}");
    }
    for other in [json!({ "type": "email.created" }), json!({ "type": "", "data": 1 })] {
        let event = Message::of(&other).verify().unwrap();
        assert!(matches!(event.kind(), EventKind::Other(_)));
        assert_eq!((event.session_id(), event.user_id()), (None, None));
    }
    for no_event in
        [json!({}), json!([]), json!({ "type": 1 }), json!(null), json!(["session.ended"])]
    {
        assert_eq!(Message::of(&no_event).verify().unwrap_err(), WebhookErrorKind::Payload);
    }
}

#[test]
fn times_are_read_in_seconds_and_in_milliseconds() {
    let at = |told: Value| {
        let event = Message::of(&changed(|it| it["timestamp"] = told)).verify().unwrap();
        event.timestamp().duration_since(UNIX_EPOCH).unwrap()
    };
    assert_eq!(at(json!(1_699_999_999)), Duration::from_secs(1_699_999_999));
    assert_eq!(at(json!(1_699_999_999_123_u64)), Duration::from_millis(1_699_999_999_123));
    for untold in [json!(null), json!("1699999999"), json!(-1), json!(u64::MAX)] {
        assert_eq!(at(untold), Duration::from_secs(SENT_AT), "no later than it was sent");
    }
}

#[test]
fn nothing_of_a_user_is_printed() {
    let event = changed(|it| it["data"]["user"] = json!({ "first_name": "Ada" }));
    let event = Message::of(&event).verify().unwrap();
    let shown = format!("{event:?} {:?}", verifier());
    assert!(shown.contains("sess_1") && !shown.contains("Ada"), "{shown}");
    for kind in [WebhookErrorKind::Signature, WebhookErrorKind::Timestamp] {
        assert!(!WebhookError::from(kind).to_string().contains("whsec"));
    }
}
