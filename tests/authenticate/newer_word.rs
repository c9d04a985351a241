//! Newer evidence: a token that was made after Clerk said no.

use std::time::Duration;

use tower_clerk::{
    AuthenticateLayer, SessionId,
    testing::{Fault, Operation, SessionsApi},
};

use crate::stacks::{self, Outcome, admitted};

/// A token of a moment ago is refused since Clerk has just said so, and the next one is not.
async fn is_believed_once(clerk: &SessionsApi, session: &SessionId) {
    let stacks = stacks::all(&AuthenticateLayer::new(clerk.resolver()).unwrap()).await;
    let gets = || clerk.requests().count(Operation::Get);
    let token = clerk.token(session);
    clerk.clock().advance(Duration::from_secs(7));
    for stack in &stacks {
        assert_eq!(stack.bearer(&token).await, Outcome::Invalid, "{}", stack.name);
    }
    assert_eq!(gets(), 1, "Clerk's no is remembered");

    // It is no better yet: each new token is worth one question, however often it comes.
    clerk.clock().advance(Duration::from_secs(1));
    let impatient = clerk.token(session);
    let is_pending = clerk.session(session).unwrap().status == "pending";
    if !is_pending {
        for stack in stacks.iter().cycle().take(9) {
            assert_eq!(stack.bearer(&impatient).await, Outcome::Invalid, "{}", stack.name);
        }
        assert_eq!(gets(), 2);
    }
    clerk.clear_faults();
    clerk.set_status(session, "active");
    clerk.clock().advance(Duration::from_secs(1));
    let asked = gets();
    let new = clerk.token(session);
    for stack in stacks.iter().cycle().take(9) {
        assert_eq!(stack.bearer(&new).await, admitted("user_ada"), "{}", stack.name);
    }
    assert_eq!(gets(), asked + 1);
    assert_eq!(stacks[0].bearer(&token).await, admitted("user_ada"), "it is the same session");
}

#[tokio::test]
async fn after_the_last_sign_in_task_the_new_token_is_admitted_at_once() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let stacks = stacks::all(&AuthenticateLayer::new(clerk.resolver()).unwrap()).await;
    let early = clerk.token(&session);
    clerk.clock().advance(Duration::from_secs(7));
    clerk.set_status(&session, "pending");
    for stack in &stacks {
        assert_eq!(stack.bearer(&early).await, Outcome::Invalid, "{}", stack.name);
    }
    assert_eq!(clerk.requests().count(Operation::Get), 1, "Clerk's no is remembered");
    clerk.set_status(&session, "active");
    let new = clerk.token(&session);
    for stack in stacks.iter().cycle().take(9) {
        assert_eq!(stack.bearer(&new).await, admitted("user_ada"), "{}", stack.name);
    }
    assert_eq!(clerk.requests().count(Operation::Get), 2, "one token asks once");
}

#[tokio::test]
async fn a_session_that_clerk_did_not_know_yet_is_admitted_with_its_next_token() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    clerk.fail(Operation::Get, Fault::status(404).code("resource_not_found"));
    is_believed_once(&clerk, &session).await;
}
