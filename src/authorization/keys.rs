//! The names that roles, permissions, features and plans can have at Clerk.

use std::fmt;

use crate::{
    ConfigError,
    claims::{Entitlements, bare},
};

/// The name of a role, without `org:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleKey(Box<str>);

impl RoleKey {
    pub(super) fn parse(text: &str) -> Result<Self, ConfigError> {
        let key = bare(text);
        if !is_segment(key) {
            return Err(ConfigError::malformed(
                "a role",
                "`org:<role>` in lower-case letters, digits and underscores",
            ));
        }
        Ok(Self(Box::from(key)))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "org:{}", self.0)
    }
}

/// The name of a permission, without `org:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PermissionKey(Box<str>);

impl PermissionKey {
    pub(super) fn parse(text: &str) -> Result<Self, ConfigError> {
        let key = bare(text);
        match key.split_once(':') {
            Some((feature, action)) if is_segment(feature) && is_segment(action) => {
                Ok(Self(Box::from(key)))
            }
            _ => Err(ConfigError::malformed(
                "a permission",
                "`org:<feature>:<action>` in lower-case letters, digits and underscores",
            )),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PermissionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "org:{}", self.0)
    }
}

/// The name of a feature or a plan, and who must have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntitlementKey {
    whose: Whose,
    name: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Organization,
    User,
    Either,
}

impl EntitlementKey {
    pub(super) fn parse(what: &'static str, text: &str) -> Result<Self, ConfigError> {
        let malformed = || {
            ConfigError::malformed(
                what,
                "`org:<name>`, `user:<name>` or `<name>`, in letters, digits, underscores and hyphens",
            )
        };
        let (whose, name) = match text.split_once(':') {
            None => (Whose::Either, text),
            Some(("org" | "o" | "organization", name)) => (Whose::Organization, name),
            Some(("user" | "u", name)) => (Whose::User, name),
            Some(_) => return Err(malformed()),
        };
        // Clerk does not say which names it gives, so that this is no narrower than what a token can hold.
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err(malformed());
        }
        Ok(Self { whose, name: Box::from(name) })
    }

    pub(super) fn is_among(&self, held: &Entitlements) -> bool {
        match self.whose {
            Whose::Organization => held.of_organization.contains(&self.name),
            Whose::User => held.of_user.contains(&self.name),
            Whose::Either => {
                held.of_organization.contains(&self.name) || held.of_user.contains(&self.name)
            }
        }
    }
}

impl fmt::Display for EntitlementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = match self.whose {
            Whose::Organization => "org:",
            Whose::User => "user:",
            Whose::Either => "",
        };
        write!(f, "{scope}{}", self.name)
    }
}

/// What Clerk allows between the colons of a role or a permission.
fn is_segment(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !text.is_empty() && text.bytes().all(is_allowed)
}
