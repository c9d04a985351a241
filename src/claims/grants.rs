//! What a session token grants, decoded into a form that is quick to ask.

use super::{Entitlement, Organization, organization::bare};

/// What a session token grants.
#[derive(Debug)]
pub(crate) struct Grants {
    pub(crate) membership: Option<Membership>,
    pub(crate) features: Entitlements,
    pub(crate) plans: Entitlements,
}

/// What the user is in the active organization.
#[derive(Debug)]
pub(crate) struct Membership {
    role: Option<Box<str>>,
    permissions: Names,
}

/// Features or plans, by who has them.
#[derive(Debug)]
pub(crate) struct Entitlements {
    pub(crate) of_organization: Names,
    pub(crate) of_user: Names,
}

/// Names in order, so that one is found without trying them all.
#[derive(Debug)]
pub(crate) struct Names(Box<[Box<str>]>);

impl Grants {
    pub(super) fn new(
        organization: Option<&Organization>,
        features: &[Entitlement],
        plans: &[Entitlement],
    ) -> Self {
        Self {
            membership: organization.map(Membership::new),
            features: Entitlements::new(features),
            plans: Entitlements::new(plans),
        }
    }
}

impl Membership {
    fn new(organization: &Organization) -> Self {
        let permissions = organization.permissions.iter();
        Self {
            role: organization.role.as_deref().map(|role| Box::from(bare(role))),
            // Those that do not begin so answer to no name that can be asked for.
            permissions: permissions.filter_map(|held| held.strip_prefix("org:")).collect(),
        }
    }

    /// By the name without `org:`.
    pub(crate) fn has_role(&self, role: &str) -> bool {
        self.role.as_deref() == Some(role)
    }

    /// By the name without `org:`.
    pub(crate) fn has_permission(&self, permission: &str) -> bool {
        self.permissions.contains(permission)
    }
}

impl Entitlements {
    fn new(all: &[Entitlement]) -> Self {
        let names = |of: fn(&Entitlement) -> bool| {
            all.iter().filter(|it| of(it)).map(|it| it.name.as_str()).collect()
        };
        Self { of_organization: names(|it| it.of_organization), of_user: names(|it| it.of_user) }
    }
}

impl Names {
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.binary_search_by(|held| (**held).cmp(name)).is_ok()
    }
}

impl<'a> FromIterator<&'a str> for Names {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        let mut names: Vec<Box<str>> = names.into_iter().map(Box::from).collect();
        names.sort_unstable();
        Self(names.into_boxed_slice())
    }
}
