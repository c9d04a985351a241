//! Organizations, permissions, features and plans.

use super::*;

#[test]
fn versions_1_and_2_tell_the_same_organization() {
    let v1 = json!({
        "org_id": "org_1", "org_slug": "acme", "org_role": "org:admin",
        "org_permissions": ["org:dashboard:read", "org:dashboard:manage", "org:teams:read"],
    });
    let v2 = json!({
        "v": 2, "fea": "o:dashboard,u:profile,o:teams",
        "o": {"id": "org_1", "slg": "acme", "rol": "admin", "per": "read,manage", "fpm": "3,1"},
    });
    let v1 = read(&with(v1)).unwrap().organization().unwrap();
    assert_eq!(Some(&v1), read(&with(v2)).unwrap().organization().as_ref());
    assert_eq!(v1.id, "org_1".parse::<OrganizationId>().unwrap());
    assert_eq!(v1.slug.as_deref(), Some("acme"));
    assert!(v1.has_role("org:admin") && v1.has_role("admin") && v1.has_role("org:org:admin"));
    assert!(!v1.has_role("org:member") && !v1.has_role("") && !v1.has_role("org:"));
    assert!(v1.has_permission("org:teams:read") && v1.has_permission("teams:read"));
    assert!(!v1.has_permission("org:teams:manage") && !v1.has_permission("read"));
}

#[test]
fn version_2_is_the_number_2_only() {
    let o = json!({ "id": "org_1", "rol": "admin" });
    for v in [json!("2"), json!(1), json!(2.0), json!(3), json!(null), json!([2]), json!(true)] {
        let claims = read(&with(json!({ "v": v, "o": o, "fea": "o:a", "pla": "o:b" }))).unwrap();
        assert!(claims.organization().is_none(), "{v}");
        assert!(claims.features().is_empty() && claims.plans().is_empty(), "{v}");
    }
    let without = read(&with(json!({ "o": 5, "fea": 5 }))).unwrap();
    assert!(without.organization().is_none());
    assert_eq!(without.get::<u8>("o").unwrap(), Some(5));
    assert!(read(&with(json!({ "o": o, "v": 2 }))).unwrap().organization().is_some());
}

#[test]
fn a_version_2_organization_of_the_wrong_form_is_none() {
    for o in [
        json!({}),
        json!({"id": "acme"}),
        json!({"id": "org_1", "per": ["read"]}),
        json!({"id": null}),
        json!({"id": "org_1", "rol": 1}),
        json!({"id": "org_1", "fpm": 3}),
        json!(["org_1", "acme", "admin", "read", "1"]),
    ] {
        assert!(read(&with(json!({ "v": 2, "o": o }))).unwrap().organization().is_none(), "{o}");
    }
    let twice = base().to_string().replace('}', r#","v":2,"o":{"id":"org_1","id":"org_2"}}"#);
    assert!(read_text(&twice).unwrap().organization().is_none());
}

fn permissions(fea: &str, per: &str, fpm: &str) -> Vec<String> {
    let o = json!({ "id": "org_1", "per": per, "fpm": fpm });
    let claims = read(&with(json!({ "v": 2, "fea": fea, "o": o }))).unwrap();
    claims.organization().unwrap().permissions
}

#[test]
fn masks_are_decimal_of_any_size() {
    let per = (0..200).map(|n| format!("p{n}")).collect::<Vec<_>>().join(",");
    // 2^127, and a number of 8,000 digits whose lowest bits are those of 1.
    assert_eq!(permissions("o:f", &per, "170141183460469231731687303715884105728"), ["org:f:p127"]);
    let huge = format!("1{}1", "0".repeat(8000));
    assert_eq!(permissions("o:f", &per, &huge), ["org:f:p0"]);
    assert_eq!(permissions("o:f", "read", &"9".repeat(8000)), ["org:f:read"]);
}

#[test]
fn malformed_and_surplus_masks_grant_nothing() {
    for fpm in ["", "-1", "+1", "0x1", "1.0", "1e3", "١", "one", " ", "1 1", "0", "2"] {
        assert!(permissions("o:f", "read", fpm).is_empty(), "{fpm:?}");
    }
    assert_eq!(permissions("o:f", "read", "1,1,1,1"), ["org:f:read"]);
    assert_eq!(permissions("o:f,o:g", "read", "1"), ["org:f:read"]);
    assert_eq!(permissions("o:f,o:g", "read", "x,1"), ["org:g:read"]);
    assert_eq!(permissions("o:f,o:g", "read", ",1"), ["org:g:read"]);
    assert_eq!(permissions("o:f", "read,,write", "7"), ["org:f:read", "org:f:write"]);
    assert!(permissions("", "read", "1").is_empty());
    assert!(permissions("o:f", "", "1").is_empty());
}

#[test]
fn masks_belong_to_the_organization_features_in_order() {
    let fea = "u:mine,o:a,uo:b,ou:c,u:mine2,o:d";
    assert_eq!(
        permissions(fea, "read,write", "1,2,3,0"),
        ["org:a:read", "org:b:write", "org:c:read", "org:c:write"]
    );
}

#[test]
fn a_malformed_feature_grants_nothing_and_keeps_its_mask() {
    for bad in ["o:", "o", "oo:x", "xo:x", "o:x:y", "foo"] {
        let fea = format!("{bad},o:good");
        assert_eq!(permissions(&fea, "read", "1,0"), Vec::<String>::new(), "{bad}");
        assert_eq!(permissions(&fea, "read", "1,1"), ["org:good:read"], "{bad}");
    }
    for no_place in ["", ":", "u", ":x", "u:", "x:y"] {
        let fea = format!("{no_place},o:good");
        assert_eq!(permissions(&fea, "read", "1"), ["org:good:read"], "{no_place}");
    }
}

#[test]
fn features_and_plans_say_whose_they_are() {
    let claims = read(&with(json!({
        "v": 2, "fea": "u:a,o:b,uo:c,ou:d,bad,:e,o:,x:f,o:g:h", "pla": "u:free",
    })))
    .unwrap();
    let told: Vec<_> =
        claims.features().into_iter().map(|it| (it.name, it.of_organization, it.of_user)).collect();
    let expected = [("a", false, true), ("b", true, false), ("c", true, true), ("d", true, true)];
    assert_eq!(told, expected.map(|(name, o, u)| (name.to_owned(), o, u)));
    assert_eq!(claims.plans()[0].name, "free");
}
