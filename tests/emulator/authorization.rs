//! Users who may this and that, so that one can test one's own rules.

use tower_clerk::{Authorization, ConfigError, Reverification, SessionId, testing::Membership};

use super::*;

/// What the users below have, and what they lack.
fn asked() -> Result<[Vec<Authorization>; 2], ConfigError> {
    let strict = Authorization::reverification(Reverification::Strict);
    let mfa = Authorization::reverification(Reverification::StrictMfa);
    let has = vec![
        Authorization::role("org:editor")?,
        Authorization::permission("org:posts:publish")?,
        Authorization::feature("org:audit")?,
        Authorization::feature("org:posts")?,
        Authorization::feature("user:export")?,
        Authorization::plan("org:team")?,
        Authorization::plan("user:pro")?,
        strict,
    ];
    let lacks = vec![
        Authorization::role("org:admin")?,
        Authorization::permission("org:posts:delete")?,
        Authorization::feature("user:audit")?,
        Authorization::plan("free")?,
        mfa,
    ];
    Ok([has, lacks])
}

async fn assert_may(api: &SessionsApi, session: &SessionId) -> Outcome {
    let token = api.token(session);
    let resolved =
        api.resolver().resolve(Credential::session_token(token.as_bytes()), &Policy::new()).await?;
    let claims = resolved.claims().ok_or("no claims")?;
    let [has, lacks] = asked()?;
    for authorization in has {
        assert!(claims.has_at(&authorization, api.clock().now()), "{authorization:?}");
    }
    for authorization in lacks {
        assert!(!claims.has_at(&authorization, api.clock().now()), "{authorization:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_user_signs_in_with_all_that_they_may() -> Outcome {
    let api = SessionsApi::start().await;
    let session = api.sign_in_with("user_ada", |session| {
        let member = Membership::new("org_1".parse().expect("an ID"));
        let mut member = member.with_role("org:editor").with_permissions(["org:posts:publish"]);
        member.features = vec!["audit".to_owned()];
        member.plans = vec!["team".to_owned()];
        session.organization = Some(member);
        session.features = vec!["export".to_owned()];
        session.plans = vec!["pro".to_owned()];
        session.first_factor_at = Some(session.created_at - Duration::from_secs(3600));
        session.second_factor_at = Some(session.created_at - Duration::from_secs(300));
    });
    assert_may(&api, &session).await
}

#[tokio::test]
async fn so_does_one_who_is_signed_in_from_another_process() -> Outcome {
    let api = SessionsApi::start().await;
    let body = json!({
        "user_id": "user_ada",
        "organization": {
            "id": "org_1", "role": "org:editor", "permissions": ["org:posts:publish"],
            "features": ["audit"], "plans": ["team"],
        },
        "features": ["export"],
        "plans": ["pro"],
        "factor_ages": [60, 5],
    });
    let (status, session) = control(&api, Method::POST, "sessions", body).await?;
    assert_eq!(status, 200);
    assert_may(&api, &session["session_id"].as_str().ok_or("no ID")?.parse()?).await
}

#[tokio::test]
async fn a_proof_grows_older_with_the_clock_of_the_emulator() -> Outcome {
    let api = SessionsApi::start().await;
    let session = api.sign_in("user_ada");
    let ages = || claims(&api.token(&session))["fva"].clone();
    assert_eq!(ages(), json!([0, -1]));
    api.clock().advance(Duration::from_secs(600));
    assert_eq!(ages(), json!([10, -1]));
    let now = api.clock().now();
    api.edit(&session, |session| session.second_factor_at = Some(now));
    assert_eq!(ages(), json!([10, 0]));
    Ok(())
}

#[tokio::test]
async fn a_sign_in_that_makes_no_sense_is_refused() -> Outcome {
    let api = SessionsApi::start().await;
    for (name, value) in [
        ("organization", json!("org_1")),
        ("organization", json!({ "id": "acme" })),
        ("organization", json!({ "id": "org_1", "permissions": "org:posts:publish" })),
        ("features", json!(["a", 1])),
        ("plans", json!({})),
        ("factor_ages", json!([0])),
        ("factor_ages", json!([0, -2])),
        ("factor_ages", json!([0, 1.5])),
        ("factor_ages", json!(5)),
    ] {
        let body = json!({ "user_id": "user_ada", name: value });
        let refused = control(&api, Method::POST, "sessions", body).await?;
        assert_eq!(refused, (422, json!("form_param_format_invalid")), "{name}: {value}");
    }
    Ok(())
}
