use http::{header, request::Parts};

use super::{CredentialError, ExtractCredential};
use crate::Credential;

/// `Authorization: Bearer <token>` ([RFC 6750 §2.1]), the scheme in any case, or the token alone, as
/// Clerk's own SDKs take it.
///
/// An empty header counts as absent, and another scheme is somebody else's. A first word with two or
/// more dots is no scheme but a token, behind which nothing may follow. Two headers, or `Bearer` with
/// nothing or too much behind it, are refused.
///
/// [RFC 6750 §2.1]: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name for a place, with nothing to configure")]
pub struct BearerToken;

impl ExtractCredential for BearerToken {
    fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Credential<'a>>, CredentialError> {
        let mut found = None;
        let mut fields = 0;
        for value in parts.headers.get_all(header::AUTHORIZATION) {
            if value.is_empty() {
                continue;
            }
            fields += 1;
            found = found.or(token(value.as_bytes())?);
        }
        match found {
            Some(_) if fields > 1 => Err(CredentialError::ambiguous()),
            found => Ok(found.map(Credential::session_token)),
        }
    }
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
        let found = BearerToken.extract(&parts)?;
        Ok(found.map(|credential| match credential {
            Credential::SessionToken(token) => token.as_bytes().to_vec(),
            other => panic!("{other:?}"),
        }))
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
