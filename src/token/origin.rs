use std::str::FromStr;

use crate::ConfigError;

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
        let host = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b':' | b'[' | b']');
        let scheme = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.');
        let well_formed = text.split_once("://").is_some_and(|(before, after)| {
            before.starts_with(|c: char| c.is_ascii_lowercase())
                && before.bytes().all(scheme)
                && !after.is_empty()
                && after.bytes().all(host)
        });
        if !well_formed {
            return Err(ConfigError::malformed(
                "each authorized party",
                "an origin such as `https://app.example.com`, in lower case, without path or trailing slash",
            ));
        }
        Ok(Self(Box::from(text)))
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
            "chrome-extension://abcdefgh",
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
        ] {
            let error = bad.parse::<Origin>().unwrap_err();
            assert!(error.to_string().contains("without path or trailing slash"), "{bad:?}");
        }
    }
}
