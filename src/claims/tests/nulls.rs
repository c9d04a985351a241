//! What Clerk renders for a value that is missing, and what authors of templates write.

use super::*;

fn of_template(claims: &Value) -> Result<Claims, InvalidClaims> {
    Claims::from_verified(claims.to_string().into_bytes(), Category::Template, None)
}

#[test]
fn a_claim_that_is_null_is_absent() {
    let needed = ["iss", "sub", "sid", "exp"];
    for name in CLERKS_CLAIMS.into_iter().filter(|name| !needed.contains(name)) {
        for version in [1, 2] {
            let mut claims = with(json!({ "v": version }));
            claims[name] = Value::Null;
            let claims = read(&claims).unwrap();
            assert_eq!(claims.get::<Value>(name).unwrap(), None, "{name}");
            assert_eq!(claims.get::<String>(name).unwrap(), None, "{name}");
        }
    }
    let nulls = read(&with(json!({
        "azp": null, "aud": null, "nbf": null, "iat": null, "jti": null, "sts": null, "fva": null,
        "act": null, "org_id": null, "org_slug": null, "org_role": null, "org_permissions": null,
    })))
    .unwrap();
    assert!(nulls.authorized_party().is_none() && !nulls.has_audience() && !nulls.is_pending());
    assert_eq!((nulls.issued_at(), nulls.not_before(), nulls.token_id()), (None, None, None));
    assert!(nulls.factor_ages().is_none() && nulls.actor().is_none());
    assert!(nulls.organization().is_none());
}

#[test]
fn so_is_a_member_of_one() {
    let claims = read(&with(json!({
        "v": 2, "fea": null, "pla": null, "act": {"sub": "user_9", "iss": null, "sid": null},
        "o": {"id": "org_1", "slg": null, "rol": null, "per": null, "fpm": null},
    })))
    .unwrap();
    let organization = claims.organization().unwrap();
    assert_eq!((organization.slug, organization.role), (None, None));
    assert!(organization.permissions.is_empty());
    assert_eq!(claims.actor().unwrap().session_id(), None);
}

#[test]
fn a_template_of_a_user_without_an_organization_is_read() {
    let claims = json!({
        "iss": "https://clerk.example.com", "sub": "user_1", "exp": 60,
        "org_id": null, "org_role": "", "email": null,
    });
    let claims = of_template(&claims).unwrap();
    assert!(claims.organization().is_none());
    assert_eq!(claims.get::<String>("email").unwrap(), None);
}

#[test]
fn names_that_are_reserved_in_session_tokens_only_are_the_authors_own_in_a_templates() {
    let of_sessions = [
        "sid",
        "sts",
        "fva",
        "act",
        "org_id",
        "org_slug",
        "org_role",
        "org_permissions",
        "o",
        "fea",
        "pla",
        "v",
    ];
    let mut claims = base();
    claims["v"] = json!(2);
    for own in [
        json!("mine"),
        json!(""),
        json!(7),
        json!(-1.5),
        json!(true),
        json!([[1]]),
        json!({"a": 1}),
    ] {
        for name in of_sessions {
            let mut claims = claims.clone();
            claims[name] = own.clone();
            let read = of_template(&claims).unwrap();
            assert_eq!(read.get::<Value>(name).unwrap().as_ref(), Some(&own), "{name}");
        }
        let mut all = claims.clone();
        of_sessions[..11].iter().for_each(|name| all[*name] = own.clone());
        let read = of_template(&all).unwrap();
        assert!(read.session_id().is_none() && !read.is_pending());
        assert!(read.factor_ages().is_none() && read.actor().is_none());
        assert!(read.organization().is_none() && read.features().is_empty());
    }
    for name in CLERKS_CLAIMS.into_iter().filter(|name| !of_sessions.contains(name)) {
        let mut claims = claims.clone();
        claims[name] = json!({ "a": 1 });
        match (name, of_template(&claims)) {
            ("jti", read) => assert_eq!(read.unwrap().token_id(), None),
            ("aud", read) => assert!(read.unwrap().has_audience()),
            (_, read) => assert_eq!(read.unwrap_err(), InvalidClaims::Claim(name)),
        }
    }
}

#[test]
fn what_is_readable_in_a_templates_token_is_read_unless_it_would_grant_something() {
    let claims = of_template(&with(json!({
        "org_id": "org_1", "org_role": "org:admin", "fva": [1, -1], "act": {"sub": "user_9"},
        "sts": "pending",
    })))
    .unwrap();
    assert_eq!(claims.session_id().unwrap().as_str(), "sess_1");
    assert!(claims.actor().is_some() && claims.is_pending());
    assert!(claims.organization().is_none() && claims.factor_ages().is_none());
    assert_eq!(claims.get::<String>("org_role").unwrap().unwrap(), "org:admin");
}
