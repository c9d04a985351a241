//! Signing a user out everywhere.

mod by_service;

use std::time::Duration;

use tower_clerk::{
    Credential, Policy, SessionCheck, SessionId, SessionResolver, UserId,
    testing::{Fault, MemoryLog, Operation, SessionsApi},
};

const LONG: Duration = Duration::from_secs(600);

async fn refusal(resolver: &SessionResolver, token: &str) -> Option<&'static str> {
    let credential = Credential::session_token(token.as_bytes());
    let answer = resolver.resolve(credential, &Policy::new().accept_templates()).await;
    answer.err().map(|refused| refused.reason())
}

fn ada() -> UserId {
    "user_ada".parse().unwrap()
}

fn sign_in(clerk: &SessionsApi, times: usize) -> Vec<SessionId> {
    (0..times).map(|_| clerk.sign_in("user_ada")).collect()
}

fn is_signed_in(clerk: &SessionsApi, session: &SessionId) -> bool {
    ["active", "pending"].contains(&clerk.session(session).unwrap().status.as_str())
}

fn signed_in(clerk: &SessionsApi, sessions: &[SessionId]) -> usize {
    sessions.iter().filter(|session| is_signed_in(clerk, session)).count()
}

#[tokio::test(start_paused = true)]
async fn however_many_sessions_there_are_all_are_revoked_and_those_of_others_are_not() {
    for count in [0, 1, 501] {
        let clerk = SessionsApi::start().await;
        let eve = clerk.sign_in("user_eve");
        let sessions = sign_in(&clerk, count);
        for session in sessions.iter().step_by(7) {
            clerk.set_status(session, "pending");
        }
        for over in sign_in(&clerk, 5) {
            clerk.set_status(&over, "ended");
        }
        let resolver = clerk.resolver();
        assert_eq!(resolver.revoke_all(&ada()).within(LONG).await.unwrap(), count);
        assert_eq!(signed_in(&clerk, &sessions), 0);
        assert_eq!(clerk.requests().count(Operation::Revoke), count as u64);
        assert!(is_signed_in(&clerk, &eve));
        assert_eq!(resolver.revoke_all(&ada()).await.unwrap(), 0, "it may be called again");
    }
}

#[tokio::test]
async fn whoever_was_signed_in_is_refused_and_whoever_signs_in_anew_is_not() {
    for check in [SessionCheck::Get, SessionCheck::Verify, SessionCheck::Networkless] {
        let clerk = SessionsApi::start().await;
        let (log, sessions) = (MemoryLog::new(), sign_in(&clerk, 2));
        let entries = log.handle();
        let builder = clerk.resolver_builder().check(check).revocation_log(log);
        let resolver = builder.build().unwrap();
        let mut tokens: Vec<_> = sessions.iter().map(|it| clerk.token(it)).collect();
        if check == SessionCheck::Networkless {
            // It names no session that could be revoked.
            tokens.push(clerk.mint(&sessions[0]).template().sign());
        }
        for token in &tokens {
            assert_eq!(refusal(&resolver, token).await, None, "{check:?}");
        }
        assert_eq!(resolver.revoke_all(&ada()).await.unwrap(), 2);
        for token in &tokens {
            assert!(refusal(&resolver, token).await.is_some(), "{check:?}");
        }
        let entries: Vec<_> = entries.entries().iter().map(ToString::to_string).collect();
        assert!(entries.iter().any(|it| it.starts_with("u user_ada b ")), "{entries:?}");
        for session in &sessions {
            assert!(entries.iter().any(|it| it.starts_with(&format!("s {session} t revoked"))));
        }
        clerk.clock().advance(Duration::from_secs(1));
        let anew = clerk.token(&clerk.sign_in("user_ada"));
        assert_eq!(refusal(&resolver, &anew).await, None, "{check:?}");
    }
}

