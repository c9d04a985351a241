//! What is known, and what it comes to: a row for each rule. Times are seconds around an arbitrary one, [`NOON`].

mod evidence;
mod fallback;
mod negative;

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::{
    SessionId,
    sessions::test_sessions::{session, session_until},
    token::{
        Authenticator, Keys,
        test_signer::{ISSUED, TestSigner, at, session_claims_with},
    },
};

const NOON: u64 = ISSUED + 10_000;

/// So many seconds after noon, or before.
fn t(seconds: f64) -> UnixTime {
    let noon = at(NOON);
    let by = Duration::from_secs_f64(seconds.abs());
    if seconds < 0.0 { noon - by } else { noon + by }.into()
}

/// What a decision comes to.
#[derive(Debug, PartialEq)]
enum Told {
    /// Admitted, and nothing else is to be done.
    Admitted,
    /// Admitted, and Clerk is better asked.
    Ahead,
    /// Admitted by what is beyond its time.
    Stale,
    /// Admitted without a description.
    Unconfirmed,
    Wait,
    Refused(&'static str),
}

use Told::{Admitted, Ahead, Refused, Stale, Unconfirmed, Wait};

/// A request at a time, and what is known then. The default settings are those of a resolver.
struct Case {
    rules: Rules,
    policy: Policy,
    now: f64,
    asked_at: Option<f64>,
    in_vain: bool,
    entry: Option<CacheEntry>,
    /// As of when a token of the session was seen to vouch for it.
    noted: Option<f64>,
    denied_before: Option<f64>,
    /// None where an identifier comes from a trusted header.
    token: Option<Token>,
}

/// By default one that Clerk's edge has just renewed.
#[derive(Clone)]
struct Token {
    header: Value,
    claims: Value,
    issued_at: Option<f64>,
}

impl Case {
    fn new(entry: impl Into<Option<CacheEntry>>) -> Self {
        let lifetimes = Lifetimes {
            ttl: Duration::from_secs(60),
            session_ttl: Duration::from_secs(600),
            negative_ttl: Duration::from_secs(5),
            stale_if_error: Duration::ZERO,
            clock_skew: Duration::from_secs(5),
        };
        Self {
            rules: Rules {
                check: SessionCheck::Get,
                lifetimes,
                parties: Parties::Any,
                tokens_are_evidence: true,
                networkless_if_error: false,
            },
            policy: Policy::new(),
            now: 0.0,
            asked_at: None,
            in_vain: false,
            entry: entry.into(),
            noted: None,
            denied_before: None,
            token: Some(Token::plain()),
        }
    }

    fn at(self, now: f64) -> Self {
        Self { now, ..self }
    }

    fn asked_at(self, asked_at: f64) -> Self {
        Self { asked_at: Some(asked_at), ..self }
    }

    fn in_vain(self) -> Self {
        Self { in_vain: true, ..self }
    }

    fn noted(self, at: f64) -> Self {
        Self { noted: Some(at), ..self }
    }

    fn denied_before(self, at: f64) -> Self {
        Self { denied_before: Some(at), ..self }
    }

    fn by(self, token: Token) -> Self {
        Self { token: Some(token), ..self }
    }

    fn by_trusted_id(self) -> Self {
        Self { token: None, ..self }
    }

    fn max_age(mut self, seconds: f64) -> Self {
        self.policy = self.policy.max_age(Duration::from_secs_f64(seconds));
        self
    }

    fn checked_by(mut self, check: SessionCheck) -> Self {
        self.rules.check = check;
        self
    }

    fn ttl(mut self, seconds: u64) -> Self {
        self.rules.lifetimes.ttl = Duration::from_secs(seconds);
        self
    }

    fn stale_if_error(mut self, seconds: u64) -> Self {
        self.rules.lifetimes.stale_if_error = Duration::from_secs(seconds);
        self
    }

    fn networkless_if_error(mut self) -> Self {
        self.rules.networkless_if_error = true;
        self
    }

    fn answers_only(mut self) -> Self {
        self.rules.tokens_are_evidence = false;
        self
    }

