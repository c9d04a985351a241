//! Claims without a token, for tests of what is done with them.

use serde_json::{Map, Value, json};

use crate::{Claims, claims::Category};

/// Claims with these members, as if a session token had been verified that says so: for tests of a handler or a check of roles that need
/// no server. What must be there and is not given is made up: `iss`, `sub`, `sid`, `iat` and `exp`.
///
/// ```
/// use serde_json::json;
/// use tower_clerk::{Claims, testing};
///
/// fn may_read_reports(claims: &Claims) -> bool {
///     claims.organization().is_some_and(|organization| organization.has_role("org:admin"))
/// }
///
/// assert!(may_read_reports(&testing::claims(json!({ "org_id": "org_1", "org_role": "org:admin" }))));
/// assert!(!may_read_reports(&testing::claims(json!({ "org_id": "org_1", "org_role": "org:member" }))));
/// assert!(!may_read_reports(&testing::claims(json!({ "sub": "user_ada" }))));
/// ```
///
/// # Panics
///
/// Panics if it is not a JSON object, or no session token of Clerk's could say so.
#[must_use]
pub fn claims(members: Value) -> Claims {
    let Value::Object(members) = members else { panic!("claims are a JSON object: {members}") };
    let mut claims = Map::from_iter([
        ("iss".to_owned(), json!("https://clerk.example.test")),
        ("sub".to_owned(), json!("user_test")),
        ("sid".to_owned(), json!("sess_test")),
        ("iat".to_owned(), json!(1_700_000_000)),
        // Whoever looks is early enough.
        ("exp".to_owned(), json!(4_000_000_000_u64)),
    ]);
    claims.extend(members);
    let payload = Value::Object(claims).to_string();
    match Claims::from_verified(payload.clone().into_bytes(), Category::Session, None) {
        Ok(claims) => claims,
        Err(error) => panic!("no session token says so ({error:?}): {payload}"),
    }
}
