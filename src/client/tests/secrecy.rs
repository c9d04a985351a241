//! Where the secret key goes, and what the hook cannot change.

use super::*;
use crate::client::{ApiVersion, Error, ListSessions};

#[tokio::test]
async fn the_secret_key_follows_no_redirect() {
    let elsewhere = TestServer::start([Canned::ok(&session("sess_1", "active"))]).await;
    let location = format!("location: {}/v1/sessions/sess_1\r\n", elsewhere.origin());
    for status in [301, 302, 303, 307, 308] {
        let server = TestServer::start([Canned::text(status, &location, "")]).await;
        let client = builder(&server)
            .http(|http| http.redirect(reqwest::redirect::Policy::limited(10)))
            .build()
            .unwrap();
        for error in [client.get(&id()).await.unwrap_err(), client.revoke(&id()).await.unwrap_err()]
        {
            assert_eq!(error.status().unwrap(), status);
            assert!(error.is_unavailable());
        }
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn the_hook_cannot_take_the_time_out_away_nor_bring_a_proxy_in() {
    let server = TestServer::start([Canned::Hang]).await;
    let proxy = TestServer::start([Canned::ok(&session("sess_1", "active"))]).await;
    let origin = proxy.origin();
    let client = builder(&server)
        .timeout(Duration::from_millis(100))
        .http(move |http| http.timeout(Duration::MAX).proxy(reqwest::Proxy::all(&origin).unwrap()))
        .build()
        .unwrap();
    assert!(client.get(&id()).await.unwrap_err().is_timeout());
    assert!(proxy.requests().is_empty());
}

#[tokio::test]
async fn the_hook_cannot_shorten_the_time_outs() {
    let server = TestServer::start([Canned::ok(&session("sess_1", "active"))]).await;
    let instant = Duration::from_nanos(1);
    let client = builder(&server)
        .http(move |http| http.timeout(instant).read_timeout(instant).connect_timeout(instant))
        .build()
        .unwrap();
    client.get(&id()).await.unwrap();
}

#[tokio::test]
async fn no_error_shows_a_secret() {
    let mut jwt = Vec::new();
    for answer in [
        json!({"object": "token", "jwt": {"hush": 1}}),
        json!({"object": "token", "jwt": "hush hush"}),
        json!("hush"),
    ] {
        let (client, _server) = answering([Canned::ok(&answer)]).await;
        jwt.push(client.create_token(&id(), None).await.unwrap_err());
    }
    let (client, _server) = answering([Canned::Raw(Vec::new())]).await;
    jwt.push(client.verify_session(&id(), Some("hush.hush.hush")).await.unwrap_err());
    for error in jwt {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert!(!format!("{error} {error:?} {source:?}").contains("hush"), "{error:?}");
    }
}

#[test]
fn the_client_and_what_it_returns_go_anywhere() {
    fn anywhere<T: Send + Sync + Clone + 'static>() {}
    fn sent<T: Send>(_: T) {}
    anywhere::<SessionsClient>();
    anywhere::<Error>();
    anywhere::<crate::session::Session>();
    let client = SessionsClient::new(&instance("https://api.clerk.com")).unwrap();
    let id = id();
    sent(client.get(&id));
    sent(client.verify_session(&id, None));
    sent(client.pages(ListSessions::new()).next());
    assert_eq!(ApiVersion::default(), ApiVersion::V2026_05_12);
}
