//! Refreshing sessions.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use http::{HeaderMap, HeaderValue, Method};
use serde::{Deserialize, Serialize};

use super::{Error, SessionToken, SessionsClient, operation::Operation};
use crate::id::SessionId;

/// What Clerk needs to [refresh](SessionsClient::refresh) a session.
#[derive(Clone, Serialize)]
#[must_use]
pub struct RefreshSession {
    expired_token: String,
    refresh_token: String,
    request_origin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_headers: Option<BTreeMap<String, Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<RefreshFormat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_originating_ip: Option<IpAddr>,
}

/// In which form a refreshed session is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RefreshFormat {
    /// A session token; the default.
    Token,
    /// The cookies that the browser is to be given.
    Cookie,
}

impl RefreshSession {
    /// The session token that expired, the token of the `__refresh` cookie, and the origin of the
    /// request that brought them.
    pub fn new(
        expired_token: impl Into<String>,
        refresh_token: impl Into<String>,
        request_origin: impl Into<String>,
    ) -> Self {
        Self {
            expired_token: expired_token.into(),
            refresh_token: refresh_token.into(),
            request_origin: request_origin.into(),
            request_headers: None,
            format: None,
            request_originating_ip: None,
        }
    }

    /// The headers of that request. Values that are not UTF-8 are left out.
    pub fn request_headers(mut self, headers: &HeaderMap) -> Self {
        let mut all = BTreeMap::<_, Vec<_>>::new();
        for (name, value) in headers {
            if let Ok(value) = str::from_utf8(value.as_bytes()) {
                all.entry(name.as_str().to_owned()).or_default().push(value.to_owned());
            }
        }
        self.request_headers = Some(all);
        self
    }

    /// The form in which the refreshed session is wanted.
    pub fn format(mut self, format: RefreshFormat) -> Self {
        self.format = Some(format);
        self
    }

    /// The address that the request came from.
    pub fn request_originating_ip(mut self, ip: IpAddr) -> Self {
        self.request_originating_ip = Some(ip);
        self
    }
}

impl fmt::Debug for RefreshSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshSession")
            .field("request_origin", &self.request_origin)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// A refreshed session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refreshed {
    /// A new session token.
    Token(SessionToken),
    /// Values for `Set-Cookie`, marked as sensitive.
    Cookies(Vec<HeaderValue>),
}

impl SessionsClient {
    /// Trades an expired session token and a refresh token for a new session token.
    ///
    /// # Errors
    ///
    /// With the status 401 when the session cannot be refreshed from these.
    pub async fn refresh(
        &self,
        id: &SessionId,
        request: &RefreshSession,
    ) -> Result<Refreshed, Error> {
        #[derive(Deserialize)]
        #[serde(tag = "object", rename_all = "lowercase")]
        enum Answered {
            Token { jwt: String },
            Cookies { cookies: Vec<String> },
        }

        let path = ["sessions", id.as_str(), "refresh"];
        let call = self.upstream.call(Operation::Refresh, Method::POST, path).json(request)?;
        let answer = self.upstream.send(&call).await?;
        let refreshed = match answer.secret_json()? {
            Answered::Token { jwt } => SessionToken::new(jwt).map(Refreshed::Token),
            Answered::Cookies { cookies } => {
                cookies.into_iter().map(sensitive).collect::<Option<_>>().map(Refreshed::Cookies)
            }
        };
        refreshed.ok_or_else(|| answer.invalid("a token or cookie is not one"))
    }
}

fn sensitive(cookie: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(cookie).ok()?;
    value.set_sensitive(true);
    Some(value)
}
