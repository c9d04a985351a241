use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{header, request::Parts};

use super::{CredentialError, ExtractCredential};
use crate::{Credential, PublishableKey, credential::PresentedToken};

/// Clerk's session cookie: `__session_<suffix>` of one instance, or else `__session`.
///
/// All `Cookie` fields are read, since HTTP/2 may split them ([RFC 9113 §8.2.3]). Different values
/// under one name are refused, an empty cookie counts as absent, and another instance's cookie is
/// never read. `__client_uat` of the same suffix says when the browser last signed in or out: `0`
/// makes the cookie count as absent, and a token issued before is refused.
///
/// # Security
///
/// Browsers send cookies on their own. Set
/// [authorized parties](crate::AuthenticateLayer::authorized_parties) wherever cookies are read.
///
/// [RFC 9113 §8.2.3]: https://www.rfc-editor.org/rfc/rfc9113#section-8.2.3
#[derive(Debug, Clone)]
pub struct SessionCookie {
    suffixed: Option<CookieNames>,
    plain: CookieNames,
}

#[derive(Debug, Clone)]
struct CookieNames {
    session: Arc<str>,
    client_uat: Arc<str>,
}

impl SessionCookie {
    /// Reads `__session` only, which every instance of Clerk on the domain writes.
    #[must_use]
    pub fn unsuffixed() -> Self {
        Self { suffixed: None, plain: CookieNames::new("") }
    }

    /// Reads the cookie of the instance with this key, and `__session` where there is none.
    #[must_use]
    pub fn of_instance(key: &PublishableKey) -> Self {
        let suffix = format!("_{}", key.cookie_suffix());
        Self { suffixed: Some(CookieNames::new(&suffix)), ..Self::unsuffixed() }
    }
}

impl CookieNames {
    fn new(suffix: &str) -> Self {
        Self {
            session: format!("__session{suffix}").into(),
            client_uat: format!("__client_uat{suffix}").into(),
        }
    }
}

impl ExtractCredential for SessionCookie {
    fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Credential<'a>>, CredentialError> {
        let mut suffixed = Cookies::default();
        let mut plain = Cookies::default();
        for field in parts.headers.get_all(header::COOKIE) {
            for (name, value) in pairs(field.as_bytes()) {
                if !name.starts_with(b"__") {
                    continue;
                }
                plain.note(&self.plain, name, value)?;
                if let Some(names) = &self.suffixed {
                    suffixed.note(names, name, value)?;
                }
            }
        }
        let suffixed = self.suffixed.as_ref().map(|names| (names, suffixed));
        let read = suffixed.into_iter().chain([(&self.plain, plain)]);
        let present = read.filter_map(|(names, cookies)| Some((names, cookies, cookies.session?)));
        Ok(present.take(1).find_map(|(names, cookies, token)| cookies.credential(names, token)))
    }
}

/// The two cookies of one suffix, as far as they are there.
#[derive(Debug, Default, Clone, Copy)]
struct Cookies<'a> {
    session: Option<&'a [u8]>,
    client_uat: Option<&'a [u8]>,
}

impl<'a> Cookies<'a> {
    fn note(
        &mut self,
        names: &CookieNames,
        name: &[u8],
        value: &'a [u8],
    ) -> Result<(), CredentialError> {
        let cookie = if name == names.session.as_bytes() {
            &mut self.session
        } else if name == names.client_uat.as_bytes() {
            &mut self.client_uat
        } else {
            return Ok(());
        };
        match *cookie {
            _ if value.is_empty() => Ok(()),
            Some(other) if other != value => Err(CredentialError::ambiguous()),
            _ => {
                *cookie = Some(value);
                Ok(())
            }
        }
    }

    fn credential(self, names: &CookieNames, token: &'a [u8]) -> Option<Credential<'a>> {
        let token = PresentedToken::new(token).in_cookie(Arc::clone(&names.session));
        match self.client_uat.and_then(unix_seconds) {
            Some(0) => None,
            Some(seconds) => {
                let last_change = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
                Some(Credential::SessionToken(token.issued_after(last_change)))
            }
            None => Some(Credential::SessionToken(token)),
        }
    }
}

/// The pairs of one `Cookie` field (RFC 6265 §5.4), undecoded.
fn pairs(mut field: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        while !field.is_empty() {
            let end = memchr::memchr(b';', field).unwrap_or(field.len());
            let pair = &field[..end];
            field = field.get(end + 1..).unwrap_or_default();
            if let Some(equals) = memchr::memchr(b'=', pair) {
                return Some((pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii()));
            }
        }
        None
    })
}

