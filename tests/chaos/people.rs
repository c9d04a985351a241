//! Those who are signed in, and what becomes of their sessions.

use std::{
    sync::Mutex,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tower_clerk::{SessionId, SessionResolver, testing::SessionsApi};

use crate::{
    Lifetimes,
    oracle::{End, Presented},
    random::Random,
};

/// A user with one session.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) session: SessionId,
    user: String,
    end: Mutex<End>,
    tokens: Mutex<Vec<Token>>,
}

/// A genuine token.
#[derive(Debug, Clone)]
struct Token {
    text: String,
    expires_at: SystemTime,
}

impl Person {
    pub(crate) fn sign_in(clerk: &SessionsApi, random: &mut Random, number: usize) -> Self {
        let user = format!("user_{number}");
        let session = clerk.sign_in(&user);
        let mut end = End::default();
        if random.percent(10) {
            // Clerk's clock may be ahead of ours by less than the skew.
            let expires_at = clerk.clock().now() + random.millis(10_000..90_000);
            clerk.edit(&session, |session| session.expire_at = expires_at);
            let expires_at = to_the_millisecond(expires_at);
            end = End::looming(expires_at - crate::oracle::SKEW).known_at(expires_at);
        }
        Self { session, user, end: Mutex::new(end), tokens: Mutex::default() }
    }

    /// Somebody who has just signed in and got a token.
    pub(crate) fn newcomer(clerk: &SessionsApi, number: usize, now: SystemTime) -> Self {
        let user = format!("user_new{number}");
        let session = clerk.sign_in(&user);
        let person = Self { session, user, end: Mutex::default(), tokens: Mutex::default() };
        person.renew_token(clerk, Duration::from_secs(600), now);
        person
    }

    pub(crate) fn end(&self) -> End {
        *self.end.lock().unwrap()
    }

    /// A token of theirs and what it is, if they have one.
    pub(crate) fn present(&self, random: &mut Random) -> Option<(String, Presented)> {
        let tokens = self.tokens.lock().unwrap();
        tokens.get(random.below(tokens.len().max(1))).map(|token| self.presented(token))
    }

    /// Gets a new token, if Clerk knows the session, and throws away those that expired long ago.
    pub(crate) fn renew_token(&self, clerk: &SessionsApi, lifetime: Duration, now: SystemTime) {
        let mut tokens = self.tokens.lock().unwrap();
        tokens.retain(|token| now < token.expires_at + Duration::from_secs(30));
        if clerk.session(&self.session).is_some() {
            let issued_at = to_the_second(clerk.clock().now());
            let text = clerk.mint(&self.session).issued_at(issued_at).expires_in(lifetime).sign();
            tokens.push(Token { text, expires_at: issued_at + lifetime });
        }
    }

    /// Has Clerk's edge renew the last token, which does not look whether the session is still there.
    pub(crate) fn renew_at_edge(&self, clerk: &SessionsApi) {
        let mut tokens = self.tokens.lock().unwrap();
        // A token of somebody who is gone may be signed with a key that is gone, too.
        if let Some(last) = tokens.last().filter(|_| clerk.session(&self.session).is_some()) {
            let text = clerk.renew_at_edge(&last.text);
            let expires_at = expiry(&text);
            // The last one stays the last that the origin made.
            tokens.insert(0, Token { text, expires_at });
        }
    }

    /// The token they got last, and what it is.
    pub(crate) fn present_last(&self) -> Option<(String, Presented)> {
        let tokens = self.tokens.lock().unwrap();
        tokens.last().map(|token| self.presented(token))
    }

    /// Whatever becomes of the session from now on is not to be foreseen.
    pub(crate) fn loom(&self, now: SystemTime) {
        self.set_end(End::looming(now));
    }

