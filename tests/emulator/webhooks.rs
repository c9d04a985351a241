//! Webhooks, as a service receives them.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use tower_clerk::{
    Session, SessionStatus,
    testing::{Membership, WebhookFault},
    webhook::{EventKind, WebhookEvent, WebhookVerifier},
};

use super::*;

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

/// A service that takes webhooks, and ends with its test.
struct Receiver {
    url: String,
    received: Arc<Received>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Received {
    messages: Mutex<Vec<(HeaderMap, Bytes)>>,
    /// How the next ones are answered; then 204.
    answers: Mutex<VecDeque<u16>>,
}

impl Receiver {
    async fn start(answers: &[u16]) -> Self {
        let received = Arc::new(Received::default());
        received.answers.lock().unwrap().extend(answers);
        let app = Router::new().route("/hooks", post(take)).with_state(Arc::clone(&received));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, received, server }
    }

    /// What was received, each verified, and told once however often it came.
    fn events(&self, api: &SessionsApi) -> Vec<WebhookEvent> {
        let verifier = WebhookVerifier::new(SECRET.parse().unwrap()).clock(api.clock());
        let messages = self.received.messages.lock().unwrap();
        let verify = |(headers, body): &(HeaderMap, Bytes)| verifier.verify(headers, body).unwrap();
        messages.iter().map(verify).collect()
    }

