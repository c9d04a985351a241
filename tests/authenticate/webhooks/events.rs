//! What each event comes to, in whatever order and however often it is sent.

use tower_clerk::{
    Clock,
    testing::{Fault, Membership, Operation, WebhookFault},
};

use super::*;

#[tokio::test]
async fn a_session_that_ends_at_clerk_is_refused_at_once_by_every_check_on_every_stack() {
    for check in CHECKS {
        for world in World::of_each_stack(check).await {
            for (status, reason) in [
                ("ended", "session-ended"),
                ("removed", "session-removed"),
                ("revoked", "session-revoked"),
            ] {
                let (session, token) = world.sign_in("user_ada").await;
                assert!(world.admits(&token).await);
                let asked = world.clerk.requests().total();
                world.clerk.set_status(&session, status);
                world.clerk.webhooks_delivered().await;
                assert_eq!(last_answers(&world.clerk), [StatusCode::NO_CONTENT]);
                assert_eq!(world.refusal(&token).await, Some(reason), "{check:?}");
                assert_eq!(world.clerk.requests().total(), asked, "nobody need be asked");
            }
        }
    }
}

#[tokio::test]
async fn a_webhook_that_is_lost_leaves_the_bound_as_it_is_without_webhooks() {
    let world = World::on_axum(SessionCheck::Get).await;
    let (session, token) = world.sign_in("user_ada").await;
    assert!(world.admits(&token).await);
    world.clerk.fail_webhooks(WebhookFault::lost());
    world.clerk.set_status(&session, "ended");
    world.clerk.webhooks_delivered().await;
    world.clerk.clock().advance(Duration::from_secs(59));
    assert!(world.admits(&token).await, "the negative control: nothing has told");
    world.clerk.clock().advance(Duration::from_secs(6));
    assert_eq!(world.refusal(&token).await, Some("session-ended"));
}

#[tokio::test]
async fn late_repeated_and_disordered_webhooks_bring_nobody_back() {
    for check in CHECKS {
        let world = World::on_axum(check).await;
        let (session, token) = world.sign_in("user_ada").await;
        assert!(world.admits(&token).await);
        world.clerk.fail_webhooks(WebhookFault::repeated(3).times(1));
        world.clerk.set_status(&session, "revoked");
        world.clerk.webhooks_delivered().await;
        assert_eq!(last_answers(&world.clerk), [StatusCode::NO_CONTENT; 4]);
        // What happened before comes after.
        for kind in ["session.pending", "session.created", "session.ended", "session.created"] {
            let body = event(kind, &json!({ "id": session }));
            assert_eq!(world.post(world.signed(&body), body).await.status(), 204);
            assert!(!world.admits(&token).await, "{check:?} {kind}");
        }

        let (session, token) = world.sign_in("user_bob").await;
        assert!(world.admits(&token).await);
        world.clerk.fail_webhooks(WebhookFault::after_next().times(1));
        world.clerk.set_status(&session, "ended");
        world.clerk.delete_user("user_eve");
        world.clerk.webhooks_delivered().await;
        assert_eq!(world.refusal(&token).await, Some("session-ended"), "{check:?}");

        let (session, token) = world.sign_in("user_bob").await;
        assert!(world.admits(&token).await);
        world.clerk.fail_webhooks(WebhookFault::late(Duration::from_millis(50)).times(1));
        world.clerk.set_status(&session, "ended");
        let _ = world.clerk.sign_in("user_eve");
        world.clerk.webhooks_delivered().await;
        assert_eq!(world.refusal(&token).await, Some("session-ended"), "{check:?}");
    }
}

#[tokio::test]
async fn who_is_banned_or_deleted_is_refused_in_every_session() {
    for check in CHECKS {
        for world in World::of_each_stack(check).await {
            let (_, eve) = world.sign_in("user_eve").await;
            for (user, end) in [
                ("user_ada", SessionsApi::ban_user as fn(&_, &_)),
                ("user_bob", SessionsApi::delete_user),
            ] {
                let (_, one) = world.sign_in(user).await;
                let (_, other) = world.sign_in(user).await;
                assert!(world.admits(&one).await && world.admits(&other).await);
                end(&world.clerk, user);
                world.clerk.webhooks_delivered().await;
                for token in [&one, &other] {
                    assert_eq!(world.refusal(token).await, Some("token-superseded"), "{check:?}");
                }
            }
            assert!(world.admits(&eve).await, "it is nothing to do with others");
            // A ban that is taken back, and another change of a user who is not banned.
            world.clerk.unban_user("user_eve");
            world.clerk.webhooks_delivered().await;
            assert!(world.admits(&eve).await, "{check:?}");
        }
    }
}

