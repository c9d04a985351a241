//! What a request offers as proof of a session.

use std::{borrow::Cow, fmt, sync::Arc, time::SystemTime};

use crate::SessionId;

/// A session credential as it was found in a request, borrowed from it where nothing had to be decoded.
///
/// `Debug` shows its kind and never the token.
#[derive(Clone)]
#[non_exhaustive]
pub enum Credential<'a> {
    /// A session token, not yet verified.
    SessionToken(PresentedToken<'a>),
    /// A session's identifier, vouched for by whatever set the header it was read from.
    SessionId(SessionId),
}

/// A session token as it was presented, not yet verified.
#[derive(Clone)]
pub struct PresentedToken<'a> {
    bytes: Cow<'a, [u8]>,
    not_issued_before: Option<SystemTime>,
    cookie: Option<Arc<str>>,
}

/// The longest token that is looked at, in bytes.
pub(crate) const MAX_TOKEN_LEN: usize = 8 * 1024;

impl<'a> PresentedToken<'a> {
    /// A token that came by itself, as in an `Authorization` header.
    #[must_use]
    pub fn new(bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { bytes: bytes.into(), not_issued_before: None, cookie: None }
    }

    /// Says that it came in the cookie of this name, which browsers send on their own.
    #[must_use]
    pub fn in_cookie(self, name: impl Into<Arc<str>>) -> Self {
        Self { cookie: Some(name.into()), ..self }
    }

    /// Says that it must not have been issued before `time`, the client's last sign-in or sign-out.
    #[must_use]
    pub fn if_not_issued_before(self, time: SystemTime) -> Self {
        Self { not_issued_before: Some(time), ..self }
    }

    /// The token, byte for byte.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The time before which it must not have been issued.
    #[must_use]
    pub fn not_issued_before(&self) -> Option<SystemTime> {
        self.not_issued_before
    }

    /// The name of the cookie it came in.
    #[must_use]
    pub fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    pub(crate) fn cookie_name(&self) -> Option<&Arc<str>> {
        self.cookie.as_ref()
    }
}

impl<'a> Credential<'a> {
    /// A session token that came by itself, as in an `Authorization` header.
    #[must_use]
    pub fn session_token(token: impl Into<Cow<'a, [u8]>>) -> Self {
        Self::SessionToken(PresentedToken::new(token))
    }

    /// A copy that can outlive the request.
    #[must_use]
    pub fn to_owned(&self) -> OwnedCredential {
        OwnedCredential(match self {
            Self::SessionToken(token) => Owned::SessionToken {
                bytes: token.bytes.as_ref().into(),
                not_issued_before: token.not_issued_before,
                cookie: token.cookie.clone(),
            },
            Self::SessionId(id) => Owned::SessionId(id.clone()),
        })
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SessionToken(token) => token.fmt(f),
            Self::SessionId(id) => f.debug_tuple("SessionId").field(id).finish(),
        }
    }
}

impl fmt::Debug for PresentedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionToken")
            .field("cookie", &self.cookie)
            .field("not_issued_before", &self.not_issued_before)
            .finish_non_exhaustive()
    }
}

/// A [`Credential`] that owns its bytes, for work that outlives the request's headers.
#[derive(Clone)]
pub struct OwnedCredential(Owned);

#[derive(Clone)]
enum Owned {
    SessionToken {
        bytes: Box<[u8]>,
        not_issued_before: Option<SystemTime>,
        cookie: Option<Arc<str>>,
    },
    SessionId(SessionId),
}

impl OwnedCredential {
    /// The credential it is a copy of.
    #[must_use]
    pub fn borrow(&self) -> Credential<'_> {
        match &self.0 {
            Owned::SessionToken { bytes, not_issued_before, cookie } => {
                Credential::SessionToken(PresentedToken {
                    bytes: Cow::Borrowed(bytes),
                    not_issued_before: *not_issued_before,
                    cookie: cookie.clone(),
                })
            }
            Owned::SessionId(id) => Credential::SessionId(id.clone()),
        }
    }
}

impl fmt::Debug for OwnedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrow().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_a_token() {
        let credential = Credential::session_token(b"eyJhbGciOi.secret.sig");
        for text in [format!("{credential:?}"), format!("{:?}", credential.to_owned())] {
            assert!(!text.contains("secret") && !text.contains("eyJ"), "{text}");
        }
    }
}
