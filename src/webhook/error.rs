use std::{error::Error, fmt};

/// Why a request is no webhook of Clerk's, or not one that can be read.
///
/// It holds nothing of the request itself. To the sender all kinds are to be told alike, with status 400: who
/// forges one must not learn what is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookError {
    kind: WebhookErrorKind,
    /// What is wrong, where that is the kind of fault.
    what: &'static str,
}

/// What kind of fault a [`WebhookError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WebhookErrorKind {
    /// A header that identifies or signs the message is missing, doubled or malformed.
    Header,
    /// No signature fits.
    Signature,
    /// It was signed more than five minutes ago, or more than five minutes from now.
    Timestamp,
    /// It is genuine, but does not say what it must.
    Payload,
}

impl WebhookError {
    pub(super) fn header(what: &'static str) -> Self {
        Self { kind: WebhookErrorKind::Header, what }
    }

    pub(super) fn payload(what: &'static str) -> Self {
        Self { kind: WebhookErrorKind::Payload, what }
    }

    /// What kind of fault it is.
    #[must_use]
    pub fn kind(&self) -> WebhookErrorKind {
        self.kind
    }
}

impl From<WebhookErrorKind> for WebhookError {
    fn from(kind: WebhookErrorKind) -> Self {
        Self { kind, what: "" }
    }
}

impl fmt::Display for WebhookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            WebhookErrorKind::Header => {
                write!(f, "not a webhook: the header `{}` must be there once and well-formed", self.what)
            }
            WebhookErrorKind::Signature => f.write_str(
                "no signature of the webhook fits: check that the signing secret is this endpoint's, and that \
                 the body is verified as it was received",
            ),
            WebhookErrorKind::Timestamp => f.write_str(
                "the webhook was not signed within five minutes of now: it is a replay, or a clock is wrong",
            ),
            WebhookErrorKind::Payload => {
                write!(f, "the webhook is genuine, but its payload has no `{}` that can be read", self.what)
            }
        }
    }
}

impl Error for WebhookError {}
