//! The operations of the API, and which rules hold for each.

use std::fmt;

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

    /// Repeating it does no harm. The keys' own machinery repeats `jwks`.
    pub(super) fn is_retried(self) -> bool {
        matches!(self, Self::List | Self::Get)
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
