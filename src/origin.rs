//! Origins, as tokens name them.

use std::str::FromStr;

use reqwest::Url;

use crate::{
    ConfigError,
    pasted::{QUOTED, unquoted},
};

/// An origin as browsers write it ([RFC 6454 §6.2]), which is what `azp` holds.
///
/// [RFC 6454 §6.2]: https://www.rfc-editor.org/rfc/rfc6454#section-6.2
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin(Box<str>);

impl Origin {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = ConfigError;

    /// Refuses what could never equal an `azp`, before it locks everybody out.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let malformed = ConfigError::malformed(
            "each authorized party",
            "an origin such as `https://app.example.com`, in lower case, without path or trailing slash",
        );
        if unquoted(text).is_some() {
            return Err(malformed.hint(QUOTED));
        }
        match Url::parse(text).ok().as_ref().and_then(canonical) {
            Some(canonical) if canonical == text => Ok(Self(canonical.into_boxed_str())),
            Some(canonical) => Err(malformed.hint(format!("write `{canonical}` instead"))),
            None => Err(malformed),
        }
    }
}

/// The origin as browsers write it, which leave out the scheme's own port and write an address or a
/// name in one way only.
fn canonical(url: &Url) -> Option<String> {
    let host = url.host_str()?.to_ascii_lowercase();
    let is_plain =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    if host.is_empty() || !host.bytes().all(is_plain) {
        return None;
    }
    let scheme = url.scheme();
    // None where it is the scheme's own.
    Some(match url.port() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    })
}

/// Some, at least: an empty list would switch the check off, which nobody asks for by giving one.
pub(crate) fn all<I>(parties: I) -> Result<Vec<Origin>, ConfigError>
where
    I: IntoIterator<Item: AsRef<str>>,
{
    let parties: Vec<_> =
        parties.into_iter().map(|party| party.as_ref().parse()).collect::<Result<_, _>>()?;
    if parties.is_empty() {
        return Err(ConfigError::malformed(
            "the authorized parties",
            "at least one origin: leave the setting out to accept any",
        ));
    }
    Ok(parties)
}

impl AsRef<str> for Origin {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port_and_nothing_more() {
        for good in [
            "https://app.example.com",
            "http://localhost:3000",
            "http://[::1]:3000",
            "http://192.168.0.1:8080",
            "https://xn--bcher-kva.example",
            "chrome-extension://abcdefgh",
            "capacitor://localhost",
            "tauri://localhost:1420",
        ] {
            assert_eq!(good.parse::<Origin>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "app.example.com",
            "https://",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://App.example.com",
            "HTTPS://app.example.com",
            "https://*.example.com",
            "https://user@example.com",
            "https://app.example.com?x",
            " https://app.example.com",
            "https://a.example.com,https://b.example.com",
            "https://app.example.com:65536",
            "https://app.example.com:x",
            "https://[::1",
            "https://[::g]",
            "https://1.2.3.256",
            "file:///tmp",
            "localhost:3000",
            "null",
        ] {
            let error = bad.parse::<Origin>().unwrap_err();
            assert!(error.to_string().contains("without path or trailing slash"), "{bad:?}");
        }
    }

    #[test]
    fn quotes_are_named() {
        let error = "\"https://app.example.com\"".parse::<Origin>().unwrap_err();
        assert!(error.to_string().contains("take away the quotes"), "{error}");
    }

    #[test]
    fn an_origin_that_no_browser_writes_is_refused_with_what_to_write() {
        for (bad, canonical) in [
            ("https://app.example.com:443", "https://app.example.com"),
            ("http://app.example.com:80", "http://app.example.com"),
            ("https://x:", "https://x"),
            ("https://app.example.com:08443", "https://app.example.com:8443"),
            ("https://APP.example.com", "https://app.example.com"),
            ("capacitor://LOCALHOST", "capacitor://localhost"),
            ("https://app.example.com/", "https://app.example.com"),
            ("https://app.example.com/sign-in", "https://app.example.com"),
            ("https://user:password@app.example.com", "https://app.example.com"),
            ("\u{feff}https://app.example.com", ""),
            ("https://app.example.com\n", "https://app.example.com"),
            ("https:app.example.com", "https://app.example.com"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("https://[0:0:0:0:0:0:0:1]:3000", "https://[::1]:3000"),
            ("http://[::FFFF:1.2.3.4]", "http://[::ffff:102:304]"),
            ("http://127.1:3000", "http://127.0.0.1:3000"),
            ("http://0x7f.0.0.1", "http://127.0.0.1"),
        ] {
            let message = bad.parse::<Origin>().unwrap_err().to_string();
            let told = message.contains(&format!("write `{canonical}` instead"));
            assert_eq!(told, !canonical.is_empty(), "{bad:?}: {message}");
            assert!(canonical.is_empty() || canonical.parse::<Origin>().is_ok(), "{canonical}");
        }
    }
}
