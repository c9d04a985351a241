use http::Extensions;

use crate::{Claims, Rejection, admitted_by::AdmittedBy};
#[cfg(any(feature = "axum", feature = "tonic"))]
use crate::{Session, SessionWatch};

/// The mark on a request that the layer passed without a session or without claims, so that an
/// extractor can tell a forgotten layer from an anonymous caller.
#[derive(Debug, Clone)]
pub(crate) struct Absence {
    pub(crate) cause: Cause,
    admitted_by: AdmittedBy,
}

/// Why something is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// There was no credential, and none is required.
    Anonymous,
    /// It is a preflight, which never has a credential, and those are allowed.
    Preflight,
    /// The route is exempt: nobody looked.
    Exempt,
    /// There are claims; Clerk is not asked for sessions.
    Networkless,
    /// There are claims; Clerk could not be asked for the session in time.
    Undescribed,
    /// There is a session; no token came with it.
    WithoutToken,
}

impl Absence {
    pub(super) fn new(cause: Cause, admitted_by: AdmittedBy) -> Self {
        Self { cause, admitted_by }
    }
}

/// By whom the request was admitted; nobody where no layer looked at it.
pub(super) fn admitted_by(extensions: &Extensions) -> Option<&AdmittedBy> {
    let absence = extensions.get::<Absence>().map(|absence| &absence.admitted_by);
    absence.or_else(|| extensions.get::<Claims>().map(Claims::admitted_by))
}

/// What may be asked for.
pub(crate) trait Wanted: Clone + Send + Sync + 'static {
    /// What is to be done where this is what the check does not give.
    const INSTEAD: &'static str;
    /// Whether it is there for whoever was admitted, and only where the layer was told so.
    const IS_OPTED_IN: bool = false;
}

#[cfg(any(feature = "axum", feature = "tonic"))]
impl Wanted for Session {
    const INSTEAD: &'static str = "sessions are not read in networkless mode: use `Claims`, or check with `SessionCheck::Get`";
}

impl Wanted for Claims {
    const INSTEAD: &'static str =
        "a session identifier came without a token: use `Session`, or extract session tokens";
}

#[cfg(any(feature = "axum", feature = "tonic"))]
impl Wanted for SessionWatch {
    const INSTEAD: &'static str =
        "the session is not watched: have `AuthenticateLayer` do so, by `.watch()`";
    const IS_OPTED_IN: bool = true;
}

/// What is asked for; or why it is not there.
pub(super) fn look_for<T: Wanted>(extensions: &Extensions) -> Result<&T, Rejection> {
    if let Some(found) = extensions.get() {
        return Ok(found);
    }
    let (reason, detail) = match extensions.get::<Absence>().map(|absence| absence.cause) {
        Some(Cause::Anonymous | Cause::Preflight) => return Err(Rejection::missing_credential()),
        Some(Cause::Exempt) => (
            "route-exempt",
            "this route is exempt from authentication: ask for `Option<Session>`, or end the exemption",
        ),
        _ if T::IS_OPTED_IN && admitted_by(extensions).is_some() => ("not-opted-in", T::INSTEAD),
        Some(Cause::Undescribed) => return Err(Rejection::unavailable()),
        None => return Err(layer_missing()),
        Some(Cause::Networkless | Cause::WithoutToken) => ("not-with-this-check", T::INSTEAD),
    };
    Err(Rejection::misconfigured(reason).with_detail(detail))
}

/// What the handler asks for; or why it is not there, which is loud where it is the service's own mistake.
#[cfg(any(feature = "axum", feature = "tonic"))]
pub(crate) fn find<T: Wanted>(extensions: &Extensions) -> Result<&T, Rejection> {
    look_for(extensions).inspect_err(log_mistake)
}

/// What the handler asks for, if it is there, unless nobody looked or nobody can tell: a caller whose session cannot be
/// described just now is not one who has none.
#[cfg(feature = "axum")]
pub(crate) fn find_optional<T: Wanted>(extensions: &Extensions) -> Result<Option<&T>, Rejection> {
    if let Some(found) = extensions.get() {
        return Ok(Some(found));
    }
    match extensions.get::<Absence>().map(|absence| absence.cause) {
        Some(Cause::Anonymous | Cause::Preflight | Cause::Exempt) => Ok(None),
        Some(Cause::Networkless | Cause::WithoutToken) if !T::IS_OPTED_IN => Ok(None),
        _ => find(extensions).map(Some),
    }
}

fn layer_missing() -> Rejection {
    Rejection::misconfigured("authenticate-layer-missing").with_detail(
        "no session was looked for: add `tower_clerk::AuthenticateLayer` to this route",
    )
}

/// In how the service is put together.
#[cfg(any(feature = "axum", feature = "tonic"))]
fn log_mistake(rejection: &Rejection) {
    if rejection.kind() == crate::RejectionKind::Misconfigured {
        tracing::error!(reason = rejection.reason(), "{}", rejection.detail());
    }
}
