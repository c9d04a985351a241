//! More is asked for than Clerk, or memory, has room for.

use std::time::Duration;

use tokio::{task::JoinSet, time::Instant};
use tower_clerk::{
    Credential, Policy, RejectionKind, SessionResolver, SessionsClient,
    client::Quota,
    testing::{Fault, Operation, SessionsApi},
};

use crate::{
    lasting_token, resolver_within,
    stacks::{Outcome, admitted},
    stacks_of,
};

async fn kind_of(resolver: &SessionResolver, token: &str) -> Option<RejectionKind> {
    let credential = Credential::session_token(token.as_bytes());
    let resolved = resolver.resolve(credential, &Policy::new()).await;
    resolved.err().map(|rejection| rejection.kind())
}

/// How many of so many cold sessions are admitted when they all come at once.
async fn admitted_of(sessions: usize, quota: Quota, clerk: &SessionsApi) -> u64 {
    let resolver = resolver_within(Duration::from_secs(1), quota, clerk);
    resolver.warm_up().await.unwrap();
    let mut callers = JoinSet::new();
    for _ in 0..sessions {
        let (resolver, token) = (resolver.clone(), clerk.token(&clerk.sign_in("user_ada")));
        callers.spawn(async move { kind_of(&resolver, &token).await });
    }
    let answers = callers.join_all().await;
    assert!(answers.iter().all(|kind| kind.is_none_or(|kind| kind == RejectionKind::Unavailable)));
    answers.iter().filter(|kind| kind.is_none()).count() as u64
}

#[tokio::test]
async fn a_burst_of_cold_sessions_keeps_to_the_share_of_clerks_quota() {
    let clerk = SessionsApi::builder().enforce_quota(true).start().await.unwrap();
    let admitted = admitted_of(300, Quota::default(), &clerk).await;
    // A development instance has 100 calls in 10 s; half of 80 percent may come at once.
    assert!((40..80).contains(&admitted), "{admitted}");
    assert_eq!(clerk.requests().count(Operation::Get), admitted, "none was answered 429");
}

#[tokio::test]
async fn without_a_quota_clerk_answers_429() {
    let clerk = SessionsApi::builder().enforce_quota(true).start().await.unwrap();
    let admitted = admitted_of(300, Quota::Unlimited, &clerk).await;
    assert!(admitted <= 100, "{admitted}");
    assert!(clerk.requests().count(Operation::Get) > admitted);
}

#[tokio::test]
async fn signed_tokens_of_sessions_that_do_not_exist_cost_clerk_no_more_than_the_share() {
    let clerk = SessionsApi::start().await;
    let good = lasting_token(&clerk, &clerk.sign_in("user_ada"));
    let leaver = clerk.sign_in("user_bob");
    let resolver = resolver_within(Duration::from_millis(300), Quota::default(), &clerk);
    let stacks = stacks_of(&resolver).await;
    assert_eq!(stacks[0].bearer(&good).await, admitted("user_ada"));

    let decoy = clerk.sign_in("user_mallory");
    let mut flood = JoinSet::new();
    for number in 0..600 {
        let token = clerk.mint(&decoy).claim("sid", format!("sess_flood{number}")).sign();
        let stack = stacks[number % 3].clone();
        flood.spawn(async move { stack.bearer(&token).await });
        if number % 100 == 0 {
            let stack = &stacks[number / 100 % 3];
            assert_eq!(stack.bearer(&good).await, admitted("user_ada"), "{}", stack.name);
        }
    }
    resolver.revoke(&leaver).await.unwrap();
    while let Some(outcome) = flood.join_next().await {
        assert!(matches!(outcome.unwrap(), Outcome::Invalid | Outcome::Unavailable));
    }
    let gets = clerk.requests().count(Operation::Get);
    assert!((40..=80).contains(&gets), "{gets}");
    assert_eq!(stacks[0].bearer(&good).await, admitted("user_ada"));
}

#[tokio::test]
async fn questions_that_hang_do_not_keep_a_session_from_being_revoked() {
    let clerk = SessionsApi::start().await;
    let resolver = clerk.resolver();
    resolver.warm_up().await.unwrap();
    let leaver = clerk.sign_in("user_bob");
    clerk.fail(Operation::Get, Fault::hang());
    let mut flood = JoinSet::new();
    for _ in 0..100 {
        let (resolver, token) = (resolver.clone(), clerk.token(&clerk.sign_in("user_ada")));
        flood.spawn(async move { kind_of(&resolver, &token).await });
    }
    while clerk.requests().count(Operation::Get) < 64 {
        tokio::task::yield_now().await;
    }
    // Before the first of them gives up.
    let begun = Instant::now();
    resolver.revoke(&leaver).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    flood.abort_all();
}

#[tokio::test]
async fn more_than_the_rate_is_served_at_the_rate_and_all_of_it_once_demand_falls() {
    let clerk = SessionsApi::builder().enforce_quota(true).start().await.unwrap();
    clerk.fail(Operation::Get, Fault::delay(Duration::from_millis(300)));
    let client = SessionsClient::builder(&clerk.instance()).build().unwrap();
    let ask = |number: u32| {
        let client = client.clone();
        let id = format!("sess_nobody{number}").parse().unwrap();
        // That there is no such session is an answer, too.
        async move { client.get(&id).await.unwrap_err() }
    };
    let mut callers = JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / 115);
    let begun = Instant::now();
    for number in 0..6 * 115 {
        ticks.tick().await;
        callers.spawn(ask(number));
    }
    let took = begun.elapsed();
    let errors = callers.join_all().await;
    let answered = errors.iter().filter(|error| error.is_not_found()).count();
    let turned_away = errors.iter().filter(|error| error.is_rate_limited()).count();
    // Half of 80 calls at once, and in the first window the other half evenly.
    let carried = 40 + 4 * usize::try_from(took.as_secs()).unwrap();
    assert!(10 * answered >= 9 * carried, "{answered} of {carried}");
    assert_eq!(answered + turned_away, errors.len(), "no call is sent in vain");
    assert_eq!(clerk.requests().count(Operation::Get), answered as u64);

    for number in 0..4 {
        assert!(ask(number).await.is_not_found());
    }
}
