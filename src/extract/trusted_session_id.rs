use http::{HeaderName, request::Parts};

use super::{CredentialError, ExtractCredential};
use crate::{Credential, SessionId};

/// A session's identifier in a header that something in front of this service sets.
///
/// # Security
///
/// An identifier is no credential: it is found in logs, webhooks and tokens, and whoever can set this
/// header is whoever they like. Use it only behind a gateway that authenticates the caller and
/// *removes* the header from what came in.
#[derive(Debug, Clone)]
pub struct TrustedSessionId {
    header: HeaderName,
}

impl TrustedSessionId {
    /// Reads the identifier from the header of this name.
    #[must_use]
    pub fn header(name: HeaderName) -> Self {
        Self { header: name }
    }
}

impl ExtractCredential for TrustedSessionId {
    fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Credential<'a>>, CredentialError> {
        let mut values = parts.headers.get_all(&self.header).iter().filter(|v| !v.is_empty());
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(CredentialError::ambiguous());
        }
        let text = value.to_str().map_err(|_| CredentialError::malformed())?;
        let id: SessionId = text.parse().map_err(|_| CredentialError::malformed())?;
        Ok(Some(Credential::SessionId(id)))
    }

    fn yields_session_ids(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn extract(values: &[&str]) -> Result<Option<String>, CredentialError> {
        let mut request = Request::builder();
        for value in values {
            request = request.header("x-session-id", *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let place = TrustedSessionId::header(HeaderName::from_static("x-session-id"));
        Ok(place.extract(&parts)?.map(|credential| match credential {
            Credential::SessionId(id) => id.to_string(),
            other => panic!("{other:?}"),
        }))
    }

    #[test]
    fn one_well_formed_identifier_is_read_and_nothing_else() {
        assert_eq!(extract(&["sess_1"]).unwrap().unwrap(), "sess_1");
        assert_eq!(extract(&[]).unwrap(), None);
        assert_eq!(extract(&[""]).unwrap(), None);
        for bad in [&["user_1"][..], &["sess_1", "sess_1"], &["sess_1, sess_2"], &["sess_/.."]] {
            assert!(extract(bad).is_err(), "{bad:?}");
        }
    }
}
