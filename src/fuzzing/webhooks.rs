use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::{
    Clock, OrganizationId, SessionId, UserId, WebhookSecret,
    webhook::{WebhookErrorKind, WebhookEvent, WebhookVerifier, sign},
};

/// A secret that no input has ever seen a signature of.
const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

/// What nobody has signed is no event, whatever its headers and its body are, and nothing of it is read. Once it is
/// signed it is one if and only if a second reading says so, whatever other signatures are there.
pub fn webhook(id: &[u8], timestamp: &[u8], signatures: &[u8], body: &[u8]) {
    let Some(mut headers) = headers(id, timestamp, signatures) else { return };
    let error = verify(&headers, body, 0).expect_err("nobody has signed it");
    assert!(matches!(error, WebhookErrorKind::Header | WebhookErrorKind::Signature));

    let Some((id, seconds)) = identity(id, timestamp) else {
        return assert_eq!(error, WebhookErrorKind::Header);
    };
    let signature = sign(&secret(), &id, seconds, body);
    let among_others = [signatures, b" ", signature.as_bytes(), b" "].concat();
    let Ok(among_others) = HeaderValue::from_bytes(&among_others) else { return };
    if among_others.to_str().is_err() {
        return;
    }
    headers.insert("svix-signature", among_others);
    let verified = verify(&headers, body, seconds);
    assert_eq!(verify(&headers, body, seconds + 301).err(), Some(WebhookErrorKind::Timestamp));
    if let Ok(event) = &verified {
        assert_eq!((event.id(), event.payload().as_bytes()), (&*id, body));
    }
    // A payload may hold what is too deep or too large for a value.
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return };
    match verified {
        Ok(event) => assert_tells(&event, &value),
        Err(kind) => assert_eq!(kind, WebhookErrorKind::Payload),
    }

    // Written anew, it names nothing twice.
    let body = value.to_string();
    let signature = sign(&secret(), &id, seconds, body.as_bytes());
    headers.insert("svix-signature", HeaderValue::try_from(signature).expect("base64"));
    let verified = verify(&headers, body.as_bytes(), seconds);
    assert_eq!(verified.is_ok(), says_enough(&value), "{value}");
}

fn secret() -> WebhookSecret {
    SECRET.parse().expect("a secret")
}

fn verify(headers: &HeaderMap, body: &[u8], now: u64) -> Result<WebhookEvent, WebhookErrorKind> {
    let clock = Clock::fixed(SystemTime::UNIX_EPOCH + Duration::from_secs(now));
    let verifier = WebhookVerifier::new(secret()).clock(clock);
    verifier.verify(headers, body).map_err(|error| error.kind())
}

fn headers(id: &[u8], timestamp: &[u8], signatures: &[u8]) -> Option<HeaderMap> {
    let fields = [("svix-id", id), ("svix-timestamp", timestamp), ("svix-signature", signatures)];
    let fields = fields.map(|(name, value)| {
        let value = HeaderValue::from_bytes(value).ok()?;
        Some((HeaderName::from_static(name), value))
    });
    fields.into_iter().collect()
}

/// The identifier and the seconds, where they are what they should be.
fn identity(id: &[u8], timestamp: &[u8]) -> Option<(String, u64)> {
    let text = |bytes| str::from_utf8(bytes).ok().map(|text| text.trim_matches([' ', '\t']));
    let (id, timestamp) = (text(id)?, text(timestamp)?);
    let is_plain = |c: char| ('!'..='~').contains(&c) && c != '.';
    let seconds: u64 = timestamp.parse().ok()?;
    let is_well_formed = (1..=256).contains(&id.len())
        && id.chars().all(is_plain)
        && seconds.to_string() == timestamp
        && (1..=253_402_300_799).contains(&seconds);
    is_well_formed.then(|| (id.to_owned(), seconds))
}

