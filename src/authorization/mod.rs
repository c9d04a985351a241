//! Who may do what: Clerk's [`has`], as a type.
//!
//! An [`Authorization`] says what is required. It is parsed once, so that a typo in it is a
//! [`ConfigError`] at start-up instead of a "no" to everybody. [`Claims::has`] answers by the caller's
//! token alone; [`RequireAuthorization`](crate::RequireAuthorization) asks for a whole service.
//!
//! ```
//! use std::time::Duration;
//! use tower_clerk::{Authorization, ConfigError, Reverification, authorization::Level};
//!
//! let admins = Authorization::role("org:admin")?;
//! let reports = Authorization::permission("org:reports:read")?.and(Authorization::plan("org:pro")?);
//! let recently = Reverification::after(Level::SecondFactor, Duration::from_secs(30 * 60))?;
//! let billing = admins.clone().and(Authorization::reverification(recently));
//!
//! let typo = Authorization::permission("org:reports/read").unwrap_err();
//! assert!(typo.to_string().contains("org:<feature>:<action>"));
//! # Ok::<(), ConfigError>(())
//! ```
//!
//! # What each asks
//!
//! | | is met by |
//! | --- | --- |
//! | [`role`](Authorization::role), [`permission`](Authorization::permission) | the user's in the active organization; `org:` in front may be left out |
//! | [`organization`](Authorization::organization) | any active organization |
//! | [`feature`](Authorization::feature), [`plan`](Authorization::plan) | `org:x` the organization's, `user:x` the user's, `x` either's |
//! | [`reverification`](Authorization::reverification) | the user proved who they are less than so long ago |
//!
//! What is missing or malformed in a token grants nothing, and a token made from a JWT template grants
//! nothing at all: its author may have written anything under Clerk's names, even what users write
//! themselves.
//!
//! # How old the answer is
//!
//! Roles, permissions, features and plans are as old as the claims: as of when Clerk last assembled them
//! from its database, mostly less than a minute ago. Somebody whose role was taken away keeps it until
//! their token is renewed from there.
//!
//! # Where it differs from Clerk's own SDK
//!
//! * The age of a factor grows after the token was made: a token that lives for a day would else pass
//!   for a fresh proof all day.
//! * A malformed feature or plan in a token grants nothing; there it makes all others grant nothing too.
//! * Features and plans count only in tokens of version 2, which define them.
//! * What Clerk's SDK answers with `false`, for ever, because it is misspelt is refused at start-up.
//!
//! [`has`]: https://clerk.com/docs/guides/secure/authorization-checks

mod condition;
mod keys;
mod level;
mod reverification;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::SystemTime};

pub(crate) use self::condition::Lack;
use self::{
    condition::Condition,
    keys::{EntitlementKey, PermissionKey, RoleKey},
};
pub use self::{
    level::Level,
    reverification::{CustomReverification, Reverification},
};
use crate::{Claims, ConfigError};

/// What is required of a caller, parsed. A cheap handle.
///
/// See the [module](self) for what each part asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Never empty: who asks for nothing is asking for something else.
    all_of: Arc<[Condition]>,
}

impl Authorization {
    /// This role in the active organization, such as `org:admin`.
    ///
    /// # Errors
    ///
    /// Fails where no role can have this name: `org:` and lower-case letters, digits or underscores.
    pub fn role(role: &str) -> Result<Self, ConfigError> {
        RoleKey::parse(role).map(Condition::Role).map(Self::of)
    }

    /// This permission in the active organization, such as `org:reports:read`.
    ///
    /// # Errors
    ///
    /// Fails where no permission can have this name: `org:<feature>:<action>`, each of lower-case
    /// letters, digits or underscores.
    pub fn permission(permission: &str) -> Result<Self, ConfigError> {
        PermissionKey::parse(permission).map(Condition::Permission).map(Self::of)
    }

    /// This feature: `org:reports` the organization's, `user:reports` the user's, `reports` either's.
    ///
    /// # Errors
    ///
    /// Fails where the scope is another or no feature can have this name.
    pub fn feature(feature: &str) -> Result<Self, ConfigError> {
        EntitlementKey::parse("a feature", feature).map(Condition::Feature).map(Self::of)
    }

    /// This plan: `org:pro` the organization's, `user:pro` the user's, `pro` either's.
    ///
    /// # Errors
    ///
    /// Fails where the scope is another or no plan can have this name.
    pub fn plan(plan: &str) -> Result<Self, ConfigError> {
        EntitlementKey::parse("a plan", plan).map(Condition::Plan).map(Self::of)
    }

    /// An active organization, whichever and whatever the user is in it.
    #[must_use]
    pub fn organization() -> Self {
        Self::of(Condition::Organization)
    }

    /// That the user proved lately who they are. It is the caller's front end that can ask them to:
    /// see [`Reverification`].
    #[must_use]
    pub fn reverification(reverification: Reverification) -> Self {
        Self::of(Condition::Reverification(reverification))
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let both = [self.all_of, other.all_of];
        Self { all_of: both.iter().flat_map(|conditions| conditions.iter()).cloned().collect() }
    }

    fn of(condition: Condition) -> Self {
        Self { all_of: Arc::new([condition]) }
    }

    /// What the claims lack. Reverification is named only where nothing else is lacking, since it would
    /// not help, and then the strictest that is.
    pub(crate) fn lack(&self, claims: &Claims, now: SystemTime) -> Option<Lack<'_>> {
        let Some(grants) = claims.grants() else { return Some(Lack::SessionToken) };
        let mut strictest: Option<Reverification> = None;
        for unmet in self.all_of.iter().filter(|it| !it.is_met(claims, grants, now)) {
            let Some(proof) = unmet.reverification() else { return Some(Lack::Condition(unmet)) };
            if strictest.is_none_or(|strictest| strictest.rank() < proof.rank()) {
                strictest = Some(proof);
            }
        }
        strictest.map(Lack::Reverification)
    }
}

impl Claims {
    /// Whether the caller may: Clerk's [`has`](https://clerk.com/docs/guides/secure/authorization-checks).
    ///
    /// It is answered by the token alone, whose roles and permissions are as old as its claims: see
    /// [`authorization`](self). The first question decodes what the token grants; those after it,
    /// for as long as the token is known, allocate nothing.
    #[must_use]
    pub fn has(&self, authorization: &Authorization) -> bool {
        self.has_at(authorization, SystemTime::now())
    }

    /// The same, as of `now`.
    #[must_use]
    pub fn has_at(&self, authorization: &Authorization, now: SystemTime) -> bool {
        authorization.lack(self, now).is_none()
    }
}
