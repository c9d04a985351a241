//! What nobody has signed is never acted upon.

use http::{HeaderName, HeaderValue};
use tower_clerk::testing::Operation;

use super::*;

/// A message that was changed on its way, and how.
type Mutilated = (String, HeaderMap, Vec<u8>);

/// Each in another place.
fn mutilated(world: &World, body: &str) -> Vec<Mutilated> {
    let (genuine, bytes) = (world.signed(body), body.as_bytes().to_vec());
    let mut all: Vec<Mutilated> = vec![("unsigned".into(), HeaderMap::new(), bytes.clone())];
    for name in ["svix-id", "svix-timestamp", "svix-signature"] {
        let header = HeaderName::from_static(name);
        let mut without = genuine.clone();
        without.remove(&header);
        all.push((format!("no {name}"), without, bytes.clone()));
        let mut doubled = genuine.clone();
        doubled.append(&header, genuine[&header].clone());
        all.push((format!("two of {name}"), doubled, bytes.clone()));
        let value = genuine[&header].as_bytes();
        for at in (0..value.len()).step_by(value.len().div_ceil(8)) {
            let mut changed = value.to_vec();
            changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
            let mut headers = genuine.clone();
            headers.insert(&header, HeaderValue::from_bytes(&changed).unwrap());
            all.push((format!("{name} at {at}"), headers, bytes.clone()));
        }
    }
    for at in (0..bytes.len()).step_by(bytes.len() / 12) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        all.push((format!("the body at {at}"), genuine.clone(), changed));
        all.push((format!("the body up to {at}"), genuine.clone(), bytes[..at].to_vec()));
    }
    let other = "whsec_CAgICAgICAgICAgICAgICAgICAgICAgI".parse().unwrap();
    let now = world.clerk.clock().now();
    all.push(("another's".into(), sign_webhook(&other, "msg_1", now, &bytes), bytes.clone()));
    for (what, at) in
        [("old", now - Duration::from_secs(360)), ("ahead", now + Duration::from_secs(360))]
    {
        let headers = sign_webhook(&SECRET.parse().unwrap(), "msg_1", at, &bytes);
        all.push((what.into(), headers, bytes.clone()));
    }
    all
}

#[tokio::test]
async fn what_is_forged_or_mutilated_is_never_acted_upon_and_looks_alike() {
    for check in [SessionCheck::Get, SessionCheck::Networkless] {
        for world in World::of_each_stack(check).await {
            let (session, token) = world.sign_in("user_ada").await;
            assert!(world.admits(&token).await);
            let (asked, events) =
                (world.clerk.requests().total(), world.events.load(Ordering::SeqCst));
            let body = event("session.revoked", &json!({ "id": session, "user_id": "user_ada" }));
            let mut seen = None;
            let all = mutilated(&world, &body);
            assert!(all.len() >= 40, "{}", all.len());
            for (what, headers, body) in all {
                let answer = world.post(headers, body).await;
                let status = answer.status();
                assert_eq!(status, StatusCode::BAD_REQUEST, "{what}");
                let told = answer.text().await.unwrap();
                assert_eq!(*seen.get_or_insert_with(|| told.clone()), told, "{what}");
            }
            assert!(world.admits(&token).await, "{check:?}");
            assert_eq!(world.events.load(Ordering::SeqCst), events, "nobody was told");
            assert_eq!(world.clerk.requests().total(), asked);

            let genuine = world.post(world.signed(&body), body).await;
            assert_eq!(genuine.status(), StatusCode::NO_CONTENT, "the negative control");
            assert_eq!(world.refusal(&token).await, Some("session-revoked"));
        }
    }
}

#[tokio::test]
async fn an_event_that_is_sent_again_later_by_somebody_else_is_refused() {
    let world = World::on_axum(SessionCheck::Networkless).await;
    let body = event("user.deleted", &json!({ "id": "user_ada" }));
    let recorded = world.signed(&body);
    assert_eq!(world.post(recorded.clone(), body.clone()).await.status(), 204);
    assert_eq!(world.post(recorded.clone(), body.clone()).await.status(), 204, "as Clerk might");
    world.clerk.clock().advance(Duration::from_secs(302));
    let (_, token) = world.sign_in("user_ada").await;
    assert_eq!(world.post(recorded, body).await.status(), 400);
    assert!(world.admits(&token).await);
}

#[tokio::test]
async fn genuine_webhooks_that_name_nobody_are_refused_so_that_they_come_again() {
    let world = World::on_axum(SessionCheck::Get).await;
    for body in [
        event("session.ended", &json!({})),
        event("session.ended", &json!({ "id": "user_ada" })),
        event("user.deleted", &json!({ "deleted": true })),
        event("organizationMembership.deleted", &json!({ "public_user_data": {} })),
        "[]".to_owned(),
        "{".to_owned(),
        String::new(),
    ] {
        let answer = world.post(world.signed(&body), body.clone()).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(world.clerk.requests().count(Operation::Get), 0);
}
