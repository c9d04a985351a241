use serde_json::json;

use crate::{
    Claims,
    claims::{Category, Entitlement, Organization},
};

/// The packed permissions of version 2 grant exactly what one gets by dividing each mask by two,
/// digit by digit. Version 1 says the same in its own way, and the features read the same when
/// they are written again.
pub fn permissions(features: &str, permissions: &str, masks: &str) {
    let read = read(features, permissions, masks);
    let organization = organization(&read);
    let granted = granted(features, permissions, masks);
    assert_eq!(organization.permissions, granted);
    for permission in &granted {
        // Of a feature that is itself named `org` Clerk's own reading finds none.
        let named = !permission[4..].starts_with("org:");
        assert_eq!(organization.has_permission(permission), named);
        assert_eq!(organization.has_permission(&permission[4..]), named);
        for other in [format!("{permission} "), permission.to_uppercase()] {
            assert_eq!(organization.has_permission(&other), named && granted.contains(&other));
        }
    }

    let version_1 = claims(json!({
        "org_id": "org_1", "org_role": "org:admin", "org_permissions": granted,
    }));
    assert_eq!(self::organization(&version_1), organization);

    let entitlements = read.features();
    let rewritten: Vec<String> = entitlements.iter().map(write).collect();
    let again = self::read(&rewritten.join(","), permissions, masks);
    assert_eq!(again.features(), entitlements);
    assert_eq!(again.plans(), entitlements);
}

fn read(features: &str, permissions: &str, masks: &str) -> Claims {
    claims(json!({
        "v": 2, "fea": features, "pla": features,
        "o": { "id": "org_1", "rol": "admin", "per": permissions, "fpm": masks },
    }))
}

fn claims(mut claims: serde_json::Value) -> Claims {
    claims["iss"] = "https://clerk.example.com".into();
    claims["sub"] = "user_1".into();
    claims["sid"] = "sess_1".into();
    claims["exp"] = 60.into();
    Claims::from_verified(claims.to_string().into_bytes(), Category::Session, None)
        .expect("good claims")
}

fn organization(claims: &Claims) -> Organization {
    claims.organization().expect("an organization")
}

fn write(entitlement: &Entitlement) -> String {
    let scope = match (entitlement.of_organization, entitlement.of_user) {
        (true, true) => "uo",
        (true, false) => "o",
        (false, true) => "u",
        (false, false) => panic!("{} is nobody's", entitlement.name),
    };
    format!("{scope}:{}", entitlement.name)
}

fn granted(features: &str, permissions: &str, masks: &str) -> Vec<String> {
    let mut masks = masks.split(',').map(str::trim);
    let mut granted = Vec::new();
    for entry in features.split(',').map(str::trim) {
        let parts: Vec<&str> = entry.split(':').collect();
        if !parts[0].contains('o') {
            continue;
        }
        let Some(mask) = masks.next() else { break };
        let is_number = !mask.is_empty() && mask.chars().all(|c| c.is_ascii_digit());
        let (["o" | "uo" | "ou", feature], true) = (&parts[..], is_number) else { continue };
        if feature.is_empty() {
            continue;
        }
        let mut digits: Vec<u8> = mask.bytes().map(|digit| digit - b'0').collect();
        for permission in permissions.split(',').map(str::trim) {
            if halve(&mut digits) && !permission.is_empty() {
                granted.push(format!("org:{feature}:{permission}"));
            }
        }
    }
    granted
}

/// Halves the number; whether there was a remainder.
fn halve(digits: &mut [u8]) -> bool {
    let mut remainder = 0;
    for digit in digits {
        let dividend = remainder * 10 + *digit;
        *digit = dividend / 2;
        remainder = dividend % 2;
    }
    remainder == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_permission_is_granted_only_by_its_bit(
            features in "((o|u|uo|ou|oo|x|):[a-c:]{0,2},?){0,6}",
            per in "( ?[a-d]{0,2},){0,80}",
            masks in "( ?[0-9]{0,3},|[0-9]{10,40},|[-x]1,|[0-9]{3,40},){0,6}[0-9]{0,3}",
        ) {
            permissions(&features, &per, &masks);
        }

        #[test]
        fn no_text_grants_by_mistake(features in "\\PC{0,9}", per in "\\PC{0,9}", masks in "\\PC{0,9}") {
            permissions(&features, &per, &masks);
            permissions(&format!("o:{features}"), &per, &format!("{masks},3"));
        }
    }
}
