//! The facts about a token, which neither time nor the one who asks can change.

use super::{
    Keys, TokenError, TokenErrorKind,
    jws::{Class, CompactJws},
    key_set::KeySet,
};
use crate::claims::{Category, Claims, InvalidClaims};

/// Prefixes of Clerk's opaque machine credentials: API keys, machine and OAuth tokens.
const MACHINE_PREFIXES: [&[u8]; 3] = [b"ak_", b"mt_", b"oat_"];

/// Tells who a token comes from: its form, algorithm, key, signature, class, subject, session
/// and issuer.
#[derive(Debug)]
pub(crate) struct Authenticator {
    keys: Keys,
    issuer: Option<Box<str>>,
}

impl Authenticator {
    pub(crate) fn new(keys: Keys, issuer: Option<Box<str>>) -> Self {
        Self { keys, issuer }
    }

    /// Authenticates without waiting. `None` means that a key must be fetched first.
    pub(crate) fn authenticate_now(&self, token: &[u8]) -> Option<Result<Claims, TokenError>> {
        let jws = match parse(token) {
            Ok(jws) => jws,
            Err(kind) => return Some(Err(kind.into())),
        };
        let keys = self.keys.that_verify_now(jws.kid())?;
        Some(keys.and_then(|keys| self.claims(jws, &keys)))
    }

    /// Authenticates, and fetches keys where that is needed and permitted.
    pub(crate) async fn authenticate(&self, token: &[u8]) -> Result<Claims, TokenError> {
        let jws = parse(token)?;
        let keys = self.keys.that_verify(jws.kid()).await?;
        self.claims(jws, &keys)
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    fn claims(&self, jws: CompactJws<'_>, keys: &KeySet) -> Result<Claims, TokenError> {
        let jws = jws.verify(keys)?;
        let category = match jws.class {
            Class::Session => Category::Session,
            Class::Template => Category::Template,
            Class::Unstated => Category::Unstated,
            Class::Other => return Err(TokenErrorKind::Category.into()),
        };
        let claims = Claims::from_verified(jws.payload, category).map_err(TokenError::from);
        let claims = claims.and_then(|claims| self.check_issuer(claims));
        claims.map_err(|error| match category {
            Category::Template => error.found_in_template(),
            _ => error,
        })
    }

    fn check_issuer(&self, claims: Claims) -> Result<Claims, TokenError> {
        match &self.issuer {
            Some(issuer) if **issuer != *claims.issuer() => Err(TokenError::claim("iss")),
            _ => Ok(claims),
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
            InvalidClaims::Claim(name) => Self::claim(name),
        }
    }
}