#[tokio::test]
async fn a_member_of_another_role_needs_a_new_token_and_loses_no_minute() {
    for check in CHECKS {
        let world = World::on_axum(check).await;
        let clerk = &world.clerk;
        let as_member = |organization: &str| {
            let member = Membership::new(organization.parse().unwrap());
            clerk.sign_in_with("user_ada", |session| session.organization = Some(member))
        };
        let (ours, elsewhere) = (as_member("org_1"), as_member("org_2"));
        let (old, other) = (world.long_lived(&ours), world.long_lived(&elsewhere));
        assert!(world.admits(&old).await && world.admits(&other).await);
        clerk.clock().advance(Duration::from_secs(2));
        clerk.change_role("user_ada", "org_1", "org:admin");
        clerk.clock().advance(Duration::from_secs(1));
        let promoted = world.long_lived(&ours);
        // However late the webhook is, it goes by when the membership changed.
        clerk.clock().advance(Duration::from_secs(60));
        clerk.webhooks_delivered().await;
        assert_eq!(world.refusal(&old).await, Some("token-superseded"), "{check:?}");
        assert!(world.admits(&promoted).await, "{check:?}");
        assert!(world.admits(&other).await, "{check:?}");

        clerk.remove_member("user_ada", "org_1");
        clerk.webhooks_delivered().await;
        assert_eq!(world.refusal(&promoted).await, Some("token-superseded"), "{check:?}");
        assert!(world.admits(&other).await, "{check:?}");
        let without = world.long_lived(&ours);
        assert!(world.admits(&without).await, "the session goes on: {check:?}");
    }
}

