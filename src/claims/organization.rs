use serde::Deserialize;

use super::{Entitlement, member::Text};
use crate::OrganizationId;

/// The organization that is active in the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    pub(crate) id: OrganizationId,
    pub(crate) slug: Option<String>,
    pub(crate) role: Option<String>,
    pub(crate) permissions: Vec<String>,
}

/// `org_id`, `org_slug`, `org_role` and `org_permissions`.
pub(super) struct OrganizationV1<'a> {
    pub(super) id: OrganizationId,
    pub(super) slug: Option<Text<'a>>,
    pub(super) role: Option<Text<'a>>,
    pub(super) permissions: Vec<Text<'a>>,
}

/// The claim `o`. Its permissions are packed: `fpm` holds a bit mask for each feature of the
/// organization, `per` says what the bits mean.
#[derive(Deserialize)]
pub(super) struct OrganizationV2<'a> {
    id: OrganizationId,
    #[serde(borrow)]
    slg: Option<Text<'a>>,
    #[serde(borrow)]
    rol: Option<Text<'a>>,
    #[serde(borrow)]
    per: Option<Text<'a>>,
    #[serde(borrow)]
    fpm: Option<Text<'a>>,
}

impl Organization {
    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> &OrganizationId {
        &self.id
    }

    /// Its slug, where it has one.
    #[must_use]
    pub fn slug(&self) -> Option<&str> {
        self.slug.as_deref()
    }

    /// The user's role in it, such as `org:admin`.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// What the user may do in it, such as `org:reports:read`.
    pub fn permissions(&self) -> impl ExactSizeIterator<Item = &str> {
        self.permissions.iter().map(String::as_str)
    }

    /// Whether the user has this role in it: `org:admin`, or `admin`, which means the same to Clerk.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        let asked = bare(role);
        !asked.is_empty() && self.role.as_deref().map(bare) == Some(asked)
    }

    /// Whether the user has this permission in it: `org:reports:read`, or `reports:read`, which means
    /// the same to Clerk.
    #[must_use]
    pub fn has_permission(&self, permission: &str) -> bool {
        let asked = Some(bare(permission));
        self.permissions.iter().any(|held| held.strip_prefix("org:") == asked)
    }

    pub(super) fn from_v1(claims: OrganizationV1<'_>) -> Self {
        Self {
            id: claims.id,
            slug: claims.slug.as_deref().map(str::to_owned),
            role: claims.role.as_deref().map(str::to_owned),
            permissions: claims.permissions.iter().map(|name| str::to_owned(name)).collect(),
        }
    }

    pub(super) fn from_v2(claim: OrganizationV2<'_>, features: &str) -> Self {
        Self {
            id: claim.id,
            slug: claim.slg.as_deref().map(str::to_owned),
            role: claim.rol.as_deref().map(|role| format!("org:{role}")),
            permissions: unpack(
                features,
                claim.per.as_deref().unwrap_or_default(),
                claim.fpm.as_deref().unwrap_or_default(),
            ),
        }
    }
}

/// The name of a role or a permission without `org:`, however often it stands there, as Clerk's own
/// SDK reads it.
pub(crate) fn bare(name: &str) -> &str {
    name.trim_start_matches("org:")
}

fn unpack(features: &str, permissions: &str, masks: &str) -> Vec<String> {
    let permissions: Vec<&str> = permissions.split(',').map(str::trim).collect();
    let masks = masks.split(',').map(|mask| Mask::read(mask.trim(), permissions.len()));
    let mut unpacked = Vec::new();
    for (feature, mask) in Entitlement::organization_features(features).zip(masks) {
        let (Some(feature), Some(mask)) = (feature, mask) else { continue };
        for (bit, permission) in permissions.iter().enumerate() {
            if mask.is_set(bit) && !permission.is_empty() {
                unpacked.push(format!("org:{feature}:{permission}"));
            }
        }
    }
    unpacked
}

/// The low bits of a decimal number of any size, least significant limb first.
struct Mask(Vec<u32>);

impl Mask {
    /// Reads as many bits as are asked for: those above have no meaning, and leaving them out
    /// is exact, since carries only move up.
    fn read(decimal: &str, bits: usize) -> Option<Self> {
        if decimal.is_empty() || !decimal.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let mut limbs = vec![0_u32; bits.div_ceil(32)];
        for digit in decimal.bytes() {
            let mut carry = u64::from(digit - b'0');
            for limb in &mut limbs {
                let wide = u64::from(*limb) * 10 + carry;
                *limb = wide as u32;
                carry = wide >> 32;
            }
        }
        Some(Self(limbs))
    }

    fn is_set(&self, bit: usize) -> bool {
        self.0.get(bit / 32).is_some_and(|limb| limb >> (bit % 32) & 1 == 1)
    }
}
