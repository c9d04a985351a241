//! Which of the two pairs counts, `__session` and `__client_uat` or those with the suffix: as Clerk's
//! own SDKs choose (`usesSuffixedCookies` of `@clerk/backend`).

use std::time::SystemTime;

use super::{client_uat::ClientUat, unverified::Unverified};
use crate::claims::NumericDate;

/// The cookies of one suffix.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Pair<'a> {
    /// The first of those that may be ours.
    pub(super) session: Option<&'a [u8]>,
    /// Whether there is another one beside it.
    pub(super) is_ambiguous: bool,
    pub(super) client_uat: ClientUat<'a>,
}

impl Pair<'_> {
    fn is_there(&self) -> bool {
        self.session.is_some() || self.client_uat.is_there()
    }

    fn read(&self) -> Unverified {
        self.session.and_then(Unverified::read).unwrap_or_default()
    }

    fn issued_at(&self) -> NumericDate {
        self.read().issued_at.unwrap_or_default()
    }

    fn has_expired(&self, now: SystemTime) -> bool {
        self.read().expires_at.is_some_and(|expires_at| expires_at.to_system_time() <= now)
    }
}

/// Whether the plain pair counts, given that its session is of an issuer that we accept. The first
/// rule that applies decides. Equal sessions are not read.
pub(super) fn plain_counts(
    plain: &Pair<'_>,
    suffixed: &Pair<'_>,
    is_development: bool,
    now: impl FnOnce() -> SystemTime,
) -> bool {
    let (plain_uat, suffixed_uat) = (plain.client_uat, suffixed.client_uat);
    if !suffixed.is_there() {
        return true;
    }
    // Both say that the user is signed in, and the plain one was written later.
    if plain.session.is_some()
        && !plain_uat.is_zero()
        && !suffixed_uat.is_zero()
        && plain.session != suffixed.session
        && plain.issued_at() > suffixed.issued_at()
    {
        return true;
    }
    if suffixed_uat.is_zero() && plain_uat.is_there() && !plain_uat.is_zero() {
        return true;
    }
    // An older clerk-js has signed out, which knows of no suffix.
    if is_development
        && !suffixed_uat.is_zero()
        && plain_uat.is_zero()
        && suffixed.has_expired(now())
    {
        return true;
    }
    // The instance has suffixes switched off.
    suffixed.session.is_some() && !suffixed_uat.is_there() && plain.session.is_some()
}