#[tokio::test]
async fn whoever_was_denied_gets_in_with_a_new_token_also_where_clerks_clock_is_ahead() {
    let (clerk, ours) = (SessionsApi::start().await, Clock::adjustable());
    clerk.clock().advance(Duration::from_secs(4));
    let resolver = clerk.resolver_builder().clock(ours.clone()).build().unwrap();
    let session = clerk.sign_in("user_ada");
    let resolve = async |token: String| {
        let credential = Credential::session_token(token.as_bytes());
        let resolved = resolver.resolve(credential, &Policy::new()).await;
        resolved.map(drop).map_err(|rejection| rejection.reason())
    };
    let old = clerk.token(&session);
    assert_eq!(resolve(old.clone()).await, Ok(()));
    drop(resolver.deny(&"user_ada".parse().unwrap(), None, clerk.clock().now()));
    for clock in [clerk.clock(), ours] {
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(resolve(old).await, Err("token-superseded"));
    clerk.forget_requests();
    for _ in 0..3 {
        assert_eq!(resolve(clerk.token(&session)).await, Ok(()));
    }
    assert_eq!(clerk.requests().count(Operation::Get), 1, "the answer is of after the denial");
}

#[tokio::test]
async fn a_session_that_begins_is_no_longer_taken_for_missing_or_pending() {
    for as_pending in [true, false] {
        let world = World::new(SessionCheck::Get).await;
        let patient = Duration::from_secs(3600);
        let resolver = world.clerk.resolver_builder().negative_ttl(patient).build().unwrap();
        let world = World { resolver, ..world };
        let receiver = world.receiver();
        let session = world.clerk.sign_in("user_ada");
        let token = world.long_lived(&session);
        world.clerk.clock().advance(Duration::from_secs(30));
        if as_pending {
            world.clerk.set_status(&session, "pending");
        } else {
            let missing = Fault::status(404).code("resource_not_found");
            world.clerk.fail(Operation::Get, missing);
        }
        assert!(!world.admits(&token).await);
        world.clerk.clear_faults();
        world.clerk.set_status(&session, "active");
        assert!(!world.admits(&token).await, "the negative control: it is remembered");
        assert_eq!(world.clerk.requests().count(Operation::Get), 1);

        let begun = event("session.created", &json!({ "id": session }));
        assert_eq!(answer(&receiver, &world.clerk, &begun).await.status(), 204);
        assert!(world.admits(&token).await);
        let asked = world.clerk.requests().count(Operation::Get);
        // Of a session that is known to be active it is no news.
        assert_eq!(answer(&receiver, &world.clerk, &begun).await.status(), 204);
        assert!(world.admits(&token).await);
        assert_eq!(world.clerk.requests().count(Operation::Get), asked);
    }
}

#[tokio::test]
async fn a_webhook_of_a_beginning_admits_nobody_unseen_whom_clerk_has_refused_since() {
    let world = World::new(SessionCheck::Get).await;
    let clerk = &world.clerk;
    let resolver = clerk.resolver_builder().networkless_if_error().build().unwrap();
    let receiver = receiver(&resolver);
    resolver.warm_up().await.unwrap();
    let admits = async |token: &str| {
        let credential = Credential::session_token(token.as_bytes());
        resolver.resolve(credential, &Policy::new()).await.is_ok()
    };
    let [session, other] = [clerk.sign_in("user_ada"), clerk.sign_in("user_eve")];
    let [token, unseen] = [clerk.token(&session), clerk.token(&other)];
    clerk.set_status(&session, "pending");
    assert!(!admits(&token).await);
    let late = event("session.created", &json!({ "id": session }));
    assert_eq!(answer(&receiver, clerk, &late).await.status(), 204);
    clerk.fail_all(Fault::status(500));
    assert!(!admits(&token).await);
    assert!(admits(&unseen).await, "the negative control");
}

#[tokio::test]
async fn a_session_with_tasks_left_is_asked_about_anew() {
    let world = World::on_axum(SessionCheck::Get).await;
    let (session, token) = world.sign_in("user_ada").await;
    assert!(world.admits(&token).await);
    world.clerk.set_status(&session, "pending");
    world.clerk.webhooks_delivered().await;
    assert_eq!(world.refusal(&token).await, Some("session-pending"));
    world.clerk.set_status(&session, "active");
    world.clerk.webhooks_delivered().await;
    assert!(world.admits(&token).await, "no minute later");
}

#[tokio::test]
async fn an_event_of_next_year_denies_nobody_who_signs_in_tomorrow() {
    const NEXT_CENTURY: u64 = 4_102_444_800_000;
    let user = json!({ "id": "user_ada" });
    let member = json!({
        "organization": { "id": "org_1" },
        "public_user_data": { "user_id": "user_ada" },
        "updated_at": NEXT_CENTURY,
    });
    for (kind, data) in [
        ("user.deleted", &user),
        ("organizationMembership.deleted", &member),
        ("organizationMembership.updated", &member),
    ] {
        let world = World::on_axum(SessionCheck::Networkless).await;
        let sign_in = || {
            let session = world.clerk.sign_in_with("user_ada", |session| {
                session.organization = "org_1".parse().ok().map(Membership::new);
            });
            world.long_lived(&session)
        };
        let token = sign_in();
        let mut body: Value = serde_json::from_str(&event(kind, data)).unwrap();
        body["timestamp"] = json!(NEXT_CENTURY);
        let body = body.to_string();
        assert_eq!(world.post(world.signed(&body), body).await.status(), 204);
        assert_eq!(world.refusal(&token).await, Some("token-superseded"), "{kind}");
        world.clerk.clock().advance(Duration::from_secs(7));
        assert!(world.admits(&sign_in()).await, "{kind}");
    }
}

#[tokio::test]
async fn what_says_nothing_about_sessions_comes_to_nothing_but_is_handed_on() {
    let world = World::on_axum(SessionCheck::Get).await;
    let (_, token) = world.sign_in("user_ada").await;
    assert!(world.admits(&token).await);
    let (asked, events) = (world.clerk.requests().total(), world.events.load(Ordering::SeqCst));
    let ada = json!({ "id": "user_ada", "user_id": "user_ada", "banned": false });
    for kind in ["user.updated", "user.created", "email.created", "session.hibernated", ""] {
        let body = event(kind, &ada);
        assert_eq!(world.post(world.signed(&body), body).await.status(), 204, "{kind}");
    }
    assert!(world.admits(&token).await);
    assert_eq!(world.clerk.requests().total(), asked);
    assert_eq!(world.events.load(Ordering::SeqCst), events + 5);
}
