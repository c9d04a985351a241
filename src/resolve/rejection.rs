use std::{any::Any, error::Error, fmt, sync::Arc, time::Duration};

use http::StatusCode;

use crate::{
    Reverification, SessionStatus,
    admitted_by::AdmittedBy,
    client,
    extract::{CredentialError, CredentialErrorKind},
    token::{TokenError, TokenErrorKind},
};

/// Why a request is refused, in terms that can be answered over HTTP and gRPC.
///
/// The [reason](Rejection::reason) is for operators; what the caller is told is
/// [less precise](Rejection::public_reason) where precision would help an attacker. The layer leaves
/// the rejection in the response's extensions for the layers around it.
#[derive(Clone)]
pub struct Rejection {
    kind: RejectionKind,
    reason: &'static str,
    detail: Option<&'static str>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn Error + Send + Sync>>,
    reverification: Option<Reverification>,
    /// How the layer answers that its caller came through, where that is known.
    #[cfg_attr(
        not(any(feature = "axum", feature = "tonic")),
        expect(dead_code, reason = "these two write what a handler returns")
    )]
    refusals: Option<Arc<dyn Any + Send + Sync>>,
}

/// The kinds of [`Rejection`], each with one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionKind {
    /// There is no credential: 401, `UNAUTHENTICATED`, and no error code ([RFC 6750 §3.1]).
    ///
    /// [RFC 6750 §3.1]: https://www.rfc-editor.org/rfc/rfc6750#section-3.1
    MissingCredential,
    /// The credential is malformed, forged, expired or not for this service: 401,
    /// `UNAUTHENTICATED`, `invalid_token`.
    InvalidCredential,
    /// The session is unknown or not active: 401, `UNAUTHENTICATED`, `invalid_token`.
    InactiveSession,
    /// The caller is known and [may not](crate::Claims::require): 403, `PERMISSION_DENIED`,
    /// `insufficient_scope` ([RFC 6750 §3.1]); or must prove again who they are:
    /// `insufficient_user_authentication` ([RFC 9470 §3], whose 401 is not followed, since Clerk's own
    /// front end is answered 403).
    ///
    /// [RFC 6750 §3.1]: https://www.rfc-editor.org/rfc/rfc6750#section-3.1
    /// [RFC 9470 §3]: https://www.rfc-editor.org/rfc/rfc9470#section-3
    Forbidden,
    /// Another site had the browser send the request: 403, `PERMISSION_DENIED`.
    CrossSite,
    /// Clerk cannot be asked just now: 503, `UNAVAILABLE`, and `Retry-After`.
    Unavailable,
    /// This service is set up wrongly: 500, `INTERNAL`.
    Misconfigured,
}

const SESSION_TOKEN_MISSING: &str = "session-token-missing";

impl Rejection {
    /// A rejection of this kind. The reason is a short word for logs and problem details.
    #[must_use]
    pub fn new(kind: RejectionKind, reason: &'static str) -> Self {
        Self {
            kind,
            reason,
            detail: None,
            retry_after: None,
            source: None,
            reverification: None,
            refusals: None,
        }
    }

