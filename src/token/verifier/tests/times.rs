//! When a token is good.

use super::*;

#[tokio::test]
async fn times_are_judged_to_the_second_and_below() {
    let verifier = |skew| builder().clock_skew(Duration::from_secs(skew)).build().unwrap();
    let token = ours(&session_claims_with(json!({
        "nbf": ISSUED, "iat": ISSUED + 10, "exp": ISSUED + 60,
    })));
    let tick = Duration::from_nanos(1);
    for skew in [0, 5] {
        let verifier = verifier(skew);
        let reason =
            async |now| verifier.verify_at(&token, now).await.err().map(|error| error.reason());
        assert_eq!(reason(at(ISSUED + 60 + skew) - tick).await, None);
        assert_eq!(reason(at(ISSUED + 60 + skew)).await, Some("token-expired"));
        assert_eq!(reason(at(ISSUED + 10 - skew)).await, None);
        assert_eq!(reason(at(ISSUED + 10 - skew) - tick).await, Some("token-iat-in-the-future"));
        assert_eq!(reason(at(ISSUED - skew)).await, Some("token-iat-in-the-future"));
        assert_eq!(reason(at(ISSUED - skew) - tick).await, Some("token-not-active-yet"));
    }
    assert_eq!(DEFAULT_CLOCK_SKEW, Duration::from_secs(5));
}

#[tokio::test]
async fn a_fraction_of_a_second_is_never_rounded_in_favour_of_the_token() {
    let signer = TestSigner::ours();
    let sign = |name: &str, time: &str| {
        let claims = session_claims().to_string();
        let whole = match name {
            "exp" => ISSUED + 60,
            "iat" => ISSUED,
            _ => ISSUED - 10,
        };
        let (from, to) = (format!("\"{name}\":{whole}"), format!("\"{name}\":{time}"));
        assert!(claims.contains(&from));
        signer.sign_text(&signer.header().to_string(), &claims.replace(&from, &to))
    };
    let verifier = builder().clock_skew(Duration::ZERO).build().unwrap();
    let half = Duration::from_millis(500);
    let tick = Duration::from_nanos(1);
    for (name, time, good, bad, reason) in [
        (
            "exp",
            "1700000060.5",
            at(ISSUED + 60) + half - tick,
            at(ISSUED + 60) + half,
            "token-expired",
        ),
        (
            "exp",
            "1.7000000605e9",
            at(ISSUED + 60) + half - tick,
            at(ISSUED + 60) + half,
            "token-expired",
        ),
        ("exp", "1700000060.0000000009", at(ISSUED + 60) - tick, at(ISSUED + 60), "token-expired"),
        (
            "nbf",
            "1700000000.5",
            at(ISSUED) + half,
            at(ISSUED) + half - tick,
            "token-not-active-yet",
        ),
        ("nbf", "1700000000.0000000001", at(ISSUED) + tick, at(ISSUED), "token-not-active-yet"),
        (
            "iat",
            "1700000000.5",
            at(ISSUED) + half,
            at(ISSUED) + half - tick,
            "token-iat-in-the-future",
        ),
        ("iat", "1700000000.0000000001", at(ISSUED) + tick, at(ISSUED), "token-iat-in-the-future"),
    ] {
        let token = sign(name, time);
        verifier.verify_at(&token, good).await.unwrap();
        let refused = verifier.verify_at(&token, bad).await.unwrap_err();
        assert_eq!(refused.reason(), reason, "{name} {time}");
    }
}

#[tokio::test]
async fn a_renewed_token_tells_when_its_claims_were_assembled() {
    let header = header_with("oiat", json!(ISSUED - 600));
    let token = TestSigner::ours().sign_with(&header, &session_claims());
    let claims = judge(strict(), &token).await.unwrap();
    assert_eq!(claims.issued_at(), Some(at(ISSUED)));
    assert_eq!(claims.assembled_at(), Some(at(ISSUED - 600)));
    assert_eq!(claims.vouched_at(), Some(at(ISSUED - 600).into()));
    for nonsense in [json!("1"), json!(null), json!(-1), json!(ISSUED + 1), json!([])] {
        let header = header_with("oiat", nonsense);
        let token = TestSigner::ours().sign_with(&header, &session_claims());
        let claims = judge(strict(), &token).await.unwrap();
        assert_eq!((claims.assembled_at(), claims.vouched_at()), (Some(at(ISSUED)), None));
    }
}

#[tokio::test]
async fn no_time_and_no_skew_makes_the_rules_panic() {
    let last = ours(&session_claims_with(json!({ "exp": 253_402_300_799_u64 })));
    let first = ours(&session_claims_with(json!({ "nbf": 0, "iat": 0, "exp": 0 })));
    let before_1970 = SystemTime::UNIX_EPOCH - Duration::from_secs(1 << 33);
    let far = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 62);
    assert!(builder().clock_skew(Duration::MAX).build().is_err());
    for skew in [Duration::ZERO, Duration::from_secs(5 * 60)] {
        let verifier = builder().clock_skew(skew).build().unwrap();
        for now in [before_1970, SystemTime::UNIX_EPOCH, far] {
            for token in [&last, &first] {
                let _ = verifier.verify_at(token, now).await;
            }
        }
    }
}

#[tokio::test]
async fn absent_times_are_no_fault_except_for_the_end() {
    judge(builder(), &ours(&session_claims_with(json!({ "nbf": null, "iat": null }))))
        .await
        .unwrap();
    let endless = ours(&session_claims_with(json!({ "exp": null })));
    assert_eq!(reason(builder(), &endless).await, "token-verification-failed");
}
