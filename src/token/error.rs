use std::{error::Error, fmt, sync::Arc, time::Duration};

use super::FetchError;
use crate::issuer::Issuer;

/// Why a token was not accepted.
///
/// It holds nothing of the token itself.
#[derive(Debug, Clone)]
pub struct TokenError {
    kind: TokenErrorKind,
    /// The claim at fault, where that is the kind of fault.
    claim: Option<&'static str>,
    /// Whether the fault was found in a token that says it is made from a template.
    of_template: bool,
    /// What we expected, in our own words.
    expected: Option<Arc<str>>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What kind of fault a [`TokenError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenErrorKind {
    /// Not a compact JWS over a JSON object.
    Malformed,
    /// Longer than 8 KiB, or its header than 1 KiB.
    TooLong,
    /// Signed with something other than RS256, or in need of an extension (`crit`).
    Algorithm,
    /// Signed with a key that is not among ours.
    UnknownKey,
    /// The signature does not fit.
    Signature,
    /// A template's or a machine's token, not a session's.
    Category,
    /// A claim is missing, malformed or not the one expected.
    Claim,
    /// Of another issuer than the one expected.
    Issuer,
    /// Issued to a party that is not among the authorized ones.
    AuthorizedParty,
    /// Issued to no party that it names, where some are authorized.
    NoAuthorizedParty,
    /// Expired.
    Expired,
    /// Not valid yet.
    NotActiveYet,
    /// Issued later than now.
    IssuedInTheFuture,
    /// Issued before the last sign-in or sign-out of its browser.
    IssuedBeforeSignIn,
    /// Of a session with sign-in tasks left.
    Pending,
    /// The keys could not be had, so the token could not be judged.
    Unavailable,
    /// Clerk refuses our secret key, so that the keys cannot be had until it is corrected.
    Misconfigured,
}

impl TokenError {
    pub(super) fn unavailable(cause: &FetchError) -> Self {
        let kind = if cause.unauthorized {
            TokenErrorKind::Misconfigured
        } else {
            TokenErrorKind::Unavailable
        };
        Self {
            retry_after: cause.retry_after,
            source: Some(Arc::clone(&cause.source)),
            ..Self::from(kind)
        }
    }

    pub(super) fn of_claim(name: &'static str) -> Self {
        Self { claim: Some(name), ..Self::from(TokenErrorKind::Claim) }
    }

    pub(super) fn of_issuer(accepted: &[Issuer]) -> Self {
        let accepted: Vec<_> = accepted.iter().map(Issuer::as_str).collect();
        let expected = Some(accepted.join("` or `").into());
        Self { expected, ..Self::from(TokenErrorKind::Issuer) }
    }

    pub(super) fn found_in_template(self) -> Self {
        Self { of_template: true, ..self }
    }

    pub(super) fn is_found_in_template(&self) -> bool {
        self.of_template
    }

    /// What kind of fault it is.
    #[must_use]
    pub fn kind(&self) -> TokenErrorKind {
        self.kind
    }

    /// The fault in Clerk's words, such as `token-expired`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.kind.reason()
    }

    /// The claim at fault, where one is, such as `azp`.
    #[must_use]
    pub fn claim(&self) -> Option<&'static str> {
        match self.kind {
            TokenErrorKind::Issuer => Some("iss"),
            TokenErrorKind::AuthorizedParty | TokenErrorKind::NoAuthorizedParty => Some("azp"),
            TokenErrorKind::Expired => Some("exp"),
            TokenErrorKind::NotActiveYet => Some("nbf"),
            TokenErrorKind::IssuedInTheFuture | TokenErrorKind::IssuedBeforeSignIn => Some("iat"),
            TokenErrorKind::Pending => Some("sts"),
            _ => self.claim,
        }
    }

    /// Whether the token could not be judged, for want of keys. It may well be good.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        self.kind == TokenErrorKind::Unavailable
    }

    /// Whether our own secret key is at fault, not the token.
    #[must_use]
    pub fn is_misconfigured(&self) -> bool {
        self.kind == TokenErrorKind::Misconfigured
    }

    /// How long Clerk asked us to wait, when the keys could not be had.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl TokenErrorKind {
    /// The reason in the words of Clerk's SDKs.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            TokenErrorKind::Malformed | TokenErrorKind::TooLong => "token-invalid",
            TokenErrorKind::Algorithm => "token-invalid-algorithm",
            TokenErrorKind::UnknownKey => "jwk-kid-mismatch",
            TokenErrorKind::Signature => "token-invalid-signature",
            TokenErrorKind::Category => "token-type-mismatch",
            TokenErrorKind::Claim => "token-verification-failed",
            TokenErrorKind::Issuer => "token-invalid-issuer",
            TokenErrorKind::AuthorizedParty | TokenErrorKind::NoAuthorizedParty => {
                "token-invalid-authorized-parties"
            }
            TokenErrorKind::Expired => "token-expired",
            TokenErrorKind::NotActiveYet => "token-not-active-yet",
            TokenErrorKind::IssuedInTheFuture => "token-iat-in-the-future",
            TokenErrorKind::IssuedBeforeSignIn => "session-token-iat-before-client-uat",
            TokenErrorKind::Pending => "session-pending",
            TokenErrorKind::Unavailable => "jwk-remote-failed-to-load",
            TokenErrorKind::Misconfigured => "secret-key-invalid",
        }
    }
}

impl From<TokenErrorKind> for TokenError {
    fn from(kind: TokenErrorKind) -> Self {
        Self {
            kind,
            claim: None,
            of_template: false,
            expected: None,
            retry_after: None,
            source: None,
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TokenErrorKind::Malformed => "the token is malformed: send a session token of Clerk's",
            TokenErrorKind::TooLong => {
                "the token is too long: leave claims out until it has at most 8 KiB, 1 KiB of which is its header"
            }
            TokenErrorKind::Algorithm => "the token must be signed with RS256",
            TokenErrorKind::UnknownKey => {
                "the token is signed with an unknown key: check that it comes from this Clerk instance"
            }
            TokenErrorKind::Signature => "the token's signature is wrong: get a new token",
            TokenErrorKind::Category => "send a session token, not a template's or a machine's",
            TokenErrorKind::Claim => {
                let claim = self.claim.unwrap_or("sub");
                return write!(f, "the claim `{claim}` is missing or wrong: get a session token");
            }
            TokenErrorKind::Issuer => {
                let expected = self.expected.as_deref().unwrap_or("the one that is configured");
                return write!(
                    f,
                    "the token's issuer (`iss`) is not {expected}: check that the publishable key is of the instance \
                     that signs in; where its Frontend API is proxied, set the issuer to the proxy's URL"
                );
            }
            TokenErrorKind::AuthorizedParty => {
                "the token was issued to another party (`azp`): add its origin to the authorized parties, if it is yours"
            }
            TokenErrorKind::NoAuthorizedParty => {
                "the token names no party (`azp`), as those of native apps, of the Backend API and of a page's \
                 first load do: where such tokens are to be accepted, say so with `Policy::accept_absent_party`"
            }
            TokenErrorKind::Expired => "the token has expired: get a new one",
            TokenErrorKind::NotActiveYet => "the token is not valid yet: check the clocks",
            TokenErrorKind::IssuedInTheFuture => "the token was issued later than now: check the clocks",
            TokenErrorKind::IssuedBeforeSignIn => {
                "the token was issued before its browser last signed in or out (`__client_uat`): get a new one"
            }
            TokenErrorKind::Pending => "the session is pending: complete its sign-in tasks",
            TokenErrorKind::Unavailable => "the keys to verify tokens are unavailable: try again later",
            TokenErrorKind::Misconfigured => "clerk refuses the secret key: check `CLERK_SECRET_KEY`",
        })
    }
}

impl Error for TokenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
