//! What can be wrong with a configuration.

use std::{error::Error, fmt};

/// A configuration that cannot work, refused at start-up.
///
/// The message says what to change. No secret is part of it.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// A required environment variable is not set.
    #[non_exhaustive]
    MissingVariable {
        /// Its name.
        name: &'static str,
    },
    /// An environment variable is not valid Unicode.
    #[non_exhaustive]
    NotUnicode {
        /// Its name.
        name: &'static str,
    },
    /// A value is not of the form it must have.
    #[non_exhaustive]
    Malformed {
        /// The setting.
        what: &'static str,
        /// What it must look like.
        expected: &'static str,
        /// What it seems to be, or what to write instead, where that can be told.
        hint: Option<Box<str>>,
    },
    /// Two settings contradict each other.
    #[non_exhaustive]
    Contradiction {
        /// What contradicts what, and what to change.
        why: &'static str,
    },
    /// The HTTP client could not be built.
    HttpClient(Box<dyn Error + Send + Sync>),
}

impl ConfigError {
    pub(crate) fn malformed(what: &'static str, expected: &'static str) -> Self {
        Self::Malformed { what, expected, hint: None }
    }

    /// The same, with what the value seems to be, or what to write instead. It must not be secret.
    pub(crate) fn hint(self, hint: impl Into<Box<str>>) -> Self {
        match self {
            Self::Malformed { what, expected, .. } => {
                Self::Malformed { what, expected, hint: Some(hint.into()) }
            }
            other => other,
        }
    }

    /// The same, said of the setting as its user knows it: an environment variable.
    pub(crate) fn about(self, what: &'static str) -> Self {
        match self {
            Self::Malformed { expected, hint, .. } => Self::Malformed { what, expected, hint },
            other => other,
        }
    }

    pub(crate) fn contradiction(why: &'static str) -> Self {
        Self::Contradiction { why }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingVariable { name } => {
                write!(f, "set the environment variable `{name}`")
            }
            Self::NotUnicode { name } => {
                write!(f, "the environment variable `{name}` must be valid Unicode")
            }
            Self::Malformed { what, expected, hint: None } => {
                write!(f, "{what} must be {expected}")
            }
            Self::Malformed { what, expected, hint: Some(hint) } => {
                write!(f, "{what} must be {expected}: {hint}")
            }
            Self::Contradiction { why } => f.write_str(why),
            Self::HttpClient(_) => f.write_str(
                "the HTTP client could not be built: install the system's CA certificates (a package such as \
                 `ca-certificates`), or change what `SessionsClientBuilder::http` sets",
            ),
        }
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::HttpClient(source) => Some(source.as_ref()),
            _ => None,
        }
    }
}
