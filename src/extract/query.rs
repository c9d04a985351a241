use std::borrow::Cow;

use http::{Method, request::Parts};

use super::{CredentialError, ExtractCredential};
use crate::Credential;

/// The token in the query of a GET, `/events?token=…`, for what cannot set a header: a browser's `EventSource` and `WebSocket`.
///
/// An empty one counts as absent; several are refused. It is percent-decoded. Requests of other methods have none.
/// An `EventSource` that comes back presents the same token again, which has expired by then: the [guide](crate::guide::streams)
/// has what to do about that.
///
/// # Security
///
/// A URI is written down where headers are not: in the access logs of every proxy on the way, in the browser's history, in traces of this
/// service (tower-http's `TraceLayer` records it). So a token in there is best a short-lived one, and not logged; use this on the few
/// routes that need it and no others, and read the URI's path instead of the URI in what you log. A WebSocket may instead
/// send its token in the first message, or as a subprotocol. Browsers send it only where a page names it, so that no
/// other site can: cookies are what cross-site requests carry by themselves.
///
/// ```
/// use tower_clerk::extract::{BearerToken, Or, QueryToken};
///
/// let places = Or::new(BearerToken::new(), QueryToken::new("token"));
/// ```
#[derive(Debug, Clone)]
pub struct QueryToken {
    name: Box<str>,
}

impl QueryToken {
    /// Reads the parameter of this name.
    #[must_use]
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self { name: name.into() }
    }
}

impl ExtractCredential for QueryToken {
    fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Credential<'a>>, CredentialError> {
        let query = parts.uri.query().filter(|_| parts.method == Method::GET).unwrap_or_default();
        let mut values = query.split('&').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let is_ours = decoded(name).is_some_and(|name| *name == *self.name.as_bytes());
            (is_ours && !value.is_empty()).then_some(value)
        });
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(CredentialError::ambiguous());
        }
        let token = decoded(value).ok_or_else(CredentialError::malformed)?;
        Ok(Some(Credential::session_token(token)))
    }
}

/// The text without percent-encoding ([RFC 3986 §2.1](https://www.rfc-editor.org/rfc/rfc3986#section-2.1)); `None` where there is a
/// percent sign that encodes nothing.
fn decoded(text: &str) -> Option<Cow<'_, [u8]>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        bytes.push(if first == b'%' {
            let (&[high, low], after) = rest.split_first_chunk()?;
            rest = after;
            hexadecimal(high)? << 4 | hexadecimal(low)?
        } else {
            first
        });
    }
    Some(Cow::Owned(bytes))
}

fn hexadecimal(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn extract(method: &str, uri: &str) -> Result<Option<String>, CredentialError> {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        let (parts, ()) = request.into_parts();
        Ok(QueryToken::new("token").extract(&parts)?.map(|credential| match credential {
            Credential::SessionToken(token) => String::from_utf8(token.as_bytes().into()).unwrap(),
            other => panic!("{other:?}"),
        }))
    }

    #[test]
    fn the_token_of_a_get_is_read_and_decoded() {
        for uri in [
            "/events?token=a.b.c",
            "/events?x=y&token=a.b.c&z",
            "https://api.example.com/?token=a.b.c",
            "/events?token=a%2Eb%2ec",
            "/events?%74oken=a.b.c",
            "/events?token=&token=a.b.c",
        ] {
            assert_eq!(extract("GET", uri).unwrap().unwrap(), "a.b.c", "{uri}");
        }
    }

    #[test]
    fn there_is_none_under_another_name_or_method_or_where_it_is_empty() {
        for uri in
            ["/", "/?", "/?token", "/?token=", "/?Token=a", "/?tokens=a", "/?x=token=a", "/token=a"]
        {
            assert_eq!(extract("GET", uri).unwrap(), None, "{uri}");
        }
        for method in ["POST", "HEAD", "PUT", "DELETE", "OPTIONS", "get"] {
            assert_eq!(extract(method, "/?token=a.b.c").unwrap(), None, "{method}");
        }
    }

    #[test]
    fn what_is_doubled_or_badly_encoded_is_refused() {
        for uri in [
            "/?token=a&token=a",
            "/?token=a&token=b",
            "/?token=%",
            "/?token=a%2",
            "/?token=%zz",
            "/?token=%+1",
        ] {
            assert!(extract("GET", uri).is_err(), "{uri}");
        }
    }
}
