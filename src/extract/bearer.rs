use std::sync::Arc;

use http::{header, request::Parts};

use super::{CredentialError, ExtractCredential};
use crate::{ConfigError, Credential};

/// `Authorization: Bearer <token>` ([RFC 6750 §2.1]), the scheme in any case, or the token alone, as
/// Clerk's own SDKs take it.
///
/// An empty header counts as absent, and another scheme is somebody else's. A first word with two or
/// more dots is no scheme but a token, behind which nothing may follow. Two headers, or `Bearer` with
/// nothing or too much behind it, are refused.
///
/// [RFC 6750 §2.1]: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
#[derive(Debug, Clone, Default)]
pub struct BearerToken {
    ignored: Arc<[Box<str>]>,
}

impl BearerToken {
    /// Takes every bearer token for Clerk's.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what begins so for somebody else's, such as the service's own API keys in the same header: as a
    /// bearer token or alone, it is no session credential, and a cookie beside it is not looked at either, lest a key of one
    /// run as another's session.
    ///
    /// ```
    /// use tower_clerk::extract::{BearerToken, Or, SessionCookie};
    ///
    /// let places = Or::new(BearerToken::ignoring(["vk_"])?, SessionCookie::unsuffixed());
    /// # Ok::<(), tower_clerk::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where a prefix is one that session tokens have, too: an empty one, a beginning of `eyJ`, or one that begins so.
    pub fn ignoring<I>(prefixes: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let prefixes = prefixes.into_iter().map(|prefix| Box::from(prefix.as_ref()));
        let ignored: Arc<[Box<str>]> = prefixes.collect();
        let is_clerks = |prefix: &str| "eyJ".starts_with(prefix) || prefix.starts_with("eyJ");
        if ignored.iter().any(|prefix| is_clerks(prefix)) {
            return Err(ConfigError::malformed(
                "a prefix that is not Clerk's",
                "one that no session token has, which all begin with `eyJ`",
            ));
        }
        Ok(Self { ignored })
    }

    fn ignores(&self, word: &[u8]) -> bool {
        self.ignored.iter().any(|prefix| word.starts_with(prefix.as_bytes()))
    }
}

impl ExtractCredential for BearerToken {
    fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Credential<'a>>, CredentialError> {
        let mut fields = fields_of(parts);
        let Some(first) = fields.next() else { return Ok(None) };
        let mut found = token(first)?;
        let mut is_alone = true;
        for value in fields {
            is_alone = false;
            found = found.or(token(value)?);
        }
        match found {
            Some(_) if !is_alone => Err(CredentialError::ambiguous()),
            found => Ok(found.filter(|token| !self.ignores(token)).map(Credential::session_token)),
        }
    }

    fn is_somebody_elses(&self, parts: &Parts) -> bool {
        let is_ignored = |value| {
            let word = token(value).ok().flatten().unwrap_or(value);
            self.ignores(word)
        };
        !self.ignored.is_empty() && fields_of(parts).any(is_ignored)
    }
}

/// An empty field counts as absent.
fn fields_of(parts: &Parts) -> impl Iterator<Item = &[u8]> {
    let fields = parts.headers.get_all(header::AUTHORIZATION).into_iter();
    fields.map(|value| value.as_bytes()).filter(|value| !value.is_empty())
}

/// The token of `Bearer <token>`, or one that is alone; none under another scheme. Whether the token
/// itself is well-formed shows when it is verified.
fn token(value: &[u8]) -> Result<Option<&[u8]>, CredentialError> {
    const USUAL: &[u8; 7] = b"Bearer ";
    if let Some((USUAL, token)) = value.split_first_chunk()
        && token.first().is_some_and(|&b| b != b' ')
    {
        return Ok(Some(token));
    }
    let word_len = value.iter().position(|b| b" \t".contains(b)).unwrap_or(value.len());
    let (word, rest) = value.split_at(word_len);
    if memchr::memchr_iter(b'.', word).take(2).count() == 2 {
        return if rest.is_empty() { Ok(Some(word)) } else { Err(CredentialError::malformed()) };
    }
    let is_scheme = !word.is_empty() && word.iter().copied().all(is_token_byte);
    if !is_scheme || rest.first() == Some(&b'\t') {
        return Err(CredentialError::malformed());
    }
    if !word.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    let spaces = rest.iter().take_while(|&&b| b == b' ').count();
    match &rest[spaces..] {
        b"" => Err(CredentialError::malformed()),
        token => Ok(Some(token)),
    }
}

