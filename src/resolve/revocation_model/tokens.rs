//! Tokens that Clerk's origin and its edge make, and others that ought not to vouch.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use serde_json::json;

use super::SESSIONS;
use crate::{
    SessionId, SessionResolver,
    claims::{Category, Claims, NumericDate},
    token::{
        Authenticated,
        test_signer::{ISSUED, TestSigner, session_claims, session_claims_with},
    },
};

/// A genuine token, good for a day. Times are seconds since the start, by Clerk's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) session: usize,
    pub(super) kind: Kind,
    /// When its claims were assembled.
    pub(super) assembled: u64,
    issued: u64,
}

/// What a token is, beside genuine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// It does not tell when it was assembled.
    Untold,
    /// It does not say that it is a session's: a template's author may have written the `sid`.
    Template,
    /// Of another user.
    Foreign,
}

impl Token {
    /// As Clerk's origin makes it, which does so only while the session is signed in.
    pub(super) fn of_origin(session: usize, now: u64) -> Self {
        Self { session, kind: Kind::Plain, assembled: now, issued: now }
    }

    /// As Clerk's edge renews it, without looking.
    pub(super) fn renewed(self, now: u64) -> Self {
        Self { issued: now, ..self }
    }

    /// Made whatever has become of the session, and not to be believed as to when.
    pub(super) fn dubious(session: usize, now: u64, kind: Kind) -> Self {
        Self { session, kind, assembled: now, issued: now }
    }

    pub(super) fn bytes(&self) -> String {
        let Self { session, kind, assembled, issued } = self;
        format!("a token of {session}, {kind:?}, assembled at {assembled} and issued at {issued}")
    }

    /// Has the resolver know it, as if it had verified the signature just now.
    pub(super) fn be_known_to(&self, resolver: &SessionResolver, now: SystemTime) {
        let claims = session_claims_with(json!({
            "sid": session_id(self.session),
            "sub": if self.kind == Kind::Foreign { "user_2" } else { "user_1" },
            "iat": ISSUED + self.issued,
            "nbf": ISSUED,
            "exp": ISSUED + 24 * 60 * 60,
        }));
        let category = match self.kind {
            Kind::Template => Category::Unstated,
            Kind::Plain | Kind::Untold | Kind::Foreign => Category::Session,
        };
        let assembled = NumericDate::parse(&(ISSUED + self.assembled).to_string());
        let assembled = assembled.filter(|_| self.kind != Kind::Untold);
        let claims = Claims::from_verified(claims.to_string().into(), category, assembled).unwrap();
        let inner = &resolver.inner;
        let verified = inner.with_slot(genuine(resolver).with_claims(claims));
        inner.remember(self.bytes().as_bytes(), verified, now);
    }
}

/// What verifying a token comes to.
fn genuine(resolver: &SessionResolver) -> Authenticated {
    static TOKEN: OnceLock<String> = OnceLock::new();
    let token = TOKEN.get_or_init(|| TestSigner::ours().sign(&session_claims()));
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(ISSUED);
    let authenticated = resolver.inner.authenticator.authenticate_now(token.as_bytes(), now);
    authenticated.unwrap().unwrap()
}

pub(super) fn session_of(id: &SessionId) -> usize {
    (0..SESSIONS).find(|&session| session_id(session) == *id).unwrap()
}

pub(super) fn session_id(session: usize) -> SessionId {
    static IDS: OnceLock<[SessionId; SESSIONS]> = OnceLock::new();
    let ids = || std::array::from_fn(|session| format!("sess_{session}").parse().unwrap());
    IDS.get_or_init(ids)[session].clone()
}