#[tokio::test]
async fn all_but_the_callers_own_session_end_and_nothing_is_said_of_the_user() {
    for (check, lost) in [
        (SessionCheck::Get, Fault::truncate()),
        (SessionCheck::Networkless, Fault::truncate()),
        (SessionCheck::Networkless, Fault::reset()),
    ] {
        let clerk = SessionsApi::start().await;
        let (log, sessions) = (MemoryLog::new(), sign_in(&clerk, 4));
        let entries = log.handle();
        let builder = clerk.resolver_builder().check(check).revocation_log(log);
        let resolver = builder.build().unwrap();
        let tokens: Vec<_> = sessions.iter().map(|it| clerk.token(it)).collect();
        for token in &tokens {
            assert_eq!(refusal(&resolver, token).await, None);
        }
        // Clerk does the last one, and its answers are lost.
        clerk.fail(Operation::Revoke, lost);
        let revoking = resolver.revoke_all(&ada()).except(&sessions[1]);
        assert_eq!(revoking.within(Duration::from_secs(9)).await.unwrap(), 3);
        assert_eq!(refusal(&resolver, &tokens[1]).await, None, "{check:?}");
        for other in [0, 2, 3] {
            assert!(refusal(&resolver, &tokens[other]).await.is_some(), "{check:?} {other}");
        }
        let is_of_user = |it: &tower_clerk::fleet::LogEntry| it.to_string().starts_with("u ");
        assert!(!entries.entries().iter().any(is_of_user));
        clerk.clear_faults();
        assert_eq!(resolver.revoke_all(&ada()).except(&sessions[1]).await.unwrap(), 0);
        assert!(is_signed_in(&clerk, &sessions[1]));
    }
}

