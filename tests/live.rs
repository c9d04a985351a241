//! What this crate takes on trust of Clerk, held against an instance of your own:
//!
//! ```sh
//! CLERK_LIVE_SECRET_KEY=sk_test_… CLERK_LIVE_USER_ID=user_… cargo test --all-features --test live -- --nocapture
//! ```
//!
//! `CLERK_LIVE_API_URL` names another origin than Clerk's. It creates a session of that user (which Clerk offers on development instances only), mints tokens of it, ends it behind the
//! resolver's back, and measures when the resolver refuses it, which takes a minute or so. Elsewhere the same is done to the
//! emulator, also to one that does what Clerk is trusted not to do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env,
    io::{self, Write},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use tower_clerk::{
    Clock, Credential, Instance, Policy, Rejection, SessionId, SessionResolver, SessionsClient,
    UserId, client::CreateSession, testing::SessionsApi,
};

/// The defaults.
const TTL: Duration = Duration::from_secs(60);
const SKEW: Duration = Duration::from_secs(5);

const SECOND: Duration = Duration::from_secs(1);

/// Tokens that outlive the measurement, lest they expire before their session is refused.
const LONG: Duration = Duration::from_secs(600);

/// What was seen of a session that was ended behind the resolver's back.
#[derive(Debug)]
struct Measured {
    /// How long after its end it was first refused, and why.
    refused_after: Duration,
    reason: &'static str,
    /// The tokens that say when Clerk assembled them.
    with_evidence: usize,
    without_evidence: usize,
    /// The tokens that were renewed after the end.
    renewed_after_the_end: usize,
    /// Those that say they were assembled after the end, though no clock is that wrong.
    untrue: usize,
}

/// A session, and what it takes to watch its end.
struct Watched<'a> {
    resolver: &'a SessionResolver,
    clock: &'a Clock,
    session: &'a SessionId,
    token: String,
    ended_at: Option<SystemTime>,
    measured: Measured,
}

impl Watched<'_> {
    /// Uses one token after another for some seconds, ends the session, and goes on until it is refused.
    async fn until_refused(
        mut self,
        renew: impl AsyncFn(&str) -> Option<String>,
        end: impl AsyncFn(&SessionId),
        second: impl AsyncFn(),
    ) -> Measured {
        self.note_token();
        for _ in 0..5 {
            self.resolve().await.expect("an active session is admitted");
            self.token = renew(&self.token).await.expect("its tokens are renewed");
            self.note_token();
            second().await;
        }
        self.resolve().await.expect("an active session is admitted");
        end(self.session).await;
        let ended_at = self.clock.now();
        self.ended_at = Some(ended_at);
        loop {
            let refused = self.resolve().await;
            let since = self.clock.now().duration_since(ended_at).unwrap_or_default();
            if refused.is_err() || since > (TTL + SKEW) * 2 {
                let reason = refused.err().map_or("never", |rejection| rejection.reason());
                return Measured { refused_after: since, reason, ..self.measured };
            }
            if let Some(token) = renew(&self.token).await {
                self.measured.renewed_after_the_end += 1;
                self.token = token;
                self.note_token();
            }
            second().await;
        }
    }

    async fn resolve(&self) -> Result<(), Rejection> {
        let credential = Credential::session_token(self.token.as_bytes());
        self.resolver.resolve(credential, &Policy::new()).await.map(drop)
    }

    fn note_token(&mut self) {
        let header = URL_SAFE_NO_PAD.decode(self.token.split('.').next().unwrap()).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        match header["oiat"].as_u64() {
            Some(oiat) => {
                self.measured.with_evidence += 1;
                let assembled_at = UNIX_EPOCH + Duration::from_secs(oiat);
                let is_untrue = |ended_at| assembled_at > ended_at + SKEW;
                self.measured.untrue += usize::from(self.ended_at.is_some_and(is_untrue));
            }
            None => self.measured.without_evidence += 1,
        }
    }
}

impl Measured {
    fn new() -> Self {
        Self {
            refused_after: Duration::ZERO,
            reason: "never",
            with_evidence: 0,
            without_evidence: 0,
            renewed_after_the_end: 0,
            untrue: 0,
        }
    }