    /// Signed out through the resolver. Says whether it is known to have been.
    pub(crate) async fn sign_out(
        &self,
        clerk: &SessionsApi,
        resolver: &SessionResolver,
        now: impl Fn() -> SystemTime,
        lifetimes: Lifetimes,
    ) -> bool {
        let looming = self.end();
        let revoked = resolver.revoke(&self.session).await;
        let at = now();
        match &revoked {
            Ok(_) => self.set_end(looming.known_at(at)),
            // Clerk heard us, and we did not hear Clerk.
            Err(_) if clerk.session(&self.session).is_some_and(|it| it.status == "revoked") => {
                self.set_end(looming.elsewhere(at, lifetimes.ttl, lifetimes.stale_if_error));
            }
            Err(_) => {}
        }
        revoked.is_ok()
    }

    /// Signed out by somebody else.
    pub(crate) fn sign_out_elsewhere(
        &self,
        clerk: &SessionsApi,
        random: &mut Random,
        now: impl Fn() -> SystemTime,
        lifetimes: Lifetimes,
    ) {
        const STATUSES: [&str; 8] = [
            "revoked",
            "ended",
            "removed",
            "replaced",
            "abandoned",
            "expired",
            "pending",
            "unheard_of",
        ];
        let looming = End::looming(now());
        self.set_end(looming);
        if random.percent(20) {
            self.be_forgotten(clerk);
        } else {
            let status: &&str = random.pick(&STATUSES);
            clerk.set_status(&self.session, status);
        }
        self.set_end(looming.elsewhere(now(), lifetimes.ttl, lifetimes.stale_if_error));
    }

    /// Clerk forgets the session. While that goes on no token is issued.
    pub(crate) fn be_forgotten(&self, clerk: &SessionsApi) {
        let tokens = self.tokens.lock().unwrap();
        clerk.remove(&self.session);
        drop(tokens);
    }

    fn presented(&self, token: &Token) -> (String, Presented) {
        let (user, expires_at) = (self.user.clone(), token.expires_at);
        (token.text.clone(), Presented::Genuine { user, expires_at })
    }

    fn set_end(&self, end: End) {
        *self.end.lock().unwrap() = end;
    }
}

/// When a token expires.
fn expiry(token: &str) -> SystemTime {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let payload: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    SystemTime::UNIX_EPOCH + Duration::from_secs(payload["exp"].as_u64().unwrap())
}

/// Tokens and other strings that nobody is to be admitted with.
pub(crate) fn worthless(clerk: &SessionsApi, session: &SessionId) -> Vec<String> {
    let mint = || clerk.mint(session);
    let genuine = mint().expires_in(Duration::from_secs(24 * 3600)).sign();
    let (signed, signature) = genuine.rsplit_once('.').unwrap();
    vec![
        mint().forged().sign(),
        mint().signed_by_unknown_key().sign(),
        mint().kid("ins_elsewhere").sign(),
        mint().tampered().sign(),
        mint().expired().sign(),
        mint().issued_at(clerk.clock().now() + Duration::from_secs(24 * 3600)).sign(),
        mint().template().sign(),
        mint().machine().sign(),
        mint().header("alg", "none").sign(),
        mint().header("alg", "HS256").sign(),
        mint().claim("iss", "https://clerk.example.com").sign(),
        mint().claim("sub", "user_somebody_else").sign(),
        mint().claim("sid", "sess_of_nobody").sign(),
        mint().without_claim("sid").sign(),
        mint().without_claim("exp").sign(),
        format!("{signed}."),
        format!("{genuine}A"),
        genuine[..genuine.len() - 2].to_owned(),
        format!("{signed}.{}", signature.chars().rev().collect::<String>()),
        session.to_string(),
        "rubbish".to_owned(),
    ]
}

/// The same token but for one character.
pub(crate) fn mutated(token: &str, random: &mut Random) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    let mut bytes = token.as_bytes().to_vec();
    let place = random.below(bytes.len());
    let there = bytes[place];
    while bytes[place] == there {
        bytes[place] = *random.pick(ALPHABET);
    }
    String::from_utf8(bytes).unwrap()
}

fn to_the_second(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

fn to_the_millisecond(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    SystemTime::UNIX_EPOCH + Duration::from_millis(since.as_millis() as u64)
}
