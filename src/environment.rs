//! Where variables are looked up.

use std::env::VarError;

use crate::ConfigError;

/// Says what a variable holds; `None` for one that is unset.
pub(crate) type LookUp<'a> = &'a mut dyn FnMut(&'static str) -> Result<Option<String>, ConfigError>;

/// In the process's environment.
pub(crate) fn process(name: &'static str) -> Result<Option<String>, ConfigError> {
    match std::env::var(name) {
        Ok(text) => Ok(Some(text)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(ConfigError::NotUnicode { name }),
    }
}

/// The variable; `None` for one that is unset or empty.
pub(crate) fn optional(
    look_up: LookUp<'_>,
    name: &'static str,
) -> Result<Option<String>, ConfigError> {
    Ok(look_up(name)?.filter(|text| !text.is_empty()))
}

/// The variable, which must be set.
pub(crate) fn required(look_up: LookUp<'_>, name: &'static str) -> Result<String, ConfigError> {
    optional(look_up, name)?.ok_or(ConfigError::MissingVariable { name })
}
