mod times;
mod told;

use serde_json::{Value, json};

use super::*;
use crate::{
    InstanceBuilder, JwkSet, PublishableKey,
    token::{
        TokenErrorKind,
        test_signer::{ISSUED, ISSUER, PARTY, TestSigner, at, session_claims, session_claims_with},
    },
};

fn instance() -> InstanceBuilder {
    Instance::builder().jwk_set(TestSigner::ours().jwk_set())
}

fn of(instance: InstanceBuilder) -> TokenVerifierBuilder {
    TokenVerifier::builder(&instance.build().unwrap()).clock(Clock::fixed(at(ISSUED + 30)))
}

fn builder() -> TokenVerifierBuilder {
    of(instance())
}

fn asking(policy: Policy) -> TokenVerifierBuilder {
    builder().policy(policy)
}

fn strict_policy() -> Policy {
    Policy::new().audience(["api"]).unwrap()
}

fn strict() -> TokenVerifierBuilder {
    let instance = instance().authorized_parties([PARTY]).unwrap().frontend_api(ISSUER).unwrap();
    of(instance).policy(strict_policy())
}

async fn judge(builder: TokenVerifierBuilder, token: &str) -> Result<Claims, TokenError> {
    builder.build().unwrap().verify(token).await
}

async fn reason(builder: TokenVerifierBuilder, token: &str) -> &'static str {
    judge(builder, token).await.unwrap_err().reason()
}

fn ours(claims: &Value) -> String {
    TestSigner::ours().sign(claims)
}

fn header_with(name: &str, value: Value) -> Value {
    let mut header = TestSigner::ours().header();
    header[name] = value;
    header
}

fn without_category() -> Value {
    let mut header = TestSigner::ours().header();
    header.as_object_mut().unwrap().remove("cat");
    header
}

#[tokio::test]
async fn a_good_token_is_accepted_with_every_rule_on() {
    let token = ours(&session_claims_with(json!({ "aud": "api" })));
    let claims = judge(strict(), &token).await.unwrap();
    assert_eq!(claims.session_id().unwrap().as_str(), "sess_1");
    let pem = Instance::builder().jwt_key(TestSigner::ours().pem());
    judge(of(pem), &TestSigner::ours().called("any name").sign(&session_claims())).await.unwrap();
}

/// A token with every fault at once is refused for the first; mended one by one, for the next.
#[tokio::test]
async fn the_first_rule_broken_gives_the_reason() {
    let foreign = TestSigner::foreign();
    let mut claims = json!({
        "iss": "https://other.example.com", "sub": "mch_1", "sid": "", "aud": "other",
        "azp": "https://other.example.com", "exp": ISSUED, "nbf": ISSUED + 100,
        "iat": ISSUED + 100, "sts": "pending",
    });
    let mut header = json!({
        "alg": "HS256", "kid": "ins_foreign", "typ": "x", "cat": "cl_B7d4PD222AAA",
    });

    let token = format!("{}.", foreign.sign_with(&header, &claims));
    assert_eq!(reason(strict(), &token).await, "token-invalid");
    assert_eq!(reason(strict(), &foreign.sign_with(&header, &claims)).await, "token-invalid");
    header["typ"] = "JWT".into();
    let token = foreign.sign_with(&header, &claims);
    assert_eq!(reason(strict(), &token).await, "token-invalid-algorithm");
    header["alg"] = "RS256".into();
    let token = foreign.sign_with(&header, &claims);
    assert_eq!(reason(strict(), &token).await, "jwk-kid-mismatch");
    header["kid"] = "ins_ours".into();
    let token = foreign.sign_with(&header, &claims);
    assert_eq!(reason(strict(), &token).await, "token-invalid-signature");
    let signer = TestSigner::ours();
    assert_eq!(reason(strict(), &signer.sign_with(&header, &claims)).await, "token-type-mismatch");
    header["cat"] = "cl_B7d4PD111AAA".into();
    for (mended, value, expected) in [
        (None, Value::Null, "token-type-mismatch"),
        (Some("sub"), json!("user_1"), "token-verification-failed"),
        (Some("sid"), json!("sess_1"), "token-invalid-issuer"),
        (Some("iss"), json!(ISSUER), "token-verification-failed"),
        (Some("aud"), json!("api"), "token-invalid-authorized-parties"),
        (Some("azp"), json!(PARTY), "token-expired"),
        (Some("exp"), json!(ISSUED + 200), "token-not-active-yet"),
        (Some("nbf"), json!(ISSUED), "token-iat-in-the-future"),
        (Some("iat"), json!(ISSUED), "session-pending"),
    ] {
        if let Some(name) = mended {
            claims[name] = value;
        }
        let token = signer.sign_with(&header, &claims);
        assert_eq!(reason(strict(), &token).await, expected, "with {mended:?} mended");
    }
    claims["sts"] = "active".into();
    judge(strict(), &signer.sign_with(&header, &claims)).await.unwrap();
}

