//! The operations of the API, and which rules hold for each.

use std::fmt;

use http::StatusCode;

use super::error::Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    List,
    Get,
    Create,
    Revoke,
    Verify,
    CreateToken,
    CreateTokenFromTemplate,
    Refresh,
    Jwks,
}

impl Operation {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Get => "get",
            Self::Create => "create",
            Self::Revoke => "revoke",
            Self::Verify => "verify",
            Self::CreateToken => "create_token",
            Self::CreateTokenFromTemplate => "create_token_from_template",
            Self::Refresh => "refresh",
            Self::Jwks => "jwks",
        }
    }

    /// Repeating it does no harm: it only asks, or changes nothing the second time. The keys' own
    /// machinery repeats `jwks`.
    pub(super) fn is_repeatable(self) -> bool {
        matches!(self, Self::List | Self::Get | Self::Revoke)
    }

    /// Repeating it may help, too. What changes something is repeated only where Clerk has not
    /// answered.
    pub(super) fn is_worth_repeating(self, error: &Error) -> bool {
        self.is_repeatable()
            && error.is_transient()
            && (self != Self::Revoke || error.status().is_none())
    }

    /// It only asks, and is not asked while Clerk wants silence. What is meant to change something
    /// is tried all the same.
    pub(super) fn keeps_quiet(self) -> bool {
        matches!(self, Self::List | Self::Get | Self::Verify)
    }

    /// It is not to wait behind what is not: somebody wants to be signed out.
    pub(super) fn is_urgent(self) -> bool {
        self == Self::Revoke
    }

    /// Clerk counts it, and at most so many of it are under way at once.
    pub(super) fn is_limited(self) -> bool {
        self != Self::Jwks
    }

    /// The status of an answer that says yes. Whatever Clerk says yes to a revocation with, the
    /// session is revoked.
    pub(super) fn is_answered_by(self, status: StatusCode) -> bool {
        status == StatusCode::OK || (self == Self::Revoke && status.is_success())
    }

    /// The longest answer that is read, in bytes.
    pub(super) fn longest_answer(self) -> usize {
        match self {
            Self::Jwks => 64 << 10,
            _ => 1 << 20,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