    /// Adds when to try again.
    #[must_use]
    pub fn with_retry_after(self, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..self }
    }

    /// Adds the cause, for operators.
    #[must_use]
    pub fn with_source(self, source: impl Error + Send + Sync + 'static) -> Self {
        Self { source: Some(Arc::new(source)), ..self }
    }

    /// What kind of refusal it is.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// The precise reason, in Clerk's own words where it has one, as `token-expired`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// What the caller may know of the reason: an unknown key and a bad signature look alike.
    #[must_use]
    pub fn public_reason(&self) -> &'static str {
        match self.kind {
            RejectionKind::Misconfigured => "internal-error",
            _ if self.reason == TokenErrorKind::UnknownKey.reason() => {
                TokenErrorKind::Signature.reason()
            }
            _ => self.reason,
        }
    }

    /// The HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.kind {
            RejectionKind::MissingCredential
            | RejectionKind::InvalidCredential
            | RejectionKind::InactiveSession => StatusCode::UNAUTHORIZED,
            RejectionKind::Forbidden | RejectionKind::CrossSite => StatusCode::FORBIDDEN,
            RejectionKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            RejectionKind::Misconfigured => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The [gRPC status code](https://grpc.io/docs/guides/status-codes/) of the answer.
    #[must_use]
    pub fn grpc_code(&self) -> i32 {
        match self.kind {
            RejectionKind::MissingCredential
            | RejectionKind::InvalidCredential
            | RejectionKind::InactiveSession => 16,
            RejectionKind::Forbidden | RejectionKind::CrossSite => 7,
            RejectionKind::Unavailable => 14,
            RejectionKind::Misconfigured => 13,
        }
    }

    /// When to try again: what Clerk asked for, or else one second. Only with an unavailable Clerk.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.kind {
            RejectionKind::Unavailable => Some(self.retry_after.unwrap_or(Duration::from_secs(1))),
            _ => self.retry_after,
        }
    }

    /// A sentence for the caller, which gives nothing away. Where the service was put together wrongly,
    /// so that no request of its kind can succeed, it says what to change.
    #[must_use]
    pub fn detail(&self) -> &'static str {
        if let Some(detail) = self.detail {
            return detail;
        }
        match self.kind {
            RejectionKind::MissingCredential => "a session token is required",
            RejectionKind::InvalidCredential => "the session token was refused",
            RejectionKind::InactiveSession => "the session is not active",
            RejectionKind::Forbidden if self.reverification.is_some() => {
                "the user must prove again who they are"
            }
            RejectionKind::Forbidden => "the user may not do this",
            RejectionKind::CrossSite => "the request comes from another site",
            RejectionKind::Unavailable => "the session cannot be checked just now",
            RejectionKind::Misconfigured => "the request cannot be authenticated",
        }
    }

    /// How the user can yet be let pass, where all that is lacking is a fresh proof of who they are.
    #[must_use]
    pub fn reverification(&self) -> Option<Reverification> {
        self.reverification
    }

    /// The same, of a caller whom this layer admitted.
    pub(crate) fn behind(self, admitted_by: &AdmittedBy) -> Self {
        Self { refusals: admitted_by.refusals.clone(), ..self }
    }

    /// What the layer was told of refusals that its caller came through, where that is known.
    #[cfg(any(feature = "axum", feature = "tonic"))]
    pub(crate) fn refusals(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.refusals.as_ref()
    }

    pub(crate) fn reverify(reverification: Reverification) -> Self {
        let rejection = Self::new(RejectionKind::Forbidden, "reverification-error");
        Self { reverification: Some(reverification), ..rejection }
    }

    pub(crate) fn missing_credential() -> Self {
        Self::new(RejectionKind::MissingCredential, SESSION_TOKEN_MISSING)
    }

    /// Whether it is this one, and not a resolver's own of its kind.
    pub(crate) fn is_missing_credential(&self) -> bool {
        self.kind == RejectionKind::MissingCredential && self.reason == SESSION_TOKEN_MISSING
    }

    pub(crate) fn unavailable() -> Self {
        Self::new(RejectionKind::Unavailable, "clerk-unavailable")
    }

    pub(crate) fn misconfigured(reason: &'static str) -> Self {
        Self::new(RejectionKind::Misconfigured, reason)
    }

    /// Says something more precise to the caller; in ASCII, since it goes into a header over gRPC.
    pub(crate) fn with_detail(self, detail: &'static str) -> Self {
        Self { detail: Some(detail), ..self }
    }

    pub(crate) fn outside_of_a_runtime() -> Self {
        Self::misconfigured("tokio-runtime-missing")
            .with_detail("sessions are resolved within a tokio runtime: serve requests in one")
    }

    /// Of a token that was assembled before its user was signed out everywhere, or changed in its organization.
    pub(crate) fn superseded() -> Self {
        Self::new(RejectionKind::InvalidCredential, "token-superseded")
    }

    pub(crate) fn session_not_found() -> Self {
        Self::new(RejectionKind::InactiveSession, "session-not-found")
    }

    /// The refusal of a session in a state other than active.
    pub(crate) fn session_in(status: &SessionStatus) -> Self {
        let reason = match status {
            SessionStatus::Pending => "session-pending",
            SessionStatus::Revoked => "session-revoked",
            SessionStatus::Ended => "session-ended",
            SessionStatus::Expired => "session-expired",
            SessionStatus::Removed => "session-removed",
            SessionStatus::Abandoned => "session-abandoned",
            SessionStatus::Replaced => "session-replaced",
            _ => "session-status-unknown",
        };
        Self::new(RejectionKind::InactiveSession, reason)
    }
}

impl From<CredentialError> for Rejection {
    fn from(error: CredentialError) -> Self {
        let reason = match error.kind() {
            CredentialErrorKind::Malformed => "token-invalid",
            CredentialErrorKind::Ambiguous => "credential-ambiguous",
        };
        Self::new(RejectionKind::InvalidCredential, reason).with_source(error)
    }
}

impl From<TokenError> for Rejection {
    fn from(error: TokenError) -> Self {
        let kind = if error.kind() == TokenErrorKind::Pending {
            RejectionKind::InactiveSession
        } else if error.is_misconfigured() {
            RejectionKind::Misconfigured
        } else if error.is_unavailable() {
            RejectionKind::Unavailable
        } else {
            RejectionKind::InvalidCredential
        };
        Self { retry_after: error.retry_after(), ..Self::new(kind, error.reason()) }
            .with_source(error)
    }
}

impl From<client::Error> for Rejection {
    fn from(error: client::Error) -> Self {
        let rejection = if error.is_unauthorized() {
            Self::misconfigured("secret-key-invalid")
        } else if error.is_not_found() {
            Self::session_not_found()
        } else {
            Self { retry_after: error.retry_after(), ..Self::unavailable() }
        };
        rejection.with_source(error)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail(), self.reason)
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejection")
            .field("kind", &self.kind)
            .field("reason", &self.reason)
            .field("retry_after", &self.retry_after)
            .field("source", &self.source)
            .field("reverification", &self.reverification)
            .finish()
    }
}

impl Error for Rejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
