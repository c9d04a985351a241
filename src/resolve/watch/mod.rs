//! Sessions that are watched for as long as something goes on in their name.

mod changes;
mod course;
mod pace;
mod standing;
mod step;
#[cfg(test)]
mod tests;
mod trouble;

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::Notify;

pub(super) use self::trouble::Trouble;
use self::{
    pace::Pace,
    standing::Voucher,
    step::{State, Watch},
};
use super::{Rejection, Resolved, SessionResolver};
use crate::{Claims, Policy, admitted_by::AdmittedBy, random::random};

/// Tells when a session is over, to whatever goes on in its name: an event stream, a WebSocket, a gRPC stream.
///
/// It comes from [`AuthenticateLayer::watch`](crate::AuthenticateLayer::watch), in the request's extensions, or from
/// [`SessionResolver::watch`]. Clones watch together, and renew together. The [guide](crate::guide::streams) tells what to say to
/// clients.
///
/// # What ends it
///
/// Where Clerk is asked ([`Get`](crate::SessionCheck::Get), [`Verify`](crate::SessionCheck::Verify)), the session vouches, and not the token
/// that it began with, whose `exp` ends nothing. It ends
///
/// * at once where the session is revoked here, or elsewhere and a [log](crate::fleet) or a webhook tells so, and where
///   [its user is denied](SessionResolver::deny), in its organization or everywhere;
/// * at the session's `expire_at`, and at its `abandon_at` unless activity has moved that: Clerk is asked once;
/// * where Clerk says that it is over, or pending and the policy does not accept that. It is asked every
///   [`recheck`](crate::SessionResolverBuilder::recheck).
///
/// Clerk being unavailable ends nothing, nor does a secret key that it refuses, which is logged.
///
/// Where only the token vouches ([`Networkless`](crate::SessionCheck::Networkless), or admitted by
/// [`networkless_if_error`](crate::SessionResolverBuilder::networkless_if_error)), it ends with the token, unless that is
/// [renewed](SessionWatch::renew) before, and at once as above.
///
/// Once it is over it stays so.
///
/// ```
/// use tower_clerk::{Policy, Credential, RejectionKind, testing::SessionsApi};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clerk = SessionsApi::start().await;
/// let resolver = clerk.resolver();
/// let session = clerk.sign_in("user_ada");
/// let token = clerk.token(&session);
/// let resolved = resolver.resolve(Credential::session_token(token.as_bytes()), &Policy::new()).await?;
///
/// let watch = resolver.watch(&resolved, &Policy::new());
/// assert!(watch.is_over().is_none());
/// resolver.revoke(&session).await?;
/// assert_eq!(watch.ended().await.kind(), RejectionKind::InactiveSession);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SessionWatch {
    watch: Arc<Watch>,
    /// Through which layer, where it watches a request's caller.
    admitted_by: AdmittedBy,
}

impl SessionResolver {
    /// Watches what was resolved, as long as the policy is met.
    ///
    /// One that names no session and no token, or two that do not belong together, is over from the start.
    #[must_use]
    pub fn watch(&self, resolved: &Resolved, policy: &Policy) -> SessionWatch {
        let voucher = Voucher::of(resolved, self.check());
        let ids = [
            resolved.session.as_ref().map(crate::Session::id),
            resolved.claims.as_ref().and_then(Claims::session_id),
        ];
        let id = ids.into_iter().flatten().next();
        let watch = Arc::new(Watch {
            slot: id.map(|id| self.inner.sessions.slot(id)),
            policy: policy.clone(),
            recheck: parted(self.inner.recheck),
            state: Mutex::new(State { voucher, pace: Pace::new(self.inner.moment()), over: None }),
            renewed: Notify::new(),
            resolver: self.clone(),
        });
        SessionWatch { watch, admitted_by: AdmittedBy::default() }
    }
}

impl SessionWatch {
    /// The watch of a request's caller.
    pub(crate) fn of_request_admitted_by(self, admitted_by: AdmittedBy) -> Self {
        Self { admitted_by, ..self }
    }

    /// Returns once the session is over: what a request would be answered.
    ///
    /// It can be dropped and called again at any time, as in `select!`; no ending is missed between two calls. But only
    /// while it is awaited is Clerk asked from time to time. It must be awaited within a Tokio runtime.
    pub async fn ended(&self) -> Rejection {
        self.watch.ended().await.behind(&self.admitted_by)
    }

    /// Whether the session is over, as far as that is known now: what a request would be answered.
    ///
    /// Where it is time to ask Clerk, it has that done and does not wait for it. Past `abandon_at`, which activity moves, it says
    /// that the session is over until Clerk has answered: [`ended`](SessionWatch::ended) waits for that.
    #[must_use]
    pub fn is_over(&self) -> Option<Rejection> {
        self.watch.is_over().map(|rejection| rejection.behind(&self.admitted_by))
    }

    /// Goes on with another token of the same session, which came in band: a client sends it before the last one expires.
    /// It is verified as that of a request, by the same policy, and its claims count from now on, unless they are older.
    ///
    /// # Errors
    ///
    /// Fails where a request with this token would be refused, or where it is a token of another session, user or
    /// organization, and where the watch is over. Then nothing has changed.
    pub async fn renew(&self, token: &str) -> Result<Claims, Rejection> {
        let renewed = self.watch.renew(token).await;
        renewed
            .map(|claims| claims.of_request_admitted_by(self.admitted_by.clone()))
            .map_err(|rejection| rejection.behind(&self.admitted_by))
    }
}

/// Give or take a tenth, by chance.
fn parted(recheck: Duration) -> Duration {
    let thousandths = u32::try_from(900 + random() % 201).unwrap_or(1000);
    recheck * thousandths / 1000
}

impl fmt::Debug for SessionWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionWatch")
            .field("session_id", &self.watch.slot.as_ref().map(|slot| slot.id()))
            .field("over", &self.watch.state().over.as_ref().map(Rejection::reason))
            .finish_non_exhaustive()
    }
}
