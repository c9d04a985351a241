//! The facts about a token, which neither time nor the one who asks can change.

use std::{sync::Arc, time::SystemTime};

use super::{
    Keys, TokenError, TokenErrorKind,
    header::Class,
    jws::{CompactJws, VerifiedJws},
    key_set::KeySet,
};
use crate::{
    claims::{Category, Claims, InvalidClaims},
    issuer::Issuer,
    unix_time::UnixTime,
};

/// Prefixes of Clerk's opaque machine credentials: API keys, machine and OAuth tokens.
const MACHINE_PREFIXES: [&[u8]; 3] = [b"ak_", b"mt_", b"oat_"];

/// Tells who a token comes from: its form, algorithm, key, signature, class, subject, session
/// and issuer.
#[derive(Debug)]
pub(crate) struct Authenticator {
    keys: Keys,
    /// Those whose tokens are accepted; none where any issuer's are.
    issuers: Vec<Issuer>,
}

/// What a token says, and the keys by which we know.
#[derive(Debug, Clone)]
pub(crate) struct Authenticated {
    pub(crate) claims: Claims,
    keys: Arc<KeySet>,
}

#[cfg(any(test, tower_clerk_benchmarks))]
impl Authenticated {
    pub(crate) fn with_claims(&self, claims: Claims) -> Self {
        Self { claims, keys: Arc::clone(&self.keys) }
    }
}

impl Authenticator {
    pub(crate) fn new(keys: Keys, issuers: Vec<Issuer>) -> Self {
        Self { keys, issuers }
    }

    /// Authenticates without waiting. `None` means that a key must be fetched first.
    pub(crate) fn authenticate_now(
        &self,
        token: &[u8],
        now: SystemTime,
    ) -> Option<Result<Authenticated, TokenError>> {
        let jws = match parse(token) {
            Ok(jws) => jws,
            Err(kind) => return Some(Err(kind.into())),
        };
        let keys = match self.keys.that_verify_now(jws.kid(), now)? {
            Ok(keys) => keys,
            Err(error) => return Some(Err(error)),
        };
        match jws.verify(&keys) {
            Ok(jws) => Some(self.authenticated(jws, keys)),
            Err(_) if self.keys.may_be_outdated(&keys, now) => None,
            Err(_) => Some(Err(TokenErrorKind::Signature.into())),
        }
    }

    /// Authenticates, and fetches keys where that is needed and permitted.
    pub(crate) async fn authenticate(&self, token: &[u8]) -> Result<Authenticated, TokenError> {
        let jws = parse(token)?;
        let keys = self.keys.that_verify(jws.kid()).await?;
        let jws = match jws.verify(&keys) {
            Ok(jws) => return self.authenticated(jws, keys),
            Err(jws) => jws,
        };
        // Clerk names keys after the instance, so another key may have the same name by now.
        let signature = TokenErrorKind::Signature;
        let keys = self.keys.newer_than(&keys).await.ok_or(signature)?;
        let jws = jws.verify(&keys).map_err(|_| signature)?;
        self.authenticated(jws, keys)
    }

    /// Whether authenticating the token again would come to the same. Once Clerk withdraws a key,
    /// its tokens are worth nothing, those included that were seen before.
    pub(crate) fn stands_by(&self, token: &Authenticated, now: UnixTime) -> bool {
        self.keys.are(&token.keys, now)
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    fn authenticated(
        &self,
        jws: VerifiedJws,
        keys: Arc<KeySet>,
    ) -> Result<Authenticated, TokenError> {
        Ok(Authenticated { claims: self.claims(jws)?, keys })
    }

    fn claims(&self, jws: VerifiedJws) -> Result<Claims, TokenError> {
        let category = match jws.header.class {
            Class::Session => Category::Session,
            Class::Template => Category::Template,
            Class::Unstated => Category::Unstated,
            Class::Other => return Err(TokenErrorKind::Category.into()),
        };
        let assembled_at = jws.header.assembled_at;
        let claims = Claims::from_verified(jws.payload, category, assembled_at);
        let claims = claims.map_err(TokenError::from);
        let claims = claims.and_then(|claims| self.check_issuer(claims));
        claims.map_err(|error| match category {
            Category::Template => error.found_in_template(),
            _ => error,
        })
    }

    fn check_issuer(&self, claims: Claims) -> Result<Claims, TokenError> {
        let is_accepted = |issuer: &Issuer| issuer.as_str() == claims.issuer();
        if self.issuers.is_empty() || self.issuers.iter().any(is_accepted) {
            Ok(claims)
        } else {
            Err(TokenError::of_issuer(&self.issuers))
        }
    }
}

fn parse(token: &[u8]) -> Result<CompactJws<'_>, TokenErrorKind> {
    if MACHINE_PREFIXES.iter().any(|prefix| token.starts_with(prefix)) {
        return Err(TokenErrorKind::Category);
    }
    CompactJws::parse(token)
}

impl From<InvalidClaims> for TokenError {
    fn from(invalid: InvalidClaims) -> Self {
        match invalid {
            InvalidClaims::Malformed => TokenErrorKind::Malformed.into(),
            InvalidClaims::Machine => TokenErrorKind::Category.into(),
            InvalidClaims::Claim(name) => Self::of_claim(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, AtomicUsize, Ordering},
        },
        time::Duration,
    };