/// `tchar` of RFC 9110 §5.6.2, which auth schemes are made of.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;

    fn extract(values: &[&[u8]]) -> Result<Option<Vec<u8>>, CredentialError> {
        let mut request = Request::new(());
        for value in values {
            request
                .headers_mut()
                .append(header::AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        let (parts, ()) = request.into_parts();
        let found = BearerToken::new().extract(&parts)?;
        Ok(found.map(|credential| match credential {
            Credential::SessionToken(token) => token.as_bytes().to_vec(),
            other => panic!("{other:?}"),
        }))
    }

    fn ignoring(prefixes: &[&str], values: &[&str]) -> (Result<bool, CredentialError>, bool) {
        let mut request = Request::new(());
        for value in values {
            request.headers_mut().append(header::AUTHORIZATION, value.parse().unwrap());
        }
        let (parts, ()) = request.into_parts();
        let place = BearerToken::ignoring(prefixes).unwrap();
        (place.extract(&parts).map(|found| found.is_some()), place.is_somebody_elses(&parts))
    }

    #[test]
    fn somebody_elses_keys_are_no_session_credential_and_say_whose_they_are() {
        for (value, found, is_somebody_elses) in [
            ("Bearer vk_1", false, true),
            ("bearer vk_a.b.c", false, true),
            ("vk_1", false, true),
            ("vk_a.b.c", false, true),
            ("Bearer rk-1", false, true),
            ("Bearer VK_1", true, false),
            ("Bearer eyJ.b.c", true, false),
            ("eyJ.b.c", true, false),
            ("Basic vk_1", false, false),
            ("", false, false),
        ] {
            let (extracted, is_theirs) = ignoring(&["vk_", "rk-"], &[value]);
            assert_eq!((extracted, is_theirs), (Ok(found), is_somebody_elses), "{value:?}");
        }
        let doubled = ignoring(&["vk_"], &["Bearer vk_1", "Bearer eyJ.b.c"]).0;
        assert_eq!(doubled, Err(CredentialError::ambiguous()), "fields are counted first");
        assert!(!ignoring(&[], &["Bearer vk_1"]).1);
    }

    #[test]
    fn no_prefix_of_session_tokens_can_be_given_away() {
        for prefix in ["", "e", "ey", "eyJ", "eyJhbGci"] {
            let told = BearerToken::ignoring(["vk_", prefix]).unwrap_err().to_string();
            assert!(told.contains("`eyJ`"), "{prefix}: {told}");
        }
    }

    #[test]
    fn the_scheme_is_read_in_any_case() {
        for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
            let value = format!("{scheme} a.b.c");
            assert_eq!(extract(&[value.as_bytes()]).unwrap().unwrap(), b"a.b.c");
        }
        assert_eq!(extract(&[b"Bearer   a.b.c"]).unwrap().unwrap(), b"a.b.c");
    }

    #[test]
    fn a_token_without_a_scheme_is_a_token() {
        for bare in [&b"a.b.c"[..], b"a..", b"...", b"a.b.c=", b"Bearer.b.c", b"\xff.b.c"] {
            assert_eq!(extract(&[bare]).unwrap().unwrap(), bare);
        }
        for behind_it in [&b"a.b.c a.b.c"[..], b"a.b.c ", b"a.b.c\t", b"Bearer.b.c d", b"a.b.c\td"]
        {
            assert!(extract(&[behind_it]).is_err(), "{behind_it:?}");
        }
        assert!(extract(&[b"a.b.c", b"a.b.c"]).is_err());
        assert!(extract(&[b"a.b.c", b"Basic dTpw"]).is_err());
        assert_eq!(extract(&[b"v1.local d.e.f"]).unwrap(), None, "a scheme may have a dot");
    }

    #[test]
    fn absent_empty_and_foreign_headers_are_no_credential() {
        for values in
            [&[][..], &[&b""[..]], &[b"Basic dTpw"], &[b"Bearerx y"], &[b"Basic a", b"Digest b"]]
        {
            assert_eq!(extract(values).unwrap(), None, "{values:?}");
        }
    }

    #[test]
    fn what_is_malformed_or_doubled_is_refused() {
        for values in [
            &[&b"Bearer"[..]][..],
            &[b"Bearer "],
            &[b"Bearer\ta.b.c"],
            &[b"\xff\xfe"],
            &[b" Bearer a"],
            &[b"=x"],
            &[b"Bearer a.b.c", b"Bearer a.b.c"],
            &[b"Bearer a.b.c", b"Basic dTpw"],
            &[b"Basic dTpw", b"Bearer a.b.c"],
        ] {
            assert!(extract(values).is_err(), "{values:?}");
        }
    }
}
