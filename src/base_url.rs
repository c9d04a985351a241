//! Where the API is served.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use reqwest::Url;

use crate::{config_error::ConfigError, secret_key::SecretKey};

/// `…/v1` on an origin.
#[derive(Clone)]
pub(crate) struct BaseUrl {
    url: Url,
    /// The setting that it comes from.
    what: &'static str,
}

const EXPECTED: &str = "an origin such as `https://api.clerk.com`, http or https, without user \
     name, query, fragment or a path other than `/v1`";

const EXPECTED_OF_LIVE_KEYS: &str = "https, unless the host is loopback: a live secret key never \
     travels in the clear";

const EXPECTED_OF_TEST_KEYS: &str = "https, unless the host is loopback: the secret key travels \
     there; on a network of your own (containers of one host, say) a test key may travel in the \
     clear if you say so, with `TOWER_CLERK_ALLOW_HTTP=1` or `allow_http_with_test_key`";

impl BaseUrl {
    pub(crate) fn clerk() -> Self {
        let origin = "https://api.clerk.com";
        Self::parse(origin, "the base URL").expect("Clerk's origin is well-formed")
    }

    pub(crate) fn parse(text: &str, what: &'static str) -> Result<Self, ConfigError> {
        let malformed = || ConfigError::malformed(what, EXPECTED);
        // The URL parser would drop these without a word.
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(malformed());
        }
        let mut url = Url::parse(text).map_err(|_| malformed())?;
        let acceptable = match url.scheme() {
            "https" | "http" => url.has_host(),
            _ => false,
        } && matches!(url.path(), "/" | "/v1" | "/v1/")
            && url.username().is_empty()
            && url.password().is_none()
            && !text.contains(['@', '?', '#']);
        if !acceptable {
            return Err(malformed());
        }
        url.set_path("/v1");
        Ok(Self { url, what })
    }

    /// Whether this key may travel there: over https, on this very host, or, being for tests, over
    /// http where that is allowed.
    pub(crate) fn check(&self, key: &SecretKey, allow_http: bool) -> Result<(), ConfigError> {
        if self.is_https() || is_loopback(&self.url) || (key.is_test() && allow_http) {
            return Ok(());
        }
        let expected = if key.is_live() { EXPECTED_OF_LIVE_KEYS } else { EXPECTED_OF_TEST_KEYS };
        Err(ConfigError::malformed(self.what, expected))
    }

    /// The URL of a resource. Each segment is percent-encoded and stays one segment.
    pub(crate) fn resource<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.url.clone();
        url.path_segments_mut().expect("http and https URLs have a path").extend(segments);
        url
    }

    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }
}

impl PartialEq for BaseUrl {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str())
    }
}