    use super::*;
    use crate::{
        Clock,
        token::test_signer::{ISSUED, TestSigner, at, session_claims},
    };

    /// With keys that are fetched, and the count of fetches.
    fn remote() -> (Authenticator, Arc<AtomicUsize>) {
        let fetches = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&fetches);
        let fetch = move || {
            counter.fetch_add(1, Ordering::SeqCst);
            async { Ok(TestSigner::ours().jwk_set()) }
        };
        let keys = Keys::fetched_with(Box::new(fetch), Clock::fixed(at(ISSUED)));
        (Authenticator::new(keys, Vec::new()), fetches)
    }

    #[tokio::test]
    async fn what_cannot_be_a_session_token_causes_no_fetch() {
        let (authenticator, fetches) = remote();
        let mut algorithm = TestSigner::ours().header();
        algorithm["alg"] = "none".into();
        for token in [
            "",
            "a.b.c",
            "ak_1",
            "mt_1",
            "oat_1",
            &TestSigner::ours().sign_with(&algorithm, &session_claims()),
        ] {
            let at_once =
                authenticator.authenticate_now(token.as_bytes(), at(ISSUED)).unwrap().unwrap_err();
            let waiting = authenticator.authenticate(token.as_bytes()).await.unwrap_err();
            assert_eq!(at_once.kind(), waiting.kind());
        }
        assert_eq!(fetches.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_hostile_key_id_names_no_key_and_costs_the_one_fetch_of_any_unknown_one() {
        let (authenticator, fetches) = remote();
        let good = TestSigner::ours().sign(&session_claims());
        authenticator.authenticate(good.as_bytes()).await.unwrap();
        let long = "k".repeat(512);
        for kid in
            ["", "ins_Ours", "../../ins_ours", "https://x/jwks", "ins_ours\0", "a\r\nb", &long]
        {
            let mut header = TestSigner::ours().header();
            header["kid"] = kid.into();
            let token = TestSigner::ours().sign_with(&header, &session_claims());
            let refused = authenticator.authenticate(token.as_bytes()).await.unwrap_err();
            assert_eq!(refused.kind(), TokenErrorKind::UnknownKey, "{kid:?}");
            assert!(kid.is_empty() || !format!("{refused} {refused:?}").contains(kid));
        }
        assert_eq!(fetches.load(Ordering::SeqCst), 2);

        let mut header = TestSigner::ours().header();
        header["kid"] = "k".repeat(1024).into();
        let token = TestSigner::ours().sign_with(&header, &session_claims());
        let refused = authenticator.authenticate(token.as_bytes()).await.unwrap_err();
        assert_eq!(refused.kind(), TokenErrorKind::TooLong);
    }

    #[tokio::test]
    async fn a_genuine_token_of_a_key_that_was_replaced_under_its_name_is_good_at_once() {
        let replaced = Arc::new(AtomicBool::new(false));
        let clock = Clock::fixed(at(ISSUED));
        let signer = |replaced| match replaced {
            false => TestSigner::ours(),
            true => TestSigner::foreign().called("ins_ours"),
        };
        let fetch = {
            let replaced = Arc::clone(&replaced);
            move || {
                let set = signer(replaced.load(Ordering::SeqCst)).jwk_set();
                async { Ok(set) }
            }
        };
        let keys = Keys::fetched_with(Box::new(fetch), clock.clone());
        let authenticator = Authenticator::new(keys, Vec::new());
        let (old, new) =
            (signer(false).sign(&session_claims()), signer(true).sign(&session_claims()));
        let seen = authenticator.authenticate(old.as_bytes()).await.unwrap();
        replaced.store(true, Ordering::SeqCst);
        let refused = authenticator.authenticate(new.as_bytes()).await.unwrap_err();
        assert_eq!(refused.kind(), TokenErrorKind::Signature, "the keys are too young");
        assert!(authenticator.authenticate_now(new.as_bytes(), clock.now()).unwrap().is_err());

        clock.advance(Duration::from_secs(31));
        assert!(authenticator.stands_by(&seen, clock.unix_time()));
        assert!(authenticator.authenticate_now(new.as_bytes(), clock.now()).is_none());
        authenticator.authenticate(new.as_bytes()).await.unwrap();
        authenticator.authenticate_now(new.as_bytes(), clock.now()).unwrap().unwrap();
        assert!(!authenticator.stands_by(&seen, clock.unix_time()));
        let refused = authenticator.authenticate(old.as_bytes()).await.unwrap_err();
        assert_eq!(refused.kind(), TokenErrorKind::Signature);
    }

    #[tokio::test]
    async fn a_bad_signature_causes_no_fetch_while_the_keys_are_young() {
        let (authenticator, fetches) = remote();
        let good = TestSigner::ours().sign(&session_claims());
        assert!(
            authenticator.authenticate_now(good.as_bytes(), at(ISSUED)).is_none(),
            "no key yet"
        );
        authenticator.authenticate(good.as_bytes()).await.unwrap();
        authenticator.authenticate_now(good.as_bytes(), at(ISSUED)).unwrap().unwrap();
        let forged = TestSigner::foreign().called("ins_ours").sign(&session_claims());
        for _ in 0..100 {
            let refused = authenticator.authenticate(forged.as_bytes()).await.unwrap_err();
            assert_eq!(refused.kind(), TokenErrorKind::Signature);
        }
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
    }
}
