//! How many sessions a rate limit carries, in simulated time: the real resolver and the real turns of the real
//! client, on tokio's paused clock. Only the exchange with Clerk, and the signatures of tokens, are left out.
//!
//! Unless `LONG_TESTS` is set, it is a tenth of the sessions on a development instance, whose limit is a tenth.
//!
//! `CAPACITY_MODEL=40000,1800 cargo test --release --all-features --lib capacity_model -- --nocapture` simulates
//! another number of sessions for so many seconds, and prints what becomes of them.

use std::{env, fmt, sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::{SessionResolver, SessionResolverBuilder, verified_token::VerifiedToken};
use crate::{
    Claims, Clock, Credential, Instance, OwnedCredential, Policy, RejectionKind, ResolveSession,
    Session, SessionId, SessionsClient,
    claims::{Category, NumericDate},
    client::Urgency,
    sessions::{Asking, Upstream},
    token::test_signer::{ISSUED, TestSigner, at, session_claims},
};

/// From then on, 9,000 sessions of a production instance are all known.
const COLD: usize = 150;

/// Each session makes a request every 10 s, and gets a new token every 50 s.
const REQUESTS_EVERY: usize = 10;
const RENEWED_EVERY: usize = 50;

const TICKS: usize = 10;
const TICK: Duration = Duration::from_millis(100);

/// What Clerk takes to answer.
const LATENCY: Duration = Duration::from_millis(60);

#[tokio::test(start_paused = true)]
async fn nine_thousand_sessions_of_a_production_instance_are_carried_from_cold() {
    let wanted = env::var("CAPACITY_MODEL").ok();
    let wanted = wanted.as_ref().and_then(|wanted| wanted.split_once(','));
    let (sessions, seconds) = wanted.map_or((scaled(9_000), 660), |(sessions, seconds)| {
        (sessions.parse().unwrap(), seconds.parse().unwrap())
    });
    let seen = simulate(sessions, seconds, Evidence::Renewed, |builder| builder).await;
    println!("{seen}");
    if wanted.is_none() {
        assert_eq!(seen.refused_within(COLD..seconds), 0, "{seen}");
        assert!(seen.refused_within(0..COLD) > 0, "it was cold: {seen}");
    }
}

#[tokio::test(start_paused = true)]
async fn by_answers_alone_nine_thousand_are_not_carried() {
    let seen = simulate(scaled(9_000), 180, Evidence::Renewed, |builder| {
        builder.ttl(Duration::from_secs(30)).evidence_from_answers_only()
    });
    let seen = seen.await;
    assert!(seen.refused_within(COLD..180) > scaled(1_000), "{seen}");
}

#[tokio::test(start_paused = true)]
async fn where_tokens_prove_nothing_the_ttl_divides() {
    // 76 calls a second, each of which serves for 55 s or so.
    let seen = simulate(scaled(3_000), 240, Evidence::None, |builder| builder).await;
    assert_eq!(seen.refused_within(COLD..240), 0, "{seen}");
}

fn scaled(sessions: usize) -> usize {
    if is_long() { sessions } else { sessions / 10 }
}

fn is_long() -> bool {
    env::var_os("LONG_TESTS").is_some() || env::var_os("CAPACITY_MODEL").is_some()
}

/// What the tokens say of when they were assembled.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Evidence {
    /// Clerk assembles each anew.
    Renewed,
    /// Nothing.
    None,
}

async fn simulate(
    sessions: usize,
    seconds: usize,
    evidence: Evidence,
    set_up: impl FnOnce(SessionResolverBuilder) -> SessionResolverBuilder,
) -> Seen {
    let clock = Clock::fixed(at(ISSUED));
    let clerk = Clerk::new(clock.clone());
    let builder = SessionResolver::builder(clerk.client.instance()).clock(clock.clone());
    let resolver =
        set_up(builder).build_upon(Some(&clerk.client), Box::new(clerk.clone())).unwrap();
    let mint = Mint::new(&resolver, clock.clone()).await;
    let mut crowd: Vec<Arc<str>> =
        (0..sessions).map(|number| mint.token(number, evidence)).collect();

    let policy = Policy::new();
    let mut seen = Seen::default();
    let mut under_way = JoinSet::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for second in 0..seconds {
        let calls_before = clerk.calls();
        seen.0.push(Second::default());
        for tick in 0..TICKS {
            ticks.tick().await;
            clock.advance(TICK);
            let phase = second % REQUESTS_EVERY * TICKS + tick;
            for number in (phase..sessions).step_by(REQUESTS_EVERY * TICKS) {
                // The renewals of all are spread over the time between two.
                let turn = (second + number / (REQUESTS_EVERY * TICKS)) % RENEWED_EVERY;
                if second > 0 && turn < REQUESTS_EVERY {
                    crowd[number] = mint.token(number, evidence);
                }
                let credential = Credential::session_token(crowd[number].as_bytes());
                match resolver.resolve_cached(&credential, &policy) {
                    Some(verdict) => seen.note(second, verdict.err().map(|it| it.kind())),
                    None => {
                        let (resolver, credential) = (resolver.clone(), credential.to_owned());
                        under_way.spawn(async move { (second, ask(resolver, credential).await) });
                    }
                }
            }
            while let Some(answer) = under_way.try_join_next() {
                let (second, refused) = answer.unwrap();
                seen.note(second, refused);
            }
        }
        seen.0[second].calls = clerk.calls() - calls_before;
    }
    while let Some(answer) = under_way.join_next().await {
        let (second, refused) = answer.unwrap();
        seen.note(second, refused);
    }
    seen
}

