//! Reading the environment.

use std::env::VarError;

use crate::config_error::ConfigError;

/// Where variables are looked up: the process's environment, or a test's.
pub(crate) trait Environment {
    fn look_up(&self, name: &'static str) -> Result<String, VarError>;

    /// The variable, none when it is unset or empty.
    fn optional(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        match self.look_up(name) {
            Ok(text) if text.is_empty() => Ok(None),
            Ok(text) => Ok(Some(text)),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(ConfigError::NotUnicode { name }),
        }
    }

    fn required(&self, name: &'static str) -> Result<String, ConfigError> {
        self.optional(name)?.ok_or(ConfigError::MissingVariable { name })
    }
}

/// The process's own.
pub(crate) struct Process;

impl Environment for Process {
    fn look_up(&self, name: &'static str) -> Result<String, VarError> {
        std::env::var(name)
    }
}