    fn is_within_the_bound(&self) -> bool {
        // It was looked once a second.
        self.refused_after <= TTL + SKEW + 2 * SECOND && self.reason.starts_with("session-")
    }
}

#[tokio::test]
async fn a_session_that_ends_at_clerk_is_refused_within_the_bound_by_an_instance_of_your_own() {
    let (Ok(key), Ok(user)) = (env::var("CLERK_LIVE_SECRET_KEY"), env::var("CLERK_LIVE_USER_ID"))
    else {
        // Not captured, so that it is seen.
        writeln!(io::stderr(), "skipped: no CLERK_LIVE_SECRET_KEY, no CLERK_LIVE_USER_ID").unwrap();
        return;
    };
    assert!(key.starts_with("sk_test_"), "sessions are created on development instances only");
    let user: UserId = user.parse().expect("CLERK_LIVE_USER_ID is the ID of a user");
    let mut instance = Instance::builder().secret_key(key.parse().unwrap());
    if let Ok(origin) = env::var("CLERK_LIVE_API_URL") {
        instance = instance.api_url(origin).unwrap();
    }
    let instance = instance.build().unwrap();
    let clerk = SessionsClient::new(&instance).unwrap();
    let resolver = SessionResolver::builder(&instance).client(clerk.clone());
    let resolver = resolver.ttl(TTL).clock_skew(SKEW);
    let session = clerk.create(&CreateSession::new(user)).await.unwrap();
    let mint = async || clerk.create_token(session.id(), Some(LONG)).await;
    let watched = Watched {
        resolver: &resolver.build().unwrap(),
        clock: &Clock::system(),
        session: session.id(),
        token: mint().await.unwrap().into_string(),
        ended_at: None,
        measured: Measured::new(),
    };
    let measured = watched
        .until_refused(
            async |_| Some(mint().await.ok()?.into_string()),
            async |session| drop(clerk.revoke(session).await.unwrap()),
            async || tokio::time::sleep(SECOND).await,
        )
        .await;
    println!("{measured:#?}");
    assert!(measured.is_within_the_bound(), "{measured:#?}");
    assert_eq!(measured.untrue, 0, "use `evidence_from_answers_only`, and tell us: {measured:#?}");
}

/// The same with the emulator, whose edge renews tokens whatever has become of their session.
async fn measure_emulated(
    renew: impl AsyncFn(&SessionsApi, &SessionId, &str) -> String,
) -> Measured {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let watched = Watched {
        resolver: &clerk.resolver(),
        clock: &clerk.clock(),
        session: &session,
        token: clerk.mint(&session).expires_in(LONG).sign(),
        ended_at: None,
        measured: Measured::new(),
    };
    watched
        .until_refused(
            async |token| Some(renew(&clerk, &session, token).await),
            async |session| clerk.set_status(session, "ended"),
            async || clerk.clock().advance(SECOND),
        )
        .await
}

/// As Clerk's front ends get them: assembled anew while the session is signed in.
fn assembled(clerk: &SessionsApi, session: &SessionId, token: &str) -> String {
    match clerk.session(session).unwrap().status.as_str() {
        "active" => clerk.mint(session).expires_in(LONG).sign(),
        _ => clerk.renew_at_edge(token),
    }
}

#[tokio::test]
async fn a_session_that_ends_is_refused_within_the_bound_however_its_tokens_are_renewed() {
    let measured =
        measure_emulated(async |clerk, session, token| assembled(clerk, session, token)).await;
    assert!(measured.is_within_the_bound(), "{measured:#?}");
    // The last token that vouched was assembled up to two seconds before the end, as it says it in whole seconds. The
    // first answer, which vouches without evidence, is from six seconds before.
    assert!(measured.refused_after >= TTL - 2 * SECOND, "evidence was used: {measured:#?}");
    assert!(measured.renewed_after_the_end > 50 && measured.untrue == 0, "{measured:#?}");
}

#[tokio::test]
async fn an_edge_that_lies_about_when_it_asked_is_found_out() {
    let lies = async |clerk: &SessionsApi, session: &SessionId, _: &str| {
        clerk.mint(session).expires_in(LONG).assembled_at(clerk.clock().now()).sign()
    };
    let measured = measure_emulated(lies).await;
    assert!(!measured.is_within_the_bound() && measured.untrue > 0, "{measured:#?}");
}
