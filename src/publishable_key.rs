//! Clerk's publishable key, and what can be read from it.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose};

use crate::{
    ConfigError,
    issuer::Issuer,
    pasted::{QUOTED, trimmed, unquoted},
};

/// A publishable key, `pk_live_…` or `pk_test_…`.
///
/// It is public. It names the instance's Frontend API, which is the issuer of its session tokens,
/// and it is what the suffix of the instance's cookies is made from.
///
/// ```
/// use tower_clerk::PublishableKey;
///
/// let key: PublishableKey = "pk_live_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA".parse()?;
/// assert_eq!(key.issuer(), "https://clerk.inspired.puma-74.lcl.dev");
/// assert_eq!(key.cookie_suffix(), "MqCvchyS");
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PublishableKey {
    text: Box<str>,
    issuer: Issuer,
}

impl PublishableKey {
    /// The issuer of the instance's session tokens, unless its Frontend API is proxied.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.issuer.as_str().to_owned()
    }

    /// The same.
    pub(crate) fn own_issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// What follows `__session_` in the name of the instance's cookie: the first eight characters
    /// of the base64url of the key's SHA-1.
    #[must_use]
    pub fn cookie_suffix(&self) -> String {
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.text.as_bytes());
        let mut suffix = general_purpose::URL_SAFE_NO_PAD.encode(hash);
        suffix.truncate(8);
        suffix
    }

    /// Whether it is a production instance's, `pk_live_…`.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.text.starts_with(LIVE)
    }
}

const LIVE: &str = "pk_live_";
const TEST: &str = "pk_test_";

impl FromStr for PublishableKey {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = trimmed(text);
        let issuer = issuer(text).ok_or_else(|| malformed(text))?;
        Ok(Self { text: text.into(), issuer })
    }
}

impl TryFrom<&str> for PublishableKey {
    type Error = ConfigError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

fn malformed(text: &str) -> ConfigError {
    let malformed = ConfigError::malformed(
        "the publishable key",
        "`pk_live_` or `pk_test_` and what follows it in Clerk's dashboard",
    );
    if unquoted(text).is_some() {
        malformed.hint(QUOTED)
    } else if text.starts_with("sk_") {
        malformed.hint("this is a secret key")
    } else {
        malformed
    }
}

fn issuer(text: &str) -> Option<Issuer> {
    let encoded = text.strip_prefix(LIVE).or_else(|| text.strip_prefix(TEST))?;
    let decoded = general_purpose::STANDARD_NO_PAD.decode(encoded.trim_end_matches('=')).ok()?;
    let host = String::from_utf8(decoded).ok()?.strip_suffix('$')?.to_owned();
    let plausible = !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'));
    if !plausible {
        return None;
    }
    format!("https://{host}").parse().ok()
}

impl fmt::Display for PublishableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PublishableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublishableKey({})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_suffix_is_the_one_clerk_computes() {
        for (key, suffix) in [
            ("pk_live_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA", "MqCvchyS"),
            ("pk_test_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA", "vWCgMp3A"),
        ] {
            assert_eq!(key.parse::<PublishableKey>().unwrap().cookie_suffix(), suffix);
        }
    }

    #[test]
    fn what_was_pasted_along_is_trimmed_and_quotes_are_named() {
        let key = "pk_test_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA";
        let parsed: PublishableKey = key.parse().unwrap();
        for pasted in [format!(" {key}"), format!("{key}\r\n"), format!("\u{feff}{key}\t")] {
            assert_eq!(pasted.parse::<PublishableKey>().unwrap(), parsed);
        }
        for quoted in [format!("\"{key}\""), format!("'{key}'\n")] {
            let message = quoted.parse::<PublishableKey>().unwrap_err().to_string();
            assert!(message.contains("quotes"), "{message}");
        }
        let message = "sk_test_hush".parse::<PublishableKey>().unwrap_err().to_string();
        assert!(message.contains("a secret key") && !message.contains("hush"), "{message}");
    }

    #[test]
    fn what_is_not_a_publishable_key_is_refused() {
        for bad in [
            "",
            "pk_live_",
            "pk_live_!!",
            "sk_test_Y2xlcmsuYSQ",
            "pk_test_Y2xlcmsuYQ",
            "pk_test_Li4vJA",
        ] {
            assert!(bad.parse::<PublishableKey>().is_err(), "{bad:?}");
        }
    }
}