    fn told(&self) -> Told {
        let now = t(self.now);
        let text = self.token.as_ref().map(|token| token.sign(self.now));
        let bytes = text.as_deref().unwrap_or_default().as_bytes();
        let (presented, verified) = (PresentedToken::new(bytes), self.verified(bytes, now));
        let question = Question {
            presented: match &verified {
                Some(verified) => Presented::Token(&presented, Some(verified)),
                None => Presented::SessionId,
            },
            policy: &self.policy,
            asked_at: self.asked_at.map_or(now, t),
            now,
            in_vain: self.in_vain,
        };
        let known = Known {
            entry: self.entry.as_ref(),
            assembled_at: self.noted.map(t),
            denied_before: self.denied_before.map(|at| Before { assembled: t(at), asked: t(at) }),
        };
        match self.rules.decide(&question, &known) {
            Decision::NeedSession(Need::Ahead(resolved)) => {
                assert!(!resolved.freshness.unwrap().is_stale());
                Ahead
            }
            Decision::NeedSession(Need::Wait) => Wait,
            Decision::NeedKeys => panic!("the token is verified"),
            Decision::Verdict(Err(rejection)) => Refused(rejection.reason()),
            Decision::Verdict(Ok(resolved)) => match (&resolved.session, &resolved.freshness) {
                (None, Some(freshness)) => {
                    assert!(freshness.is_stale() && freshness.described_at().is_none());
                    Unconfirmed
                }
                (_, Some(freshness)) if freshness.is_stale() => Stale,
                _ => Admitted,
            },
        }
    }

    fn verified(&self, bytes: &[u8], now: UnixTime) -> Option<VerifiedToken> {
        self.token.as_ref()?;
        let keys = Keys::from_jwk_set(&TestSigner::ours().jwk_set()).unwrap();
        let authenticated =
            Authenticator::new(keys, Vec::new()).authenticate_now(bytes, now.to_system_time());
        let authenticated = authenticated.unwrap().unwrap();
        let id: SessionId = "sess_1".parse().unwrap();
        let slot = crate::sessions::test_sessions::slot(&id);
        Some(VerifiedToken { authenticated, slot: Some(slot) })
    }
}

impl Token {
    /// It does not tell when it was assembled.
    fn plain() -> Self {
        Self { header: TestSigner::ours().header(), claims: json!({}), issued_at: None }
    }

    /// It was assembled then, and renewed at the edge since.
    fn assembled_at(seconds: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole, later than 1970"
        )]
        Self::plain().header("oiat", json!((NOON as f64 + seconds) as u64))
    }

    /// It was assembled then, and for the last time.
    fn of_origin(seconds: f64) -> Self {
        Self { issued_at: Some(seconds), ..Self::assembled_at(seconds) }
    }

    fn header(mut self, name: &str, value: Value) -> Self {
        self.header[name] = value;
        self
    }

    fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims[name] = value;
        self
    }

    fn issued_at(self, seconds: f64) -> Self {
        Self { issued_at: Some(seconds), ..self }
    }

    fn sign(&self, now: f64) -> String {
        let issued_at = NOON as f64 + self.issued_at.unwrap_or(now).floor();
        let mut claims =
            json!({ "iat": issued_at, "nbf": issued_at - 10.0, "exp": issued_at + 60.0 });
        for (name, value) in self.claims.as_object().unwrap() {
            claims[name] = value.clone();
        }
        TestSigner::ours().sign_with(&self.header, &session_claims_with(claims))
    }
}

/// An answer to a question that was sent then. It is not the first one: it is renewed at 80 percent of its life.
fn answered(fact: Fact, seconds: f64) -> CacheEntry {
    CacheEntry::new(fact, t(seconds), false, 0)
}

fn described(status: &str, seconds: f64) -> CacheEntry {
    answered(Fact::Session(session(status)), seconds)
}

fn active(seconds: f64) -> CacheEntry {
    described("active", seconds)
}

fn missing(seconds: f64) -> CacheEntry {
    answered(Fact::Missing(crate::client::Error::no_such_session()), seconds)
}