fn assert_tells(event: &WebhookEvent, value: &Value) {
    assert!(says_enough(value));
    assert_eq!(event.kind().as_str(), value["type"]);
    let data = &value["data"];
    if let Some(id) = event.session_id() {
        assert_eq!(id.as_str(), data["id"]);
    }
    if let Some(id) = event.organization_id() {
        assert_eq!(id.as_str(), data["organization"]["id"]);
        let user = event.user_id().expect("a member");
        assert_eq!(user.as_str(), data["public_user_data"]["user_id"]);
    } else if let Some(id) = event.user_id() {
        let name = if event.session_id().is_some() { "user_id" } else { "id" };
        assert_eq!(id.as_str(), data[name]);
    }
    assert_eq!(
        event.is_banned(),
        event.kind().as_str() == "user.updated" && data["banned"] == true
    );
    assert_eq!(event.get::<Value>("data").expect("a value").unwrap_or_default(), *data);
}

/// Whether the event names those whom it is about.
fn says_enough(value: &Value) -> bool {
    let data = &value["data"];
    let names = |value: &Value, is_one: fn(&str) -> bool| value.as_str().is_some_and(is_one);
    let user = |value: &Value| names(value, |id| id.parse::<UserId>().is_ok());
    let Some(kind) = value["type"].as_str() else { return false };
    match kind {
        "session.created" | "session.pending" | "session.ended" | "session.removed"
        | "session.revoked" => names(&data["id"], |id| id.parse::<SessionId>().is_ok()),
        "user.deleted" => user(&data["id"]),
        "user.updated" => {
            user(&data["id"]) && (data["banned"].is_null() || data["banned"].is_boolean())
        }
        "organizationMembership.updated" | "organizationMembership.deleted" => {
            user(&data["public_user_data"]["user_id"])
                && names(&data["organization"]["id"], |id| id.parse::<OrganizationId>().is_ok())
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn what_nobody_has_signed_is_no_event(
            id in "(msg_[a-z0-9]{1,8}|[ -~]{0,8}|.{0,4})",
            timestamp in "(17[0-9]{8}|[0-9]{0,22}|[+\\- 0-9x.]{0,12})",
            signatures in "(v1,[A-Za-z0-9+/]{43}=|v[12]a?,[a-zA-Z+/=]{0,50}| ){0,4}",
            event in event(),
        ) {
            let parts = (id.as_bytes(), timestamp.as_bytes(), signatures.as_bytes());
            webhook(parts.0, parts.1, parts.2, event.to_string().as_bytes());
            webhook(parts.0, parts.1, parts.2, &[]);
        }

        #[test]
        fn what_was_changed_anywhere_is_read_in_one_way(
            event in event(),
            place in any::<proptest::sample::Index>(),
            change in "[\\[\\]{}\",:0-9a]?",
        ) {
            let mut body = event.to_string().into_bytes();
            let place = place.index(body.len());
            body.splice(place..=place, change.into_bytes());
            webhook(b"msg_1", b"1700000000", b"v1,x", &body);
        }
    }

    fn event() -> impl Strategy<Value = Value> {
        let kind = prop_oneof![
            "session\\.(created|pending|ended|removed|revoked|x)",
            "user\\.(updated|deleted|created)",
            "organizationMembership\\.(updated|deleted|created)",
        ];
        let odd = || {
            prop_oneof![
                Just(json!(null)),
                Just(json!("user_1")),
                Just(json!("sess_1")),
                Just(json!("org_1")),
                Just(json!(true)),
                Just(json!({})),
                Just(json!([])),
                Just(json!({ "id": "org_1" })),
                Just(json!({ "user_id": "user_1" })),
                any::<u64>().prop_map(Value::from),
            ]
        };
        const NAMES: &[&str] =
            &["id", "user_id", "banned", "organization", "public_user_data", "updated_at"];
        let data = proptest::collection::btree_map(proptest::sample::select(NAMES), odd(), 0..6);
        (kind, data, odd(), odd(), any::<u8>()).prop_map(|(kind, data, timestamp, other, which)| {
            let data: Value = match which % 8 {
                0 => other.clone(),
                _ => data.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            };
            let kind = if which % 16 == 8 { other } else { kind.into() };
            json!({ "object": "event", "type": kind, "data": data, "timestamp": timestamp })
        })
    }
}
