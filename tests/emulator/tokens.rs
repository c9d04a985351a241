//! Tokens, of the origin, of the edge, and such as Clerk would not issue.

use super::*;

#[tokio::test]
async fn a_session_token_tells_when_its_claims_were_assembled() -> Outcome {
    let api = SessionsApi::start().await;
    let session = api.sign_in("user_1");
    let at = |seconds| std::time::UNIX_EPOCH + Duration::from_secs(seconds);
    let iat_and_oiat = |token: &str| (claims(token)["iat"].clone(), part(token, 0)["oiat"].clone());
    let minted = |mint: tower_clerk::testing::TokenMint<'_>| iat_and_oiat(&mint.sign());

    for token in [api.token(&session), api.mint(&session).version_1().sign()] {
        let (iat, oiat) = iat_and_oiat(&token);
        assert!(iat.is_u64() && iat == oiat, "{iat} {oiat}");
    }
    let issued = || api.mint(&session).issued_at(at(1000));
    assert_eq!(minted(issued()), (json!(1000), json!(1000)));
    assert_eq!(minted(issued().assembled_at(at(940))), (json!(1000), json!(940)));
    assert_eq!(minted(issued().without_oiat()), (json!(1000), Value::Null));
    assert_eq!(minted(issued().template()), (json!(1000), Value::Null));
    assert_eq!(minted(issued().template().assembled_at(at(940))), (json!(1000), json!(940)));

    let tokens = format!("/sessions/{session}/tokens");
    let issued: Value = ask(&api, Method::POST, &tokens).await?.json().await?;
    let (iat, oiat) = iat_and_oiat(issued["jwt"].as_str().ok_or("no token")?);
    assert_eq!(iat, oiat);
    for (asked, told) in [(json!(940), json!(940)), (json!(false), json!(null))] {
        let body = json!({ "session_id": session, "oiat": asked });
        let (_, minted) = control(&api, Method::POST, "session-tokens", body).await?;
        assert_eq!(iat_and_oiat(minted["jwt"].as_str().ok_or("no token")?).1, told);
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_assembled_after_a_session_has_ended() {
    for end in ["ended", "revoked", "removed"] {
        let api = SessionsApi::start().await;
        let session = api.sign_in("user_1");
        api.set_status(&session, end);
        api.edit(&session, |session| session.last_active_at += Duration::from_secs(1));
        api.clock().advance(Duration::from_secs(600));
        api.set_status(&session, end);
        let token = api.token(&session);
        let seconds = |value: &Value| value.as_u64().expect("a time");
        let ago = seconds(&claims(&token)["iat"]) - seconds(&part(&token, 0)["oiat"]);
        assert!((600..=602).contains(&ago), "{ago}");
        api.set_status(&session, "active");
        let token = api.token(&session);
        assert_eq!(claims(&token)["iat"], part(&token, 0)["oiat"], "it was a mistake");
    }
}

#[tokio::test]
async fn the_edge_renews_what_the_database_no_longer_knows() -> Outcome {
    let api = SessionsApi::start().await;
    let session = api.sign_in("user_1");
    let first = api.mint(&session).claim("plan", "a").expires_in(Duration::from_secs(90)).sign();
    api.set_status(&session, "ended");
    api.rotate_keys();
    api.clock().advance(Duration::from_secs(50));
    let body = json!({ "token": first });
    let (_, over_http) = control(&api, Method::POST, "edge-renewals", body).await?;
    let over_http = over_http["jwt"].as_str().ok_or("no token")?.to_owned();
    for renewed in [api.renew_at_edge(&first), over_http] {
        let (mut before, mut after) = (claims(&first), claims(&renewed));
        let time = |claims: &Value, name: &str| claims[name].as_u64().expect("a time");
        assert!(time(&after, "iat") >= time(&before, "iat") + 50);
        assert_eq!(time(&after, "exp") - time(&after, "iat"), 90);
        assert_eq!(time(&after, "iat") - time(&after, "nbf"), 10);
        assert_ne!(after["jti"], before["jti"]);
        for claims in [&mut before, &mut after] {
            for name in ["iat", "exp", "nbf", "jti"] {
                claims[name] = Value::Null;
            }
        }
        assert_eq!(after, before);
        let (before, after) = (part(&first, 0), part(&renewed, 0));
        assert_eq!((&after["oiat"], &after["cat"]), (&before["oiat"], &before["cat"]));
        assert_eq!(json!(after["kid"]), json!(api.jwk_set().keys[0].kid));
        assert_ne!(api.renew_at_edge(&renewed), renewed, "again and again");
    }
    let untold = api.mint(&session).without_oiat().version_1().sign();
    let renewed = api.renew_at_edge(&untold);
    assert!(part(&renewed, 0).get("oiat").is_none() && claims(&renewed).get("jti").is_none());

    for token in [
        api.mint(&session).template().sign(),
        api.mint(&session).machine().sign(),
        api.mint(&session).forged().sign(),
        api.mint(&session).tampered().sign(),
        "a.b.c".to_owned(),
    ] {
        let refused =
            control(&api, Method::POST, "edge-renewals", json!({ "token": token })).await?;
        assert_eq!(refused, (422, json!("form_param_value_invalid")), "{token}");
    }
    Ok(())
}

#[tokio::test]
async fn a_mint_makes_what_clerk_would_not() {
    let api = SessionsApi::start().await;
    let session = api.sign_in("user_1");
    let token = api
        .mint(&session)
        .authorized_party("https://app.example.com")
        .issued_at(std::time::UNIX_EPOCH + Duration::from_secs(1000))
        .expires_in(Duration::from_secs(5))
        .claim("plan", json!(["a"]))
        .without_claim("jti")
        .without_claim("fva")
        .category("cl_other")
        .kid("ins_other")
        .sign();
    let expected = json!({
        "iss": api.issuer(), "sub": "user_1", "sid": session, "sts": "active", "v": 2, "pla": "u:free",
        "azp": "https://app.example.com", "iat": 1000, "nbf": 990, "exp": 1005, "plan": ["a"],
    });
    assert_eq!(claims(&token), expected);
    let header = json!({
        "alg": "RS256", "typ": "JWT", "cat": "cl_other", "kid": "ins_other", "oiat": 1000,
    });
    assert_eq!(part(&token, 0), header);

    let kid = |token: &str| part(token, 0)["kid"].clone();
    let ours = kid(&api.token(&session));
    assert_ne!(kid(&api.mint(&session).signed_by_unknown_key().sign()), ours);
    assert_eq!(kid(&api.mint(&session).forged().sign()), ours);
    assert_eq!(claims(&api.mint(&session).tampered().sign())["sub"], "user_somebody_else");
    assert!(claims(&api.mint(&session).version_1().sign()).get("v").is_none());
    assert!(claims(&api.mint(&session).template().sign()).get("sid").is_none());
    assert_eq!(claims(&api.mint(&session).machine().sign())["sub"], "mch_1");
    api.set_status(&session, "pending");
    assert_eq!(claims(&api.token(&session))["sts"], "pending");
}

#[tokio::test]
async fn only_a_genuine_token_verifies() -> Outcome {
    let api = SessionsApi::start().await;
    let session = api.sign_in("user_1");
    for (token, status) in [
        (api.token(&session), 200),
        (api.mint(&session).expired().sign(), 200),
        (api.mint(&session).tampered().sign(), 400),
        (api.mint(&session).forged().sign(), 400),
        (api.mint(&session).signed_by_unknown_key().sign(), 400),
    ] {
        let url = format!("{}/v1/sessions/{session}/verify", api.base_url());
        let request = HTTP.post(url).bearer_auth(api.secret_key());
        let answer = request.json(&json!({ "token": token })).send().await?;
        assert_eq!(answer.status(), status);
    }
    Ok(())
}