#[tokio::test]
async fn machines_and_templates_are_no_sessions() {
    let signer = TestSigner::ours();
    for header in [
        header_with("cat", "cl_B7d4PD222AAA".into()),
        header_with("cat", "cl_B7d4PD333AAA".into()),
        header_with("cat", "cl_unheard_of".into()),
        header_with("typ", "at+jwt".into()),
        header_with("typ", "application/at+jwt".into()),
    ] {
        let token = signer.sign_with(&header, &session_claims());
        assert_eq!(reason(builder(), &token).await, "token-type-mismatch", "{header}");
    }
    let token =
        signer.sign_with(&without_category(), &session_claims_with(json!({"sub": "mch_1"})));
    assert_eq!(reason(builder(), &token).await, "token-type-mismatch");
    for opaque in ["ak_1234", "mt_1234", "oat_1234"] {
        assert_eq!(reason(builder(), opaque).await, "token-type-mismatch");
    }
}

#[tokio::test]
async fn templates_are_accepted_only_on_request_and_machines_never() {
    let signer = TestSigner::ours();
    let accepting = || asking(Policy::new().accept_templates());
    let template = session_claims_with(json!({ "sid": null, "custom": 1 }));

    let stated = signer.sign_with(&header_with("cat", "cl_B7d4PD222AAA".into()), &template);
    assert_eq!(reason(builder(), &stated).await, "token-type-mismatch");
    let claims = judge(accepting(), &stated).await.unwrap();
    assert!(claims.session_id().is_none());

    let unstated = signer.sign_with(&without_category(), &template);
    assert_eq!(reason(builder(), &unstated).await, "token-verification-failed");
    judge(accepting(), &unstated).await.unwrap();

    assert_eq!(reason(accepting(), &ours(&template)).await, "token-verification-failed");
    let machine = signer.sign_with(&header_with("cat", "cl_B7d4PD333AAA".into()), &template);
    assert_eq!(reason(accepting(), &machine).await, "token-type-mismatch");

    let foreign = session_claims_with(json!({ "iss": "https://other.example.com" }));
    let foreign = signer.sign_with(&header_with("cat", "cl_B7d4PD222AAA".into()), &foreign);
    assert_eq!(reason(strict(), &foreign).await, "token-type-mismatch");
    let accepting = strict().policy(strict_policy().accept_templates());
    assert_eq!(reason(accepting, &foreign).await, "token-invalid-issuer");
}

#[tokio::test]
async fn a_token_without_a_category_is_a_session_s_if_it_has_one() {
    let token = TestSigner::ours().sign_with(&without_category(), &session_claims());
    judge(builder(), &token).await.unwrap();
}

#[tokio::test]
async fn the_audience_is_checked_where_both_sides_have_one() {
    let with = |aud: Value| ours(&session_claims_with(json!({ "aud": aud })));
    let expecting = || asking(Policy::new().audience(["api", "web"]).unwrap());
    for good in [json!("api"), json!(["web"]), json!(["other", "api"]), Value::Null] {
        judge(expecting(), &with(good)).await.unwrap();
    }
    for bad in [json!("other"), json!(""), json!(["other"]), json!("API"), json!("api "), json!([])]
    {
        assert_eq!(reason(expecting(), &with(bad)).await, "token-verification-failed");
    }
    judge(builder(), &with(json!("other"))).await.unwrap();
}