async fn ask(resolver: SessionResolver, credential: OwnedCredential) -> Option<RejectionKind> {
    let resolved = Arc::new(resolver).resolve_uncached(credential, Policy::new()).await;
    resolved.err().map(|rejection| rejection.kind())
}

/// What became of each second's requests.
#[derive(Debug, Default)]
struct Seen(Vec<Second>);

#[derive(Debug, Clone, Copy, Default)]
struct Second {
    admitted: usize,
    refused: usize,
    calls: usize,
}

impl Seen {
    fn note(&mut self, second: usize, refused: Option<RejectionKind>) {
        match refused {
            None => self.0[second].admitted += 1,
            Some(RejectionKind::Unavailable) => self.0[second].refused += 1,
            Some(kind) => panic!("nobody is signed out: {kind:?}"),
        }
    }

    fn refused_within(&self, seconds: std::ops::Range<usize>) -> usize {
        self.0[seconds].iter().map(|second| second.refused).sum()
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "from s   admitted/s  refused/s  calls/s")?;
        for (part, seconds) in self.0.chunks(30).enumerate() {
            let mean = |of: fn(&Second) -> usize| {
                seconds.iter().map(of).sum::<usize>() as f64 / seconds.len() as f64
            };
            let (admitted, refused) = (mean(|it| it.admitted), mean(|it| it.refused));
            let calls = mean(|it| it.calls);
            writeln!(f, "{:>6} {admitted:>12.1} {refused:>10.1} {calls:>8.1}", part * 30)?;
        }
        Ok(())
    }
}

/// Clerk, which knows every session and says that it is active. Those who ask wait for their turns as in earnest.
#[derive(Debug, Clone)]
struct Clerk {
    client: SessionsClient,
    clock: Clock,
    calls: Arc<std::sync::atomic::AtomicUsize>,
}

impl Clerk {
    fn new(clock: Clock) -> Self {
        let key = if is_long() { "sk_live_unused" } else { "sk_test_unused" };
        let instance = Instance::builder()
            .secret_key(key.parse().unwrap())
            .jwk_set(TestSigner::ours().jwk_set())
            .build()
            .unwrap();
        let client = SessionsClient::new(&instance).unwrap();
        Self { client, clock, calls: Arc::default() }
    }

    fn calls(&self) -> usize {
        self.calls.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl Upstream for Clerk {
    fn read<'a>(
        &'a self,
        id: &'a SessionId,
        _: Option<&'a str>,
        urgency: Urgency,
        sent: Box<dyn FnOnce() + Send + 'a>,
    ) -> Asking<'a> {
        Box::pin(async move {
            let sent = || {
                self.calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                sent();
            };
            self.client.rehearse(id, urgency, LATENCY, sent).await?;
            Ok(session(id, &self.clock))
        })
    }

    fn revoke<'a>(&'a self, id: &'a SessionId) -> Asking<'a> {
        Box::pin(async move { Ok(session(id, &self.clock)) })
    }
}

fn session(id: &SessionId, clock: &Clock) -> Session {
    let now = clock.now().duration_since(at(0)).unwrap().as_millis();
    let week = 7 * 24 * 60 * 60 * 1000;
    let session = json!({
        "object": "session", "id": id, "user_id": "user_1", "client_id": "client_1",
        "status": "active", "last_active_at": now, "expire_at": now + week,
        "abandon_at": now + week, "updated_at": now, "created_at": 0,
    });
    serde_json::from_value(session).unwrap()
}

/// Makes tokens that count as verified, since a hundred thousand signatures take minutes.
struct Mint {
    resolver: SessionResolver,
    clock: Clock,
    genuine: VerifiedToken,
}

impl Mint {
    async fn new(resolver: &SessionResolver, clock: Clock) -> Self {
        let signed = TestSigner::ours().sign(&session_claims());
        let authenticated = resolver.inner.authenticator.authenticate(signed.as_bytes()).await;
        let genuine = VerifiedToken { authenticated: authenticated.unwrap(), slot: None };
        Self { resolver: resolver.clone(), clock, genuine }
    }

    fn token(&self, session: usize, evidence: Evidence) -> Arc<str> {
        let now = self.clock.now();
        let seconds = now.duration_since(at(0)).unwrap().as_secs();
        let id: SessionId = format!("sess_{session}").parse().unwrap();
        let payload = json!({
            "iss": "https://clerk.example.com", "sub": "user_1", "sid": id,
            "iat": seconds, "nbf": seconds - 10, "exp": seconds + 60,
        });
        let oiat = (evidence == Evidence::Renewed)
            .then(|| NumericDate::parse(&seconds.to_string()).unwrap());
        let payload = payload.to_string().into_bytes();
        let claims = Claims::from_verified(payload, Category::Session, oiat).unwrap();
        // Its end is as random as that of a signature.
        let signature = (session as u64 + (seconds << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let token: Arc<str> =
            format!("e.{session}.{seconds}-{:016x}.", signature ^ (signature >> 32)).into();
        let slot = Some(self.resolver.inner.sessions.slot(&id));
        let authenticated = self.genuine.authenticated.with_claims(claims);
        let verified = VerifiedToken { authenticated, slot };
        self.resolver.inner.tokens.insert(token.as_bytes(), verified, now);
        token
    }
}
