//! What a user may, who signs in.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::testing::{
    answer::Refusal,
    parameters::{only, optional, required},
    session::{Membership, SessionRecord},
};

/// Reads how the new session differs from an ordinary one.
pub(super) fn read(
    parameters: &Map<String, Value>,
    now: SystemTime,
) -> Result<impl FnOnce(&mut SessionRecord) + use<>, Refusal> {
    let organization = match parameters.get("organization") {
        None | Some(Value::Null) => None,
        Some(Value::Object(organization)) => Some(membership(organization)?),
        Some(_) => return Err(Refusal::format("organization", "an object")),
    };
    let (features, plans) = (names(parameters, "features")?, names(parameters, "plans")?);
    let factors = factors(parameters, now)?;
    Ok(move |session: &mut SessionRecord| {
        session.organization = organization;
        if let Some(features) = features {
            session.features = features;
        }
        if let Some(plans) = plans {
            session.plans = plans;
        }
        if let Some(factors) = factors {
            [session.first_factor_at, session.second_factor_at] = factors;
        }
    })
}

fn membership(parameters: &Map<String, Value>) -> Result<Membership, Refusal> {
    only(parameters, &["id", "role", "permissions", "features", "plans"])?;
    let id = required(parameters, "id")?;
    let id = id.parse().map_err(|_| Refusal::format("id", "the ID of an organization"))?;
    let mut member = Membership::new(id);
    if let Some(role) = optional(parameters, "role")? {
        member = member.with_role(role);
    }
    if let Some(permissions) = names(parameters, "permissions")? {
        member.permissions = permissions;
    }
    if let Some(features) = names(parameters, "features")? {
        member.features = features;
    }
    if let Some(plans) = names(parameters, "plans")? {
        member.plans = plans;
    }
    Ok(member)
}

fn names(
    parameters: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<Vec<String>>, Refusal> {
    let Some(list) = parameters.get(name).filter(|list| !list.is_null()) else { return Ok(None) };
    let names = list.as_array().map(|list| list.iter().map(|it| it.as_str().map(str::to_owned)));
    let names = names.and_then(|names| names.collect::<Option<Vec<_>>>());
    names.map(Some).ok_or_else(|| Refusal::format(name, "a list of names"))
}

/// When each factor was proved.
fn factors(
    parameters: &Map<String, Value>,
    now: SystemTime,
) -> Result<Option<[Option<SystemTime>; 2]>, Refusal> {
    let malformed = || Refusal::format("factor_ages", "two ages in minutes, each -1 if not proved");
    let ages = match parameters.get("factor_ages") {
        None | Some(Value::Null) => return Ok(None),
        Some(ages) => ages.as_array().ok_or_else(malformed)?,
    };
    let proved_at = |age: &Value| match age.as_i64() {
        Some(-1) => Ok(None),
        age => {
            let minutes = age.and_then(|age| u32::try_from(age).ok()).ok_or_else(malformed)?;
            let ago = Duration::from_secs(u64::from(minutes) * 60);
            now.checked_sub(ago).map(Some).ok_or_else(malformed)
        }
    };
    match &**ages {
        [first, second] => Ok(Some([proved_at(first)?, proved_at(second)?])),
        _ => Err(malformed()),
    }
}
