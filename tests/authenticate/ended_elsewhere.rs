//! The bound: a session that ended elsewhere is refused no later than `ttl` and the skew after its end, whatever tokens its front
//! end goes on to present.

use std::time::Duration;

use tower_clerk::{
    AuthenticateLayer, Clock, SessionId,
    testing::{Fault, Operation, SessionsApi},
};

use crate::stacks::{self, Outcome, Stack, admitted};

const TTL: u64 = 60;
const SKEW: u64 = 5;

/// What the front end presents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tokens {
    /// The last one that Clerk's origin made, until it expires.
    OfOrigin,
    /// That one, renewed at the edge each second.
    Renewed,
    /// One whose claims were 20 seconds old when the session ended, renewed each second.
    Aged,
    /// New ones, which do not tell when they were assembled.
    Untold,
}

/// A service whose clock is that of Clerk but for some seconds.
struct World {
    clerk: SessionsApi,
    ours: Clock,
    stack: Stack,
    session: SessionId,
}

impl World {
    async fn new(clerk_is_ahead: i64) -> Self {
        let (clerk, ours) = (SessionsApi::start().await, Clock::adjustable());
        let behind = if clerk_is_ahead > 0 { clerk.clock() } else { ours.clone() };
        behind.advance(Duration::from_secs(clerk_is_ahead.unsigned_abs()));
        let instance = clerk.instance_builder().jwk_set(clerk.jwk_set()).build().unwrap();
        let builder = clerk.resolver_builder_of(&instance).clock(ours.clone());
        let layer = AuthenticateLayer::new(builder.build().unwrap()).unwrap();
        let stack = stacks::axum(layer).await;
        let session = clerk.sign_in("user_ada");
        Self { clerk, ours, stack, session }
    }

    fn pass_seconds(&self, seconds: u64) {
        for clock in [self.clerk.clock(), self.ours.clone()] {
            clock.advance(Duration::from_secs(seconds));
        }
    }

    /// Admitted for the last time so many seconds after its end.
    async fn last_admitted(&self, tokens: Tokens) -> u64 {
        let clerk = &self.clerk;
        assert_eq!(self.stack.bearer(&clerk.token(&self.session)).await, admitted("user_ada"));
        self.pass_seconds(50);
        let now = clerk.clock().now();
        let first = match tokens {
            Tokens::OfOrigin | Tokens::Renewed => clerk.token(&self.session),
            Tokens::Aged => {
                let assembled_at = now - Duration::from_secs(20);
                clerk.mint(&self.session).assembled_at(assembled_at).sign()
            }
            Tokens::Untold => clerk.mint(&self.session).without_oiat().sign(),
        };
        let outcome = self.stack.bearer(&first).await;
        assert_eq!(outcome, admitted("user_ada"), "it is signed in");
        clerk.set_status(&self.session, "ended");

        let mut last = 0;
        for second in 1..=TTL + SKEW + 5 {
            self.pass_seconds(1);
            let token = match tokens {
                Tokens::OfOrigin => first.clone(),
                Tokens::Renewed | Tokens::Aged => clerk.renew_at_edge(&first),
                Tokens::Untold => clerk.mint(&self.session).without_oiat().sign(),
            };
            match self.stack.bearer(&token).await {
                Outcome::Admitted(_) => last = second,
                Outcome::Invalid | Outcome::Unavailable => {}
                outcome => panic!("{outcome:?}"),
            }
        }
        last
    }
}

#[tokio::test]
async fn a_session_that_ended_elsewhere_is_refused_in_time_whatever_tokens_are_renewed() {
    for clerk_is_ahead in [-5, 0, 5] {
        for tokens in [Tokens::OfOrigin, Tokens::Renewed, Tokens::Aged, Tokens::Untold] {
            let world = World::new(clerk_is_ahead).await;
            let last = world.last_admitted(tokens).await;
            assert!(last < TTL + SKEW, "{tokens:?}, {clerk_is_ahead} s ahead: {last} s");
        }
    }
}

/// Where Clerk answers nothing, what is known serves for as long as it may: this is the bound itself.
#[tokio::test]
async fn the_bound_is_the_same_where_clerk_cannot_be_asked_meanwhile() {
    for clerk_is_ahead in [-5, 0, 5] {
        for (tokens, at_least, less_than) in [
            // It expires.
            (Tokens::OfOrigin, TTL - 5, TTL + SKEW),
            (Tokens::Renewed, TTL - 10, TTL + SKEW),
            (Tokens::Aged, TTL - 30, TTL + SKEW - 20),
            // The answer of 50 seconds before its end is the only evidence.
            (Tokens::Untold, 5, 10),
        ] {
            let world = World::new(clerk_is_ahead).await;
            let last = world.last_admitted_in_an_outage(tokens).await;
            let case = format!("{tokens:?}, {clerk_is_ahead} s ahead: {last} s");
            assert!(last < less_than, "{case}");
            let shift = u64::try_from(5 - clerk_is_ahead).unwrap();
            assert!(last + shift >= at_least, "the negative control: {case}");
        }
    }
}

impl World {
    async fn last_admitted_in_an_outage(&self, tokens: Tokens) -> u64 {
        // The first answer, and none from then on.
        let first = self.stack.bearer(&self.clerk.token(&self.session)).await;
        assert_eq!(first, admitted("user_ada"));
        self.clerk.fail(Operation::Get, Fault::status(400));
        self.last_admitted(tokens).await
    }
}
