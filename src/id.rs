//! Identifiers, parsed once and well-formed ever after.

use std::{borrow::Borrow, error::Error, fmt, hash::Hash, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest identifier that is read, in bytes. Clerk's own have about 32.
const MAX_LEN: usize = 128;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        ///
        /// Cloning is one atomic increment.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            #[doc = concat!("What every such identifier starts with: `", $prefix, "`.")]
            pub const PREFIX: &'static str = $prefix;

            /// The identifier as Clerk writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse(text, Self::PREFIX)?;
                Ok(Self(Arc::from(text)))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = ParseIdError;

            fn try_from(text: &str) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Parsed(std::marker::PhantomData))
            }
        }
    };
}

id! {
    /// The identifier of a Clerk session, `sess_…`.
    ///
    /// It names a session and proves nothing: it is found in logs, webhooks and tokens.
    ///
    /// ```
    /// use tower_clerk::SessionId;
    ///
    /// let id: SessionId = "sess_2b7Fz1".parse()?;
    /// assert_eq!(id.as_str(), "sess_2b7Fz1");
    /// assert!("sess_../users".parse::<SessionId>().is_err());
    /// # Ok::<(), tower_clerk::ParseIdError>(())
    /// ```
    SessionId, "sess_"
}

id! {
    /// The identifier of a Clerk user, `user_…`.
    UserId, "user_"
}

id! {
    /// The identifier of a Clerk client (a browser or a device), `client_…`.
    ClientId, "client_"
}

id! {
    /// The identifier of a Clerk organization, `org_…`.
    OrganizationId, "org_"
}

fn parse(text: &str, prefix: &'static str) -> Result<(), ParseIdError> {
    let rest = text.strip_prefix(prefix).ok_or(ParseIdError { prefix })?;
    let well_formed = !rest.is_empty()
        && text.len() <= MAX_LEN
        && rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    well_formed.then_some(()).ok_or(ParseIdError { prefix })
}

struct Parsed<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err = ParseIdError>> de::Visitor<'_> for Parsed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an identifier of Clerk's")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// A text is not an identifier of the kind that was asked for.
///
/// The text itself is not repeated, since it may have come from anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseIdError {
    prefix: &'static str,
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected `{}` followed by ASCII letters, digits, `_` or `-`, at most {MAX_LEN} bytes in all",
            self.prefix
        )
    }
}

impl Error for ParseIdError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_prefix_and_a_plain_word() {
        for good in ["sess_1", "sess_2b7Fz-_x", &format!("sess_{}", "a".repeat(123))] {
            assert_eq!(good.parse::<SessionId>().unwrap().as_str(), good);
        }
        let long = format!("sess_{}", "a".repeat(124));
        for bad in
            ["", "sess_", "user_1", "sess_a/b", "sess_..", "sess_a%2fb", "sess_é", " sess_1", &long]
        {
            assert!(bad.parse::<SessionId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn serde_writes_the_text_and_reads_only_well_formed_ones() {
        let id: UserId = serde_json::from_str("\"user_1\"").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"user_1\"");
        assert!(serde_json::from_str::<UserId>("\"sess_1\"").is_err());
        assert!(serde_json::from_str::<UserId>("1").is_err());
    }
}
