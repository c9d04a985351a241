use std::{env, time::Duration};

use tokio::time::{Instant, sleep};
use tower_clerk::{
    OrganizationId, SessionCheck, SessionStatus, UserId,
    fleet::RevocationLog,
    for_redis::RedisLog,
    testing::{Membership, SessionsApi},
};

use crate::{
    fleet::{Log, SOON, admits, all_admit, all_refuse_within},
    server::RedisServer,
};

/// How soon so many entries are read where nothing is optimized; the benchmark tells how soon where it is.
const CAUGHT_UP: Duration = Duration::from_secs(20);

/// A hundred thousand with `LONG_TESTS`.
fn thousands() -> usize {
    if env::var_os("LONG_TESTS").is_some() { 100 } else { 10 }
}

const CHECKS: [SessionCheck; 2] = [SessionCheck::Get, SessionCheck::Networkless];

#[tokio::test]
async fn what_one_revokes_all_refuse_whether_they_ask_clerk_or_not() {
    for log in Log::of_each_kind() {
        for check in CHECKS {
            let clerk = SessionsApi::start().await;
            let fleet: [_; 3] = log.fleet(&clerk, check).await;
            let stays = clerk.token(&clerk.sign_in("user_eve"));
            for process in &fleet {
                let session = clerk.sign_in("user_ada");
                let token = clerk.token(&session);
                all_admit(&fleet, &token).await;
                process.revoke(&session).await.unwrap();
                assert!(!admits(process, &token).await, "at once where it was revoked");
                all_refuse_within(SOON, &fleet, &token).await;
            }
            all_admit(&fleet, &stays).await;
        }
    }
}

#[tokio::test]
async fn a_restart_forgets_no_revocation_that_is_in_the_log() {
    for log in Log::of_each_kind() {
        let clerk = SessionsApi::start().await;
        let session = clerk.sign_in("user_ada");
        let token = clerk.token(&session);
        let before = log.process(&clerk, SessionCheck::Networkless).await;
        before.revoke(&session).await.unwrap();
        drop(before);
        let restarted = log.process(&clerk, SessionCheck::Networkless).await;
        all_refuse_within(SOON, &[restarted], &token).await;
        let without = clerk.resolver_builder().check(SessionCheck::Networkless).build().unwrap();
        assert!(admits(&without, &token).await, "nothing but the log can have told");
    }
}

#[tokio::test]
async fn a_process_that_starts_beside_a_long_log_serves_at_once_and_catches_up() {
    let Some(server) = RedisServer::start() else { return };
    let clerk = SessionsApi::start().await;
    let log = RedisLog::new(&server.url()).unwrap();
    let revoked = |session: &str| format!("s {session} t revoked").parse().unwrap();
    for batch in 0..thousands() {
        let entries = (0..1_000).map(|number| revoked(&format!("sess_{batch}x{number}")));
        log.append(entries.collect()).await.unwrap();
    }
    let [last, stays] = ["user_ada", "user_eve"].map(|user| clerk.sign_in(user));
    log.append(vec![revoked(last.as_str())]).await.unwrap();
    let [last, stays] = [last, stays].map(|session| clerk.token(&session));

    let builder = clerk.resolver_builder().check(SessionCheck::Networkless);
    let process = builder.revocation_log(log).build().unwrap();
    process.warm_up().await.unwrap();
    let began = Instant::now();
    assert!(admits(&process, &stays).await);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(admits(&process, &last).await, "the negative control: it cannot know yet");
    all_refuse_within(CAUGHT_UP, std::slice::from_ref(&process), &last).await;
    println!("caught up after {:?}", began.elapsed());
    assert!(admits(&process, &stays).await);
}

#[tokio::test]
async fn what_one_heard_of_a_process_that_starts_later_knows() {
    for log in Log::of_each_kind() {
        let clerk = SessionsApi::start().await;
        let session = clerk.sign_in("user_ada");
        let token = clerk.token(&session);
        let first = log.process(&clerk, SessionCheck::Get).await;
        // Clerk would say that it is active.
        assert!(first.end(&session, SessionStatus::Ended).await, "the log acknowledges it");
        let second = log.process(&clerk, SessionCheck::Get).await;
        all_refuse_within(SOON, &[first, second], &token).await;
    }
}

#[tokio::test]
async fn users_and_members_are_denied_everywhere() {
    let organization: OrganizationId = "org_1".parse().unwrap();
    for log in Log::of_each_kind() {
        for (round, check) in CHECKS.into_iter().enumerate() {
            // The log remembers whom the last round denied.
            let (ada, eve) = (format!("user_ada{round}"), format!("user_eve{round}"));
            let clerk = SessionsApi::start().await;
            let fleet: [_; 2] = log.fleet(&clerk, check).await;
            let of_ada = clerk.token(&clerk.sign_in(&ada));
            let of_eve = clerk.token(&clerk.sign_in(&eve));
            let as_member = clerk.token(&clerk.sign_in_with(&eve, |session| {
                session.organization = Some(Membership::new(organization.clone()));
            }));
            for token in [&of_ada, &of_eve, &as_member] {
                all_admit(&fleet, token).await;
            }
            let now = clerk.clock().now();
            let (ada, eve): (UserId, UserId) = (ada.parse().unwrap(), eve.parse().unwrap());
            assert!(fleet[0].deny(&ada, None, now).await);
            assert!(fleet[1].deny(&eve, Some(&organization), now).await);
            all_refuse_within(SOON, &fleet, &of_ada).await;
            all_refuse_within(SOON, &fleet, &as_member).await;
            all_admit(&fleet, &of_eve).await;
        }
    }
}

#[tokio::test]
async fn the_last_resolver_dropped_takes_its_connections_along() {
    let Some(server) = RedisServer::start() else { return };
    let log = Log::Redis(server);
    let clerk = SessionsApi::start().await;
    let process = log.process(&clerk, SessionCheck::Get).await;
    let Log::Redis(server) = &log else { unreachable!() };
    assert_eq!(server.clients().len(), 2);
    let clone = process.clone();
    drop(process);
    assert!(admits(&clone, &clerk.token(&clerk.sign_in("user_ada"))).await);
    assert_eq!(server.clients().len(), 2, "a clone is the same resolver");
    drop(clone);
    let began = Instant::now();
    while !server.clients().is_empty() {
        assert!(began.elapsed() < SOON, "{:?}", server.clients());
        sleep(Duration::from_millis(1)).await;
    }
}