/// Digits that name a time before the year 10000; anything else is nonsense.
fn unix_seconds(text: &[u8]) -> Option<u64> {
    const YEAR_10000: u64 = 253_402_300_800;
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|&seconds| digits && seconds < YEAR_10000)
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;

    const KEY: &str = "pk_live_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA";

    type Found = Option<(String, Option<u64>, String)>;

    fn extract(fields: &[&[u8]]) -> Result<Found, CredentialError> {
        let mut request = Request::new(());
        for field in fields {
            let value = HeaderValue::from_bytes(field).unwrap();
            request.headers_mut().append(header::COOKIE, value);
        }
        let (parts, ()) = request.into_parts();
        let cookie = SessionCookie::of_instance(&KEY.parse().unwrap());
        Ok(cookie.extract(&parts)?.map(|credential| match credential {
            Credential::SessionToken(token) => (
                String::from_utf8(token.as_bytes().to_vec()).unwrap(),
                token
                    .not_issued_before()
                    .map(|time| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()),
                token.cookie().unwrap().to_string(),
            ),
            other => panic!("{other:?}"),
        }))
    }

    #[track_caller]
    fn assert_found(fields: &[&str], token: &str, issued_after: Option<u64>, cookie: &str) {
        let fields: Vec<_> = fields.iter().map(|field| field.as_bytes()).collect();
        let expected = (token.to_owned(), issued_after, cookie.to_owned());
        assert_eq!(extract(&fields).unwrap(), Some(expected));
    }

    #[test]
    fn the_cookie_of_the_own_instance_goes_first() {
        assert_found(&["__session=a"], "a", None, "__session");
        assert_found(&["a=b; __session=t ;c=d"], "t", None, "__session");
        let own = "__session_MqCvchyS";
        assert_found(&["__session=a; __session_MqCvchyS=b"], "b", None, own);
        assert_found(&["__session_MqCvchyS=; __session=a"], "a", None, "__session");
        assert_found(&["__session=a", "__session_MqCvchyS=b"], "b", None, own);
        assert_found(&["__session_vWCgMp3A=x; __session=a"], "a", None, "__session");
        assert_found(&["__session=a; __session=a"], "a", None, "__session");
    }

    #[test]
    fn absent_empty_and_foreign_cookies_are_no_credential() {
        for field in [
            &b""[..],
            b"__session",
            b"__session=",
            b"__session= ; x=y",
            b"__session_vWCgMp3A=x",
            b"__Session=x",
            b"x__session=x",
            b"x=__session=y",
            b"\xff\xfe=\xff",
            b";;;=;",
        ] {
            assert_eq!(extract(&[field]).unwrap(), None, "{field:?}");
        }
    }

    #[test]
    fn two_values_under_one_name_are_refused() {
        for fields in [
            &["__session=a; __session=b"][..],
            &["__session=a", "__session=b"],
            &["__session_MqCvchyS=a; __session_MqCvchyS=b"],
            &["__session_MqCvchyS=a; __session=a; __session=b"],
            &["__session=a; __client_uat=1; __client_uat=0"],
        ] {
            let fields: Vec<_> = fields.iter().map(|field| field.as_bytes()).collect();
            assert!(extract(&fields).is_err());
        }
    }

    #[test]
    fn client_uat_of_the_same_suffix_dates_the_sign_in() {
        assert_found(
            &["__session=a; __client_uat=1700000000"],
            "a",
            Some(1_700_000_000),
            "__session",
        );
        assert_found(&["__session=a; __client_uat_MqCvchyS=0"], "a", None, "__session");
        let own = "__session_MqCvchyS";
        assert_found(&["__session_MqCvchyS=a; __client_uat=0"], "a", None, own);
        for nonsense in ["x", "-1", "1.5", "+1", "99999999999999999999999", "253402300800", ""] {
            assert_found(
                &[&format!("__session=a; __client_uat={nonsense}")],
                "a",
                None,
                "__session",
            );
        }
        for signed_out in [
            "__session=a; __client_uat=0",
            "__session_MqCvchyS=a; __client_uat_MqCvchyS=0; __session=b",
        ] {
            assert_eq!(extract(&[signed_out.as_bytes()]).unwrap(), None);
        }
    }
}
