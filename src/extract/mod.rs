//! Where in a request a session credential is looked for.
//!
//! A credential that is present but bad is an error and never a reason to look elsewhere.
//!
//! ```
//! use http::{Request, header};
//! use tower_clerk::{Credential, extract::{BearerToken, ExtractCredential, Or, SessionCookie}};
//!
//! let places = Or::new(BearerToken::new(), SessionCookie::unsuffixed());
//! // {"alg":"RS256"}, {"iss":"https://clerk.example.com"}, and a signature.
//! let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2NsZXJrLmV4YW1wbGUuY29tIn0.c2ln";
//! let (parts, ()) = Request::builder()
//!     .header(header::COOKIE, format!("theme=dark; __session={token}"))
//!     .body(())
//!     .unwrap()
//!     .into_parts();
//!
//! let found = places.extract(&parts).unwrap();
//! let Some(Credential::SessionToken(found)) = found else { panic!("a token") };
//! assert_eq!(found.as_bytes(), token.as_bytes());
//! ```

mod bearer;
mod cookie;
mod error;
mod or;
mod query;
mod trusted_session_id;

use http::request::Parts;

use crate::Credential;

pub use self::{
    bearer::BearerToken,
    cookie::SessionCookie,
    error::{CredentialError, CredentialErrorKind},
    or::Or,
    query::QueryToken,
    trusted_session_id::TrustedSessionId,
};

/// A way to find the session credential of a request.
///
/// `Ok(None)` says that there is none where this looks; an error says that there is one and that it
/// cannot be used.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say where the session credential is",
    note = "for a closure use `AuthenticateLayer::extract_with`"
)]
pub trait ExtractCredential: Send + Sync + 'static {
    /// Looks for the credential.
    ///
    /// # Errors
    ///
    /// Fails where a credential is present but malformed or ambiguous.
    fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Credential<'a>>, CredentialError>;

    /// Whether there is a credential that is none of a session, so that nobody need look elsewhere for one.
    fn is_somebody_elses(&self, parts: &Parts) -> bool {
        let _ = parts;
        false
    }

    /// Whether it may yield bare session identifiers, which only some ways of checking can use: a
    /// layer that could never admit anyone is then refused at start-up.
    fn yields_session_ids(&self) -> bool {
        false
    }
}
