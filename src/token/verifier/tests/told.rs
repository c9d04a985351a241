//! What is said of a token that is refused.

use super::*;

#[tokio::test]
async fn an_error_says_what_to_do_and_nothing_of_the_token() {
    let token = ours(&session_claims_with(json!({ "exp": ISSUED })));
    let error = judge(builder(), &token).await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Expired);
    assert_eq!(error.to_string(), "the token has expired: get a new one");
    assert!(!error.is_unavailable() && !error.is_misconfigured());
    let debug = format!("{error:?}");
    assert!(token.split('.').all(|part| !debug.contains(part)));
}

#[tokio::test]
async fn the_operator_is_told_which_claim_is_at_fault_and_what_cures_it() {
    let changed = |name: &str, value: Value| ours(&session_claims_with(json!({ name: value })));
    for (token, kind, claim, said) in [
        (
            changed("azp", Value::Null),
            TokenErrorKind::NoAuthorizedParty,
            Some("azp"),
            "names no party",
        ),
        (
            changed("azp", json!("https://other.example.com")),
            TokenErrorKind::AuthorizedParty,
            Some("azp"),
            "add its origin to the authorized parties",
        ),
        (
            changed("iss", json!("https://other.example.com")),
            TokenErrorKind::Issuer,
            Some("iss"),
            "is not https://clerk.example.com: check that the publishable key",
        ),
        (changed("aud", json!([])), TokenErrorKind::Claim, Some("aud"), "`aud`"),
        (changed("sub", json!(5)), TokenErrorKind::Claim, Some("sub"), "`sub`"),
        (changed("exp", json!(ISSUED)), TokenErrorKind::Expired, Some("exp"), "expired"),
        (changed("nbf", json!(ISSUED + 99)), TokenErrorKind::NotActiveYet, Some("nbf"), "clocks"),
        (
            changed("iat", json!(ISSUED + 99)),
            TokenErrorKind::IssuedInTheFuture,
            Some("iat"),
            "clocks",
        ),
        (changed("sts", json!("pending")), TokenErrorKind::Pending, Some("sts"), "tasks"),
        (changed("x", json!("y".repeat(8192))), TokenErrorKind::TooLong, None, "too long"),
        ("x".into(), TokenErrorKind::Malformed, None, "malformed"),
    ] {
        let error = judge(strict(), &token).await.unwrap_err();
        assert_eq!((error.kind(), error.claim()), (kind, claim));
        assert!(error.to_string().contains(said), "{error}");
        assert!(!format!("{error} {error:?}").contains("other.example.com"), "{error:?}");
    }
}
