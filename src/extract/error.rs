use std::{error::Error, fmt};

/// A credential is present and cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialError {
    kind: CredentialErrorKind,
}

/// What is wrong with a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialErrorKind {
    /// It does not have the form it must have.
    Malformed,
    /// There are several, and they differ.
    Ambiguous,
}

impl CredentialError {
    /// A credential that does not have the form it must have.
    #[must_use]
    pub fn malformed() -> Self {
        Self { kind: CredentialErrorKind::Malformed }
    }

    /// Several credentials where there may be one.
    #[must_use]
    pub fn ambiguous() -> Self {
        Self { kind: CredentialErrorKind::Ambiguous }
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> CredentialErrorKind {
        self.kind
    }
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            CredentialErrorKind::Malformed => "the credential is malformed",
            CredentialErrorKind::Ambiguous => "there is more than one credential; send one",
        })
    }
}

impl Error for CredentialError {}
