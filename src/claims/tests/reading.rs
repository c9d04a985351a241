//! What claims say.

use super::*;

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
    assert_eq!(actor.issuer(), Some("https://dashboard.clerk.com"));
    assert_eq!(actor.session_id(), Some("sess_9"));
    assert_eq!(actor.subject(), Some("user_9"));
    assert_eq!((actor.actor_type(), actor.members().unwrap().len()), (None, 3));
    assert_eq!(claims.get::<Value>("plan_b").unwrap(), Some(json!({"a": [1]})));
    assert_eq!(claims.get::<String>("absent").unwrap(), None);
    assert!(claims.get::<String>("iat").is_err());
}

fn assembled(payload: &Value, category: Category, oiat: &str) -> Claims {
    let oiat = NumericDate::parse(oiat);
    Claims::from_verified(payload.to_string().into_bytes(), category, oiat).unwrap()
}

#[test]
fn claims_are_as_old_as_their_assembly_or_else_as_their_token() {
    let renewed = with(json!({ "iat": 1000 }));
    let assembled_at = |payload, oiat| assembled(payload, Category::Session, oiat).assembled_at();
    assert_eq!(assembled_at(&renewed, "400"), Some(at(400)));
    assert_eq!(assembled_at(&renewed, "400.5"), Some(at(400) + Duration::from_millis(500)));
    assert_eq!(assembled_at(&renewed, "1000"), Some(at(1000)));
    for nonsense in ["", "1001", "1000.000000000001", "-1"] {
        assert_eq!(assembled_at(&renewed, nonsense), Some(at(1000)), "{nonsense}");
    }
    assert_eq!(assembled_at(&base(), "400"), None, "there is no issue to hold it against");
}

#[test]
fn only_an_active_session_s_token_vouches_and_only_by_when_it_was_assembled() {
    let token = with(json!({ "iat": 1000 }));
    let vouched_at = |payload, category, oiat| assembled(payload, category, oiat).vouched_at();
    assert_eq!(vouched_at(&token, Category::Session, "400"), Some(at(400).into()));
    assert_eq!(vouched_at(&token, Category::Session, "1000"), Some(at(1000).into()));
    for nonsense in ["", "1001", "\"400\"", "null"] {
        assert_eq!(vouched_at(&token, Category::Session, nonsense), None, "{nonsense}");
    }
    for category in [Category::Template, Category::Unstated] {
        assert_eq!(vouched_at(&token, category, "400"), None);
    }
    let pending = with(json!({ "iat": 1000, "sts": "pending" }));
    assert_eq!(vouched_at(&pending, Category::Session, "400"), None);
    assert_eq!(vouched_at(&base(), Category::Session, "400"), None);
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
