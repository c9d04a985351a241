//! The key that opens Clerk's Backend API.

use std::{fmt, str::FromStr};

use http::HeaderValue;

use crate::{
    config_error::ConfigError,
    pasted::{QUOTED, trimmed, unquoted},
};

/// The longest key that is read, in bytes. Clerk's own have about 50.
const MAX_LEN: usize = 256;

/// A secret key of a Clerk instance: `sk_live_…` or `sk_test_…`.
///
/// # Security
///
/// The key can be given and not be had back: it is neither printed nor serialized, and it travels
/// only in the `Authorization` header of calls to the configured API, marked as sensitive.
///
/// ```
/// use tower_clerk::SecretKey;
///
/// let key: SecretKey = "sk_test_c2VjcmV0".parse()?;
/// assert!(key.is_test());
/// assert_eq!(format!("{key:?}"), "SecretKey(sk_test_…)");
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct SecretKey {
    authorization: HeaderValue,
    kind: InstanceKind,
}

/// The two kinds of instances, told apart by the key's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstanceKind {
    Production,
    Development,
}

impl SecretKey {
    /// Whether the key belongs to a production instance.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.kind == InstanceKind::Production
    }

    /// Whether the key belongs to a development instance.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.kind == InstanceKind::Development
    }

    pub(crate) fn kind(&self) -> InstanceKind {
        self.kind
    }

    /// `Bearer <key>`, marked as sensitive.
    pub(crate) fn authorization(&self) -> &HeaderValue {
        &self.authorization
    }

    /// Whether both are the same key. Both are the operator's, so the time it takes tells nobody anything.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.authorization == other.authorization
    }

    pub(crate) fn parse(text: &str, what: &'static str) -> Result<Self, ConfigError> {
        let text = trimmed(text);
        let malformed = || {
            let malformed = ConfigError::malformed(
                what,
                "a secret key as Clerk's dashboard shows it, `sk_live_…` or `sk_test_…`, \
                 without spaces or line breaks",
            );
            if unquoted(text).is_some() {
                malformed.hint(QUOTED)
            } else if text.starts_with("pk_") {
                malformed.hint("this is a publishable key")
            } else if text.starts_with("Bearer ") {
                malformed.hint("leave out `Bearer`")
            } else {
                malformed
            }
        };
        let (kind, rest) = if let Some(rest) = text.strip_prefix("sk_live_") {
            (InstanceKind::Production, rest)
        } else if let Some(rest) = text.strip_prefix("sk_test_") {
            (InstanceKind::Development, rest)
        } else {
            return Err(malformed());
        };
        let well_formed = !rest.is_empty()
            && text.len() <= MAX_LEN
            && rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if !well_formed {
            return Err(malformed());
        }
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {text}")).map_err(|_| malformed())?;
        authorization.set_sensitive(true);
        Ok(Self { authorization, kind })
    }
}

impl FromStr for SecretKey {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text, "the secret key")
    }
}

impl TryFrom<&str> for SecretKey {
    type Error = ConfigError;

    fn try_from(text: &str) -> Result<Self, ConfigError> {
        text.parse()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            InstanceKind::Production => "SecretKey(sk_live_…)",
            InstanceKind::Development => "SecretKey(sk_test_…)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_names_the_kind_of_instance() {
        let live: SecretKey = "sk_live_abc".parse().unwrap();
        assert!(live.is_live() && !live.is_test());
        let test: SecretKey = "sk_test_abc".parse().unwrap();
        assert!(test.is_test() && !test.is_live());
        assert_eq!(test.authorization(), "Bearer sk_test_abc");
    }

    #[test]
    fn a_malformed_key_is_refused_without_being_repeated() {
        let long = format!("sk_test_{}", "a".repeat(249));
        for bad in [
            "",
            "sk_test_",
            "sk_live",
            "pk_test_hush",
            "sk_test_hu\nsh",
            "\"sk_test_hush\"",
            "sk_test_hu sh",
            "sk_test_hush\u{e9}",
            "sk_dev_hush",
            &long,
        ] {
            let error = bad.parse::<SecretKey>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hush"), "{bad:?}");
        }
    }

    #[test]
    fn what_was_pasted_along_is_trimmed_and_quotes_are_named() {
        for pasted in [" sk_test_abc", "sk_test_abc\n", "sk_test_abc\r\n", "\u{feff}sk_test_abc"] {
            let key: SecretKey = pasted.parse().unwrap();
            assert_eq!(key.authorization(), "Bearer sk_test_abc");
        }
        for (bad, said) in [
            ("\"sk_test_hush\"", "quotes"),
            ("'sk_test_hush'\n", "quotes"),
            ("pk_test_hush", "a publishable key"),
            ("Bearer sk_test_hush", "leave out `Bearer`"),
        ] {
            let message = bad.parse::<SecretKey>().unwrap_err().to_string();
            assert!(message.contains(said) && !message.contains("hush"), "{message}");
        }
    }

    #[test]
    fn debug_never_shows_the_key() {
        let key: SecretKey = "sk_live_hush".parse().unwrap();
        let shown = format!("{key:?} {key:#?} {:?}", key.authorization());
        assert!(!shown.contains("hush"), "{shown}");
    }
}
