//! The environment variables that configure a service, under Clerk's own names.

use std::env::VarError;

use crate::{ConfigError, PublishableKey};

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

/// `CLERK_PUBLISHABLE_KEY`.
pub(crate) fn publishable_key() -> Result<Option<PublishableKey>, ConfigError> {
    let key = Process.optional("CLERK_PUBLISHABLE_KEY")?.map(|key| key.parse());
    key.transpose().map_err(|error: ConfigError| error.about("`CLERK_PUBLISHABLE_KEY`"))
}

/// `CLERK_JWT_KEY`, a PEM.
pub(crate) fn jwt_key() -> Result<Option<String>, ConfigError> {
    Process.optional("CLERK_JWT_KEY")
}

/// `TOWER_CLERK_REDIS_URL`, which must be set.
#[cfg(feature = "redis")]
pub(crate) fn redis_url() -> Result<String, ConfigError> {
    Ok(Process.required("TOWER_CLERK_REDIS_URL")?.trim().to_owned())
}

/// The origins in `CLERK_AUTHORIZED_PARTIES`, which commas separate.
pub(crate) fn authorized_parties() -> Result<Vec<String>, ConfigError> {
    let Some(text) = Process.optional("CLERK_AUTHORIZED_PARTIES")? else { return Ok(Vec::new()) };
    let parties = text.split(',').map(str::trim).filter(|party| !party.is_empty());
    let parties: Vec<_> = parties.map(str::to_owned).collect();
    if parties.is_empty() {
        // Taken for unset, it would leave open what somebody meant to close.
        return Err(ConfigError::malformed(
            "`CLERK_AUTHORIZED_PARTIES`",
            "origins such as `https://app.example.com`, separated by commas",
        ));
    }
    Ok(parties)
}
