//! This crate's own resolver against the emulator.

use super::*;

#[tokio::test]
async fn one_null_that_nothing_depends_on_signs_nobody_out() -> Outcome {
    let api = SessionsApi::start().await;
    let session = api.sign_in("user_1");
    api.edit(&session, |session| {
        session.set_member("client_id", Value::Null);
        session.set_member("latest_activity", json!({ "is_mobile": null }));
        session.remove_member("updated_at");
    });
    let token = api.token(&session);
    let credential = Credential::session_token(token.as_bytes());
    let resolved = api.resolver().resolve(credential.clone(), &Policy::default()).await?;
    assert_eq!(resolved.session().ok_or("no session")?.updated_at(), None);

    // And where it decides, it is no session at all.
    api.edit(&session, |session| session.set_member("status", Value::Null));
    let refused = api.resolver().resolve(credential, &Policy::default()).await;
    assert_eq!(refused.unwrap_err().reason(), "clerk-unavailable");
    Ok(())
}

#[tokio::test]
async fn clerks_clock_can_be_another_one_than_ours() -> Outcome {
    let ours = Clock::fixed(std::time::UNIX_EPOCH + Duration::from_secs(1000));
    let clerks = Clock::fixed(std::time::UNIX_EPOCH + Duration::from_secs(1007));
    let api = SessionsApi::builder().clock(clerks.clone()).start().await?;
    let token = api.token(&api.sign_in("user_1"));
    let resolver = api.resolver_builder().clock(ours.clone()).build()?;
    let resolve = async || {
        let credential = Credential::session_token(token.as_bytes());
        resolver.resolve(credential, &Policy::default()).await
    };
    assert_eq!(resolve().await.unwrap_err().reason(), "token-iat-in-the-future");
    ours.advance(Duration::from_secs(2));
    assert!(resolve().await.is_ok(), "within the skew");
    clerks.advance(Duration::from_secs(60));
    assert_eq!(claims(&api.token(&api.sign_in("user_2")))["iat"], 1067);
    let refused = SessionsApi::builder().clock(Clock::system()).start().await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
    Ok(())
}