#[tokio::test]
async fn sessions_that_begin_while_it_goes_on_are_revoked_too() {
    let clerk = SessionsApi::start().await;
    let mut sessions = sign_in(&clerk, 6);
    clerk.fail(Operation::Revoke, Fault::delay(Duration::from_millis(30)));
    let revoking = tokio::spawn(clerk.resolver().revoke_all(&ada()).into_future());
    for revoked in [1, 4, 7] {
        while clerk.requests().count(Operation::Revoke) < revoked {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        sessions.extend(sign_in(&clerk, 2));
    }
    assert_eq!(revoking.await.unwrap().unwrap(), 12);
    assert_eq!(signed_in(&clerk, &sessions), 0);
}

#[tokio::test(start_paused = true)]
async fn a_used_up_quota_and_an_outage_in_between_delay_it_and_no_more() {
    for fault in [Fault::status(429).retry_after(Duration::from_secs(2)), Fault::status(500)] {
        for operation in [Operation::Revoke, Operation::List] {
            let clerk = SessionsApi::start().await;
            let sessions = sign_in(&clerk, 9);
            let revoking = tokio::spawn(clerk.resolver().revoke_all(&ada()).into_future());
            while clerk.requests().count(operation) == 0 {
                tokio::task::yield_now().await;
            }
            clerk.fail(operation, fault.clone().times(2));
            assert_eq!(revoking.await.unwrap().unwrap(), 9, "{operation:?} {fault:?}");
            assert_eq!(signed_in(&clerk, &sessions), 0);
        }
    }
}

#[tokio::test]
async fn it_is_no_success_where_a_session_is_listed_that_cannot_be_read() {
    let clerk = SessionsApi::start().await;
    let (sessions, resolver) = (sign_in(&clerk, 3), clerk.resolver());
    clerk.edit(&sessions[1], |session| session.set_member("expire_at", "soon"));
    let error = resolver.revoke_all(&ada()).await.unwrap_err();
    assert!(error.is_unreadable(), "{error}");
    assert_eq!((error.revoked(), error.remaining()), (2, Some(1)));
    let told = error.to_string();
    assert!(told.contains("2 sessions were revoked and 1 remain"), "{told}");
    assert_eq!(signed_in(&clerk, &sessions), 1, "the others are");
    // One that says that it is over is nobody's.
    clerk.set_status(&sessions[1], "ended");
    assert_eq!(resolver.revoke_all(&ada()).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn where_the_time_is_over_it_says_how_many_remain_and_may_be_called_again() {
    let clerk = SessionsApi::start().await;
    let (sessions, resolver) = (sign_in(&clerk, 20), clerk.resolver());
    let token = clerk.token(&sessions[0]);
    clerk.fail(Operation::Revoke, Fault::status(500));
    let error = resolver.revoke_all(&ada()).within(Duration::from_secs(2)).await.unwrap_err();
    assert_eq!((error.revoked(), error.remaining()), (0, Some(20)), "{error}");
    assert!(error.client_error().is_some() && !error.is_unreadable());
    assert_eq!(refusal(&resolver, &token).await, None, "nobody is denied for it");

    clerk.fail(Operation::List, Fault::hang().times(1));
    let error = resolver.revoke_all(&ada()).within(Duration::from_secs(1)).await.unwrap_err();
    assert_eq!((error.revoked(), error.remaining()), (0, None), "{error}");

    clerk.clear_faults();
    assert_eq!(resolver.revoke_all(&ada()).within(LONG).await.unwrap(), 20);
    assert!(refusal(&resolver, &token).await.is_some());
}

#[tokio::test]
async fn whoever_gives_it_all_the_time_there_is_causes_no_panic() {
    let clerk = SessionsApi::start().await;
    let sessions = sign_in(&clerk, 3);
    assert_eq!(clerk.resolver().revoke_all(&ada()).within(Duration::MAX).await.unwrap(), 3);
    assert_eq!(signed_in(&clerk, &sessions), 0);
}

#[tokio::test]
async fn several_at_a_time_ask_clerk_for_each_session_once() {
    let clerk = SessionsApi::start().await;
    let (sessions, resolver) = (sign_in(&clerk, 7), clerk.resolver());
    let all: Vec<_> =
        (0..5).map(|_| tokio::spawn(resolver.revoke_all(&ada()).into_future())).collect();
    for revoking in all {
        revoking.await.unwrap().unwrap();
    }
    assert_eq!(signed_in(&clerk, &sessions), 0);
    assert_eq!(clerk.requests().count(Operation::Revoke), 7);
}

#[tokio::test]
async fn it_goes_on_where_nobody_waits_for_it() {
    let clerk = SessionsApi::start().await;
    let (sessions, resolver) = (sign_in(&clerk, 7), clerk.resolver());
    drop(resolver.revoke_all(&ada()).into_future());
    while signed_in(&clerk, &sessions) > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn without_a_good_key_it_fails_at_once_and_says_why() {
    let clerk = SessionsApi::start().await;
    let keyless = tower_clerk::Instance::builder().jwk_set(clerk.jwk_set()).build().unwrap();
    let resolver = SessionResolver::builder(&keyless).check(SessionCheck::Networkless);
    let error = resolver.build().unwrap().revoke_all(&ada()).await.unwrap_err();
    assert!(error.client_error().unwrap().is_unauthorized(), "{error}");
    let resolver = clerk.resolver();
    clerk.fail(Operation::List, Fault::status(401).code("clerk_key_invalid"));
    assert!(
        resolver.revoke_all(&ada()).await.unwrap_err().client_error().unwrap().is_unauthorized()
    );
}

#[test]
fn outside_of_a_runtime_it_fails_and_is_no_panic() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let clerk = runtime.block_on(SessionsApi::start());
    let revoking = clerk.resolver().revoke_all(&ada()).into_future();
    let std::task::Poll::Ready(Err(error)) = tokio_test::task::spawn(revoking).poll() else {
        panic!("nobody can ask Clerk")
    };
    assert!(error.to_string().contains("Tokio runtime"), "{error}");
}
