//! What can be asked of the API, and under which path.

use std::fmt;

use http::Method;

/// An operation of the API that is emulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `GET /v1/sessions`.
    List,
    /// `GET /v1/sessions/{id}`.
    Get,
    /// `POST /v1/sessions`.
    Create,
    /// `POST /v1/sessions/{id}/revoke`.
    Revoke,
    /// `POST /v1/sessions/{id}/verify`.
    Verify,
    /// `POST /v1/sessions/{id}/tokens`.
    CreateToken,
    /// `POST /v1/sessions/{id}/tokens/{template}`.
    CreateTokenFromTemplate,
    /// `POST /v1/sessions/{id}/refresh`.
    Refresh,
    /// `GET /v1/jwks`.
    Jwks,
    /// `GET /.well-known/jwks.json`, of the Frontend API: the same keys, for which no secret key is wanted.
    PublicJwks,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 10] = [
        Self::List,
        Self::Get,
        Self::Create,
        Self::Revoke,
        Self::Verify,
        Self::CreateToken,
        Self::CreateTokenFromTemplate,
        Self::Refresh,
        Self::Jwks,
        Self::PublicJwks,
    ];

    /// Its name, as the control endpoints write it: `create_token`.
    #[must_use]
    pub fn name(self) -> &'static str {
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
            Self::PublicJwks => "public_jwks",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a request leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    To { operation: Operation, session_id: &'a str, template: &'a str },
    WrongMethod,
    Nowhere,
}

impl<'a> Route<'a> {
    /// Follows `path`, the decoded segments.
    pub(super) fn of(method: &Method, path: &[&'a str]) -> Self {
        let (get, post, session_id, template) = match *path {
            [".well-known", "jwks.json"] => (Some(Operation::PublicJwks), None, "", ""),
            ["v1", "jwks"] => (Some(Operation::Jwks), None, "", ""),
            ["v1", "sessions"] => (Some(Operation::List), Some(Operation::Create), "", ""),
            ["v1", "sessions", id] => (Some(Operation::Get), None, id, ""),
            ["v1", "sessions", id, "revoke"] => (None, Some(Operation::Revoke), id, ""),
            ["v1", "sessions", id, "verify"] => (None, Some(Operation::Verify), id, ""),
            ["v1", "sessions", id, "refresh"] => (None, Some(Operation::Refresh), id, ""),
            ["v1", "sessions", id, "tokens"] => (None, Some(Operation::CreateToken), id, ""),
            ["v1", "sessions", id, "tokens", template] => {
                (None, Some(Operation::CreateTokenFromTemplate), id, template)
            }
            _ => return Self::Nowhere,
        };
        let operation = match *method {
            Method::GET => get,
            Method::POST => post,
            _ => None,
        };
        operation.map_or(Self::WrongMethod, |operation| Self::To {
            operation,
            session_id,
            template,
        })
    }

    pub(super) fn operation(&self) -> Option<Operation> {
        match *self {
            Self::To { operation, .. } => Some(operation),
            Self::WrongMethod | Self::Nowhere => None,
        }
    }
}
