use std::str::FromStr;

use reqwest::Url;

use crate::ConfigError;

/// The issuer of an instance's tokens (`iss`): the URL of its Frontend API, or of a proxy before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Issuer(Box<str>);

impl Issuer {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Issuer {
    type Err = ConfigError;

    /// Refuses what could never equal an `iss`, before it locks everybody out.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let expected = "a URL such as `https://clerk.example.com`, without trailing slash";
        let malformed = || ConfigError::malformed("the issuer", expected);
        let url = Url::parse(text).map_err(|_| malformed())?;
        let is_plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !matches!(url.scheme(), "https" | "http") || !is_plain {
            return Err(malformed());
        }
        let canonical = url.as_str().trim_end_matches('/');
        if canonical != text {
            return Err(malformed().hint(format!("write `{canonical}` instead")));
        }
        Ok(Self(Box::from(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_written_as_clerk_writes_it() {
        for good in [
            "https://clerk.example.com",
            "http://localhost:4000",
            "https://app.example.com/__clerk",
            "https://app.example.com:8443/api/__clerk",
        ] {
            assert_eq!(good.parse::<Issuer>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "clerk.example.com",
            "ftp://clerk.example.com",
            "https://",
            "https://user@clerk.example.com",
            "https://clerk.example.com?a",
            "https://clerk.example.com#a",
        ] {
            let error = bad.parse::<Issuer>().unwrap_err();
            assert!(error.to_string().contains("without trailing slash"), "{bad:?}");
        }
    }

    #[test]
    fn what_clerk_never_writes_is_refused_with_what_to_write() {
        for (bad, canonical) in [
            ("https://clerk.example.com/", "https://clerk.example.com"),
            ("https://Clerk.example.com", "https://clerk.example.com"),
            ("HTTPS://clerk.example.com", "https://clerk.example.com"),
            ("https://clerk.example.com:443", "https://clerk.example.com"),
            (" https://clerk.example.com\n", "https://clerk.example.com"),
            ("https://app.example.com/__clerk/", "https://app.example.com/__clerk"),
        ] {
            let message = bad.parse::<Issuer>().unwrap_err().to_string();
            let told = format!("write `{canonical}` instead");
            assert!(message.contains(&told), "{bad:?}: {message}");
        }
    }
}
