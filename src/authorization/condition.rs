use std::{fmt, time::SystemTime};

use super::{EntitlementKey, PermissionKey, Reverification, RoleKey};
use crate::{Claims, claims::Grants};

/// One thing that is required.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    Organization,
    Role(RoleKey),
    Permission(PermissionKey),
    Feature(EntitlementKey),
    Plan(EntitlementKey),
    Reverification(Reverification),
}

impl Condition {
    pub(super) fn is_met(&self, claims: &Claims, grants: &Grants, now: SystemTime) -> bool {
        let membership = grants.membership.as_ref();
        match self {
            Self::Organization => membership.is_some(),
            Self::Role(role) => membership.is_some_and(|it| it.has_role(role.as_str())),
            Self::Permission(permission) => {
                membership.is_some_and(|it| it.has_permission(permission.as_str()))
            }
            Self::Feature(feature) => feature.is_among(&grants.features),
            Self::Plan(plan) => plan.is_among(&grants.plans),
            Self::Reverification(reverification) => reverification.is_met(claims, now),
        }
    }

    pub(super) fn reverification(&self) -> Option<Reverification> {
        match self {
            Self::Reverification(reverification) => Some(*reverification),
            _ => None,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organization => f.write_str("an active organization"),
            Self::Role(role) => write!(f, "the role `{role}`"),
            Self::Permission(permission) => write!(f, "the permission `{permission}`"),
            Self::Feature(feature) => write!(f, "the feature `{feature}`"),
            Self::Plan(plan) => write!(f, "the plan `{plan}`"),
            Self::Reverification(reverification) => write!(f, "{reverification}"),
        }
    }
}

/// What a caller lacks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lack<'a> {
    /// The token was made from a template.
    SessionToken,
    /// This, and proving oneself again would not help.
    Condition(&'a Condition),
    /// Nothing but this.
    Reverification(Reverification),
}
