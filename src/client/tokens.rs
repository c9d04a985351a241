//! Minting tokens.

use std::{fmt, time::Duration};

use http::Method;
use serde::{Deserialize, Serialize};

use super::{Error, SessionsClient, operation::Operation};
use crate::id::SessionId;

/// A token that opens a session: whoever has it is the user, until it expires.
///
/// It is not printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(String);

impl SessionToken {
    /// The compact JWS.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The compact JWS.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }

    /// None when the text cannot travel in a header.
    pub(super) fn new(jwt: String) -> Option<Self> {
        let well_formed = !jwt.is_empty() && jwt.bytes().all(|b| b.is_ascii_graphic());
        well_formed.then_some(Self(jwt))
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

impl SessionsClient {
    /// Mints a token for the session, good for `expires_in` (whole seconds, from 30 s to ten
    /// years) or for as long as the instance's tokens are.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](Error::is_not_found) when there is no such session, and
    /// [`is_invalid_input`](Error::is_invalid_input) for a lifetime out of range.
    pub async fn create_token(
        &self,
        id: &SessionId,
        expires_in: Option<Duration>,
    ) -> Result<SessionToken, Error> {
        let path = ["sessions", id.as_str(), "tokens"];
        self.mint(Operation::CreateToken, &path, expires_in).await
    }

    /// Mints a token from one of the instance's [JWT templates], by the template's name.
    ///
    /// # Errors
    ///
    /// As [`create_token`](Self::create_token); also when there is no such template, or when its
    /// name cannot be one.
    ///
    /// [JWT templates]: https://clerk.com/docs/guides/sessions/jwt-templates
    pub async fn create_token_from_template(
        &self,
        id: &SessionId,
        template: &str,
        expires_in: Option<Duration>,
    ) -> Result<SessionToken, Error> {
        let operation = Operation::CreateTokenFromTemplate;
        // These would vanish from the path, not being percent-encoded.
        let vanishes = matches!(template, "" | "." | "..") || template.contains(char::is_control);
        if vanishes || template.len() > MAX_TEMPLATE {
            let why = "the template's name must be 1 to 256 bytes, not `.` or `..`, \
                       without control characters";
            return Err(Error::invalid_input(operation, why));
        }
        let path = ["sessions", id.as_str(), "tokens", template];
        self.mint(operation, &path, expires_in).await
    }

    async fn mint(
        &self,
        operation: Operation,
        path: &[&str],
        expires_in: Option<Duration>,
    ) -> Result<SessionToken, Error> {
        #[derive(Serialize)]
        struct Body {
            #[serde(skip_serializing_if = "Option::is_none")]
            expires_in_seconds: Option<u64>,
        }

        #[derive(Deserialize)]
        struct Minted {
            jwt: String,
        }

        let expires_in_seconds = expires_in.map(|it| seconds(operation, it)).transpose()?;
        let call = self
            .upstream
            .call(operation, Method::POST, path.iter().copied())
            .json(&Body { expires_in_seconds })?;
        let answer = self.upstream.send(&call).await?;
        let Minted { jwt } = answer.secret_json()?;
        SessionToken::new(jwt).ok_or_else(|| answer.invalid("the token is not one"))
    }
}

/// The longest name of a template, in bytes.
const MAX_TEMPLATE: usize = 256;

fn seconds(operation: Operation, expires_in: Duration) -> Result<u64, Error> {
    let whole = expires_in.subsec_nanos() == 0;
    match expires_in.as_secs() {
        seconds @ 30..=315_360_000 if whole => Ok(seconds),
        _ => {
            let why = "a token's lifetime must be whole seconds, from 30 to 315360000";
            Err(Error::invalid_input(operation, why))
        }
    }
}