fn is_loopback(url: &Url) -> bool {
    // Not `Url::host`, whose type this crate would need another dependency to name.
    let Some(host) = url.host_str() else { return false };
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || v6.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<BaseUrl, ConfigError> {
        let base = BaseUrl::parse(text, "the base URL")?;
        base.check(&"sk_test_hush".parse().unwrap(), false).map(|()| base)
    }

    #[test]
    fn an_origin_may_end_in_a_slash_or_in_v1() {
        for (good, v1) in [
            ("https://api.clerk.com", "https://api.clerk.com/v1"),
            ("https://api.clerk.com/", "https://api.clerk.com/v1"),
            ("https://api.clerk.com/v1", "https://api.clerk.com/v1"),
            ("https://api.clerk.com/v1/", "https://api.clerk.com/v1"),
            ("https://clerk.example:8443", "https://clerk.example:8443/v1"),
            ("http://127.0.0.1:4000", "http://127.0.0.1:4000/v1"),
            ("http://127.9.9.9", "http://127.9.9.9/v1"),
            ("http://[::1]:4000/v1", "http://[::1]:4000/v1"),
            ("http://localhost:4000/", "http://localhost:4000/v1"),
            ("HTTPS://API.CLERK.COM", "https://api.clerk.com/v1"),
        ] {
            assert_eq!(parse(good).unwrap().url.as_str(), v1, "{good}");
        }
        assert_eq!(BaseUrl::clerk().url.as_str(), "https://api.clerk.com/v1");
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            "",
            "api.clerk.com",
            "https://",
            "http://api.clerk.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://localhost.",
            "http://0.0.0.0",
            "http://192.168.0.1",
            "http://[::2]",
            "http://[::ffff:10.0.0.1]",
            "https://user@api.clerk.com",
            "https://user:password@api.clerk.com",
            "https://@api.clerk.com",
            "https://:@api.clerk.com",
            "https://api.clerk.com?",
            "https://api.clerk.com/?a=b",
            "https://api.clerk.com/v1#",
            "https://api.clerk.com/v2",
            "https://api.clerk.com/v1/sessions",
            "https://api.clerk.com//v1",
            "https://api.clerk.com/v1//",
            "https:\\\\api.clerk.com",
            " https://api.clerk.com",
            "https://api.clerk.com\n",
            "https://api.cl\terk.com",
            "ftp://localhost",
            "file:///v1",
            "data:text/plain,v1",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_segment_stays_one_segment() {
        let base = parse("https://api.clerk.com").unwrap();
        for (segment, path) in [
            ("plain", "/v1/sessions/plain"),
            ("../x", "/v1/sessions/..%2Fx"),
            ("a/b?c#d", "/v1/sessions/a%2Fb%3Fc%23d"),
            ("..\\..", "/v1/sessions/..%5C.."),
            ("%2e%2e", "/v1/sessions/%252e%252e"),
            ("é", "/v1/sessions/%C3%A9"),
        ] {
            let url = base.resource(["sessions", segment]);
            assert_eq!(url.path(), path);
            assert_eq!((url.host_str(), url.query()), (Some("api.clerk.com"), None));
        }
    }

    proptest! {
        #[test]
        fn whatever_a_segment_says_the_call_stays_where_it_belongs(
            segment in "(\\PC|[./%2eEfF\\\\?#@:;]){1,12}",
        ) {
            prop_assume!(segment != "." && segment != "..");
            let base = parse("https://api.clerk.com").unwrap();
            let url = base.resource(["sessions", "sess_1", "tokens", &segment]);
            prop_assert_eq!(url.origin().ascii_serialization(), "https://api.clerk.com");
            prop_assert_eq!((url.query(), url.fragment()), (None, None));
            let sent = url.path().strip_prefix("/v1/sessions/sess_1/tokens/").unwrap();
            prop_assert!(!sent.contains(['/', '\\']));
            prop_assert_eq!(decoded(sent), segment.into_bytes());
        }

        #[test]
        fn the_key_travels_over_https_or_stays_on_this_host(
            text in "(https?|HTTP|ftp):/{1,3}([a-z.]{0,4}@)?(localhost|127[.0-9]{0,7}|\\[[:0-9a-f.]{0,6}\\]|[0-9a-fx.]{0,9}|api[.a-z]{0,8})(:[0-9]{0,5})?(/v1)?[/?#.%2e]{0,2}",
        ) {
            let Ok(BaseUrl { url, .. }) = parse(&text) else { return Ok(()) };
            prop_assert_eq!(url.path(), "/v1");
            prop_assert_eq!((url.username(), url.password()), ("", None));
            prop_assert_eq!((url.query(), url.fragment()), (None, None));
            let host = url.host_str().unwrap();
            let is_here = host == "localhost" || host == "[::1]" || host.starts_with("127.");
            prop_assert!(url.scheme() == "https" || is_here, "{}", url);
        }
    }

    fn decoded(text: &str) -> Vec<u8> {
        let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
        while let [first, others @ ..] = rest {
            let (byte, left) = match (first, others) {
                (b'%', [high, low, left @ ..]) => {
                    let digits = [*high, *low];
                    let digits = str::from_utf8(&digits).unwrap();
                    (u8::from_str_radix(digits, 16).unwrap(), left)
                }
                _ => (*first, others),
            };
            bytes.push(byte);
            rest = left;
        }
        bytes
    }
}
