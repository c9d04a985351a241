//! Parameters in a JSON body.

use serde_json::{Map, Value};

use super::answer::Refusal;
use crate::id::SessionId;

/// A parameter that must be there. An empty one is not.
pub(super) fn required<'a>(
    parameters: &'a Map<String, Value>,
    name: &str,
) -> Result<&'a str, Refusal> {
    let value = optional(parameters, name)?.filter(|value| !value.is_empty());
    value.ok_or_else(|| Refusal::missing(name))
}

/// A parameter that may be missing or null.
pub(super) fn optional<'a>(
    parameters: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a str>, Refusal> {
    match parameters.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::format(name, "a string")),
    }
}

/// Refuses parameters beyond the known ones.
pub(super) fn only(parameters: &Map<String, Value>, known: &[&str]) -> Result<(), Refusal> {
    match parameters.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(Refusal::unknown_parameter(unknown)),
        None => Ok(()),
    }
}

/// A whole number that may be missing or null.
pub(super) fn whole(
    parameters: &Map<String, Value>,
    name: &str,
    highest: u64,
) -> Result<Option<u64>, Refusal> {
    match parameters.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().filter(|number| *number <= highest) {
            Some(number) => Ok(Some(number)),
            None => Err(Refusal::format(name, "a whole number within its range")),
        },
    }
}

/// A yes or no that may be missing or null.
pub(super) fn flag(parameters: &Map<String, Value>, name: &str) -> Result<Option<bool>, Refusal> {
    match parameters.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(Refusal::format(name, "true or false")),
    }
}

/// The ID of a session.
pub(super) fn session_id(parameters: &Map<String, Value>) -> Result<SessionId, Refusal> {
    let id = required(parameters, "session_id")?;
    id.parse().map_err(|_| Refusal::format("session_id", "the ID of a session"))
}