    fn kinds(&self, api: &SessionsApi) -> Vec<String> {
        self.events(api).iter().map(|event| event.kind().to_string()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(
    State(received): State<Arc<Received>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    received.messages.lock().unwrap().push((headers, body));
    let answer = received.answers.lock().unwrap().pop_front();
    answer.map_or(StatusCode::NO_CONTENT, |status| StatusCode::from_u16(status).unwrap())
}

async fn start(answers: &[u16]) -> (SessionsApi, Receiver) {
    let (api, receiver) = (SessionsApi::start().await, Receiver::start(answers).await);
    api.webhooks(&receiver.url, SECRET);
    (api, receiver)
}

#[tokio::test]
async fn whatever_ends_a_session_is_told_by_a_signed_webhook() -> Outcome {
    let (api, receiver) = start(&[]).await;
    let session = api.sign_in("user_1");
    api.set_status(&session, "pending");
    api.set_status(&session, "active");
    api.set_status(&session, "ended");
    api.set_status(&session, "ended");
    let removed = api.sign_in("user_2");
    api.set_status(&removed, "removed");
    let revoked = api.sign_in("user_3");
    for _ in 0..2 {
        ask(&api, Method::POST, &format!("/sessions/{revoked}/revoke")).await?;
    }
    let expired = api.sign_in("user_4");
    api.set_status(&expired, "replaced");
    let last = api.sign_in("user_5");
    api.webhooks_delivered().await;
    let events = receiver.events(&api);
    api.clock().advance(Duration::from_secs(100 * 24 * 60 * 60));
    assert_eq!(api.session(&last).ok_or("gone")?.status, "expired");
    api.webhooks_delivered().await;

    let told: Vec<_> =
        events.iter().map(|event| (event.kind().as_str(), event.session_id())).collect();
    let session = Some(&session);
    let expected = [
        ("session.created", session),
        ("session.pending", session),
        ("session.created", session),
        ("session.ended", session),
        ("session.created", Some(&removed)),
        ("session.removed", Some(&removed)),
        ("session.created", Some(&revoked)),
        ("session.revoked", Some(&revoked)),
    ];
    assert_eq!(told[..8], expected);
    assert_eq!(told.len(), 10, "nobody tells of what was replaced");
    assert_eq!(api.sent_webhooks().len(), 10, "nor of what has expired");
    let data: Session = events[3].get("data")?.ok_or("no data")?;
    assert_eq!(data.status(), &SessionStatus::Ended);
    assert_eq!(events[3].user_id().ok_or("nobody")?.as_str(), "user_1");
    let ids: BTreeSet<_> = events.iter().map(WebhookEvent::id).collect();
    assert_eq!(ids.len(), 10, "each is a message of its own");
    Ok(())
}

#[tokio::test]
async fn what_becomes_of_users_and_members_is_told_too() -> Outcome {
    let (api, receiver) = start(&[]).await;
    let ids = [api.sign_in("user_1"), api.sign_in("user_2"), api.sign_in("user_3")];
    for id in &ids {
        api.edit(id, |session| {
            session.organization = "org_1".parse().ok().map(Membership::new);
        });
    }
    api.ban_user("user_1");
    api.unban_user("user_1");
    api.delete_user("user_2");
    api.change_role("user_3", "org_1", "org:admin");
    assert_eq!(claims(&api.token(&ids[2]))["o"]["rol"], "admin");
    api.remove_member("user_3", "org_1");
    assert!(claims(&api.token(&ids[2])).get("o").is_none());
    assert_eq!(api.session(&ids[0]).ok_or("gone")?.status, "revoked");
    assert!(api.session(&ids[1]).is_none());
    assert_eq!(api.session(&ids[2]).ok_or("gone")?.status, "active");
    api.webhooks_delivered().await;

    let events = receiver.events(&api);
    let told: Vec<_> = events[3..]
        .iter()
        .map(|event| (event.kind().clone(), event.user_id().map_or("", AsRef::as_ref)))
        .collect();
    assert_eq!(
        told,
        [
            (EventKind::UserUpdated, "user_1"),
            (EventKind::UserUpdated, "user_1"),
            (EventKind::UserDeleted, "user_2"),
            (EventKind::MembershipUpdated, "user_3"),
            (EventKind::MembershipDeleted, "user_3"),
        ]
    );
    assert!(events[3].is_banned() && !events[4].is_banned());
    assert_eq!(events[6].organization_id().ok_or("none")?.as_str(), "org_1");
    let data: Value = events[6].get("data")?.ok_or("no data")?;
    assert_eq!(data["role"], "org:admin");
    assert!(events[7].updated_at().is_some());
    Ok(())
}

#[tokio::test]
async fn a_sign_in_is_told_of_as_it_is_and_not_as_it_would_have_been() -> Outcome {
    let (api, receiver) = start(&[]).await;
    let member = api.sign_in_with("user_1", |session| {
        session.organization = "org_1".parse().ok().map(Membership::new);
    });
    let pending = api.sign_in_with("user_2", |session| "pending".clone_into(&mut session.status));
    let body = json!({ "user_id": "user_3", "organization": { "id": "org_2" } });
    assert_eq!(control(&api, Method::POST, "sessions", body).await?.0, 200);
    api.webhooks_delivered().await;

    let events = receiver.events(&api);
    let told: Vec<_> = events.iter().map(|it| it.kind().as_str()).collect();
    assert_eq!(told, ["session.created", "session.pending", "session.created"], "once each");
    assert_eq!(events[0].session_id(), Some(&member));
    assert_eq!(events[1].session_id(), Some(&pending));
    for (event, organization) in [(&events[0], "org_1"), (&events[2], "org_2")] {
        let data: Value = event.get("data")?.ok_or("no data")?;
        assert_eq!(data["last_active_organization_id"], organization);
    }
    Ok(())
}

#[tokio::test]
async fn what_is_not_taken_is_sent_again_and_not_for_ever() {
    let (api, receiver) = start(&[503, 302, 400]).await;
    let _ = api.sign_in("user_1");
    api.webhooks_delivered().await;
    let sent = &api.sent_webhooks()[0];
    let statuses: Vec<_> = sent.answers().iter().map(|it| it.map(|it| it.as_u16())).collect();
    assert_eq!(statuses, [Some(503), Some(302), Some(400), Some(204)]);
    let events = receiver.events(&api);
    assert!(events.iter().all(|event| event.id() == sent.id()));
    assert_eq!(events.len(), 4);

    let nobody = Receiver::start(&[]).await.url.clone();
    let api = SessionsApi::start().await;
    api.webhooks(&nobody, SECRET);
    let _ = api.sign_in("user_1");
    api.webhooks_delivered().await;
    assert_eq!(api.sent_webhooks()[0].answers(), [None; 5]);
}

#[tokio::test]
async fn webhooks_repeat_are_late_out_of_order_and_lost_on_request() {
    let (api, receiver) = start(&[]).await;
    api.fail_webhooks(WebhookFault::repeated(2).times(1));
    let session = api.sign_in("user_1");
    api.webhooks_delivered().await;
    assert_eq!(receiver.kinds(&api), ["session.created"; 3]);
    let ids: BTreeSet<_> = receiver.events(&api).iter().map(|it| it.id().to_owned()).collect();
    assert_eq!(ids.len(), 1, "one message, however often it comes");
    receiver.received.messages.lock().unwrap().clear();

    api.fail_webhooks(WebhookFault::lost().times(1));
    api.set_status(&session, "ended");
    api.webhooks_delivered().await;
    assert_eq!(receiver.kinds(&api), [""; 0]);
    assert_eq!(api.sent_webhooks().last().map(|it| it.answers().len()), Some(0));

    api.fail_webhooks(WebhookFault::after_next().times(1));
    let session = api.sign_in("user_2");
    api.webhooks_delivered().await;
    assert_eq!(receiver.kinds(&api), [""; 0], "it is held back");
    api.set_status(&session, "revoked");
    api.webhooks_delivered().await;
    assert_eq!(receiver.kinds(&api), ["session.revoked", "session.created"]);
    receiver.received.messages.lock().unwrap().clear();

    api.fail_webhooks(WebhookFault::late(Duration::from_millis(100)).times(1));
    let session = api.sign_in("user_3");
    api.set_status(&session, "removed");
    api.webhooks_delivered().await;
    assert_eq!(receiver.kinds(&api), ["session.removed", "session.created"]);
    receiver.received.messages.lock().unwrap().clear();

    api.fail_webhooks(WebhookFault::after_next());
    let _ = api.sign_in("user_4");
    api.clear_faults();
    api.webhooks_delivered().await;
    assert_eq!(receiver.kinds(&api), ["session.created"], "nothing is held back any more");
}

#[tokio::test]
async fn every_endpoint_gets_its_own_copy_signed_with_its_own_secret() -> Outcome {
    let other = "whsec_CAgICAgICAgICAgICAgICAgICAgICAgI";
    let (one, two) = (Receiver::start(&[]).await, Receiver::start(&[]).await);
    let builder = SessionsApi::builder().webhooks(&one.url, SECRET).webhooks(&two.url, other);
    let api = builder.start().await?;
    let _ = api.sign_in("user_1");
    api.webhooks_delivered().await;
    assert_eq!(one.kinds(&api), ["session.created"]);
    let (headers, body) = two.received.messages.lock().unwrap().pop().ok_or("nothing")?;
    let verify = |secret: &str| {
        WebhookVerifier::new(secret.parse().unwrap()).clock(api.clock()).verify(&headers, &body)
    };
    assert!(verify(other).is_ok() && verify(SECRET).is_err());

    for (url, secret) in [("ftp://127.0.0.1", SECRET), ("x", SECRET), (one.url.as_str(), "whsec_")]
    {
        let refused = SessionsApi::builder().webhooks(url, secret).start().await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput, "{url}");
    }
    Ok(())
}

#[tokio::test]
async fn an_emulator_that_is_dropped_sends_nothing_more() {
    let (api, receiver) = start(&[503; 10]).await;
    api.fail_webhooks(WebhookFault::late(Duration::from_millis(50)).times(1));
    let _ = api.sign_in("user_1");
    let _ = api.sign_in("user_2");
    while receiver.received.messages.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(api);
    let count = || receiver.received.messages.lock().unwrap().len();
    let before = count();
    tokio::time::sleep(Duration::from_millis(400)).await;
    // One may have been on its way.
    assert!(count() <= before + 1, "{} {before}", count());
}

#[tokio::test]
async fn another_process_can_do_all_of_it() -> Outcome {
    let (api, receiver) = start(&[]).await;
    let (_, session) =
        control(&api, Method::POST, "sessions", json!({ "user_id": "user_1" })).await?;
    let id = session["session_id"].clone();
    for (path, body) in [
        ("webhook-faults", json!({ "kind": "after_next", "times": 1 })),
        ("session-statuses", json!({ "session_id": id, "status": "ended" })),
        ("users", json!({ "user_id": "user_1", "action": "ban" })),
        ("users", json!({ "user_id": "user_1", "action": "unban" })),
        ("users", json!({ "user_id": "user_1", "action": "delete" })),
        (
            "memberships",
            json!({ "user_id": "user_2", "organization_id": "org_1", "role": "org:x" }),
        ),
        ("memberships", json!({ "user_id": "user_2", "organization_id": "org_1", "role": null })),
        ("webhook-faults", json!({ "kind": "lost", "times": 1 })),
        ("sessions", json!({ "user_id": "user_3" })),
        ("webhook-faults", json!({ "kind": "late", "delay_ms": 1, "times": 1 })),
        ("sessions", json!({ "user_id": "user_3" })),
        ("webhook-faults", json!({ "kind": "repeated", "repetitions": 1, "times": 1 })),
        ("sessions", json!({ "user_id": "user_3" })),
    ] {
        let context = format!("{path} {body}");
        assert_eq!(control(&api, Method::POST, path, body).await?.0, 200, "{context}");
    }
    api.webhooks_delivered().await;
    let kinds = receiver.kinds(&api);
    let expected = [
        "session.created",
        "user.updated",
        "session.ended",
        "user.updated",
        "user.deleted",
        "organizationMembership.updated",
        "organizationMembership.deleted",
        "session.created",
        "session.created",
        "session.created",
    ];
    assert_eq!(kinds, expected);
    for (path, body, status) in [
        ("session-statuses", json!({ "session_id": "sess_1", "status": "ended" }), 404),
        ("users", json!({ "user_id": "user_1", "action": "promote" }), 422),
        ("memberships", json!({ "user_id": "user_1", "organization_id": "x" }), 422),
        ("webhook-faults", json!({ "kind": "late" }), 422),
        ("webhook-faults", json!({ "kind": "burnt" }), 422),
    ] {
        assert_eq!(control(&api, Method::POST, path, body).await?.0, status, "{path}");
    }
    Ok(())
}