#[tokio::test]
async fn the_party_must_be_one_of_those_configured_byte_for_byte() {
    let with = |azp: Value| ours(&session_claims_with(json!({ "azp": azp })));
    let parties = [PARTY, "http://localhost:3000"];
    let expecting = || asking(Policy::new().authorized_parties(parties).unwrap());
    for good in [PARTY, "http://localhost:3000"] {
        judge(expecting(), &with(good.into())).await.unwrap();
    }
    for bad in [
        Value::Null,
        json!(""),
        json!("https://app.example.com/"),
        json!("https://APP.example.com"),
        json!("https://app.example.com.evil.example"),
        json!("http://app.example.com"),
        json!("https://app.example.co"),
    ] {
        assert_eq!(
            reason(expecting(), &with(bad.clone())).await,
            "token-invalid-authorized-parties",
            "{bad}"
        );
    }
    judge(builder(), &with(Value::Null)).await.unwrap();
}

#[tokio::test]
async fn the_issuer_must_be_exact_where_one_is_configured() {
    let with = |iss: &str| ours(&session_claims_with(json!({ "iss": iss })));
    let expecting = || of(instance().frontend_api(ISSUER).unwrap());
    for bad in ["", "https://clerk.example.com/", "https://CLERK.example.com", "clerk.example.com"]
    {
        assert_eq!(reason(expecting(), &with(bad)).await, "token-invalid-issuer", "{bad}");
    }
    judge(expecting(), &with(ISSUER)).await.unwrap();
    let key: PublishableKey = "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k".parse().unwrap();
    let of_key = || of(instance().publishable_key(key.clone()));
    judge(of_key(), &with(ISSUER)).await.unwrap();
    let other = with("https://other.example.com");
    assert_eq!(reason(of_key(), &other).await, "token-invalid-issuer");
    judge(builder(), &with("https://other.example.com")).await.unwrap();
}

#[tokio::test]
async fn pending_counts_as_signed_out_unless_accepted() {
    let token = ours(&session_claims_with(json!({ "sts": "pending" })));
    assert_eq!(reason(builder(), &token).await, "session-pending");
    assert!(judge(asking(Policy::new().accept_pending()), &token).await.unwrap().is_pending());
    judge(builder(), &ours(&session_claims_with(json!({ "sts": null })))).await.unwrap();
}

#[tokio::test]
async fn a_signed_payload_that_is_no_object_or_names_a_member_twice_is_invalid() {
    let signer = TestSigner::ours();
    let claims = session_claims().to_string();
    let twice = claims.replacen('{', r#"{"azp":"https://app.example.com","#, 1);
    for payload in ["", "[]", "null", "1", &twice, &claims[1..]] {
        let token = signer.sign_text(&signer.header().to_string(), payload);
        assert_eq!(reason(builder(), &token).await, "token-invalid", "{payload}");
    }
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let refusal = |instance: InstanceBuilder| {
        TokenVerifier::new(&instance.build().unwrap()).unwrap_err().to_string()
    };
    assert!(refusal(Instance::builder()).contains("nothing says what verifies tokens"));
    assert!(refusal(Instance::builder().jwt_key("junk")).contains("BEGIN PUBLIC KEY"));
    assert!(refusal(Instance::builder().jwk_set(JwkSet::default())).contains("2048 bits"));
    let aged = asking(Policy::new().max_age(Duration::from_secs(1))).build().unwrap_err();
    assert!(aged.to_string().contains("`max_age`"), "{aged}");
    for audience in [&[][..], &[""], &["api", ""]] {
        let told = Policy::new().audience(audience).unwrap_err().to_string();
        assert!(told.contains("none of them is empty"), "{told}");
    }
}

#[test]
fn a_verifier_is_a_handle_that_threads_share() {
    fn assert_handle<T: Clone + Send + Sync + 'static>() {}
    assert_handle::<TokenVerifier>();
    assert_handle::<Claims>();
    assert_handle::<TokenError>();
}
