//! Keys that rotate, and who may have them.

use super::*;

#[tokio::test]
async fn keys_rotate_and_old_ones_are_withdrawn() {
    let api = SessionsApi::start().await;
    let session = api.sign_in("user_1");
    let before = part(&api.token(&session), 0)["kid"].clone();
    api.rotate_keys();
    let after = part(&api.token(&session), 0)["kid"].clone();
    assert_ne!(before, after);
    let published = || api.jwk_set().keys.into_iter().map(|key| json!(key.kid)).collect::<Vec<_>>();
    assert_eq!(published(), [after.clone(), before]);
    api.withdraw_retired_keys();
    assert_eq!(published(), [after]);
}

#[tokio::test]
async fn a_key_can_be_replaced_under_its_own_name() -> Outcome {
    let api = SessionsApi::start().await;
    let session = api.sign_in("user_1");
    let kid = part(&api.token(&session), 0)["kid"].clone();
    let verifies = async |token: &str| {
        let url = format!("{}/v1/sessions/{session}/verify", api.base_url());
        let request = HTTP.post(url).bearer_auth(api.secret_key());
        reqwest::Result::Ok(request.json(&json!({ "token": token })).send().await?.status() == 200)
    };
    for in_process in [true, false] {
        let (before, key) = (api.token(&session), api.jwt_key());
        assert!(verifies(&before).await?);
        if in_process {
            api.replace_key();
        } else {
            let body = json!({ "keep_kid": true });
            let replaced = control(&api, Method::POST, "keys", body).await?;
            assert_eq!(replaced, (200, json!({ "kid": kid })));
        }
        assert_ne!(api.jwt_key(), key);
        assert!(!verifies(&before).await?);
        let after = api.token(&session);
        assert_eq!(part(&after, 0)["kid"], kid);
        assert!(verifies(&after).await?);
        assert_eq!(api.jwk_set().keys.len(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn the_public_keys_are_everybodys() -> Outcome {
    let api = SessionsApi::builder().enforce_quota(true).start().await?;
    let url = format!("{}/.well-known/jwks.json", api.base_url());
    for _ in 0..101 {
        let answer = HTTP.get(&url).send().await?;
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.json::<Value>().await?, serde_json::to_value(api.jwk_set())?);
    }
    assert_eq!(api.requests().count(Operation::PublicJwks), 101);
    assert!(!api.requests().last(Operation::PublicJwks).ok_or("none")?.had_authorization());
    HTTP.get(&url).bearer_auth("sk_test_x").send().await?;
    assert!(api.requests().last(Operation::PublicJwks).ok_or("none")?.had_authorization());

    let wait = Duration::from_secs(7);
    api.fail(Operation::PublicJwks, Fault::status(429).retry_after(wait).times(1));
    let answer = HTTP.get(&url).send().await?;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &"7".parse()?));
    assert_eq!(ask(&api, Method::GET, "/jwks").await?.status(), 200, "a key of its own");
    let (_, counts) = control(&api, Method::GET, "requests", json!({})).await?;
    assert_eq!(counts["public_jwks"], 103);
    Ok(())
}
