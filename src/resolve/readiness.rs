use std::{fmt, time::Duration};

use serde::{Serialize, Serializer};

use crate::{follow::LogReport, sessions::ApiReport, token::KeysReport};

/// How things stand with what a [`SessionResolver`](crate::SessionResolver) depends on, for a health
/// endpoint and for operators. It serializes to JSON with times in seconds; nothing in it is secret.
#[derive(Debug, Clone, Serialize)]
pub struct Readiness {
    pub(super) keys: Dependency,
    pub(super) sessions_api: Option<Dependency>,
    pub(super) revocation_log: Option<Dependency>,
}

/// How things stand with one dependency.
#[derive(Debug, Clone, Serialize)]
pub struct Dependency {
    usable: bool,
    #[serde(rename = "age_seconds", serialize_with = "seconds")]
    age: Option<Duration>,
    last_error: Option<Box<str>>,
}

impl Dependency {
    fn new(usable: bool, age: Option<Duration>, last_error: Option<impl fmt::Display>) -> Self {
        Self { usable, age, last_error: last_error.map(|error| error.to_string().into()) }
    }

    /// Whether it can be relied upon: there are keys; the last call was answered.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// The time since keys were fetched, a call was last answered, or a sign of life was read from the log, if ever.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.age
    }

    /// What went wrong the last time, unless it has gone well since.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }
}

impl Readiness {
    /// The keys that verify tokens.
    #[must_use]
    pub fn keys(&self) -> &Dependency {
        &self.keys
    }

    /// Clerk's Sessions API; none where it is never asked.
    #[must_use]
    pub fn sessions_api(&self) -> Option<&Dependency> {
        self.sessions_api.as_ref()
    }

    /// The log of revocations that the processes of a fleet share; none where there is none. Usable where this process has
    /// read its own sign of life in the last seconds.
    #[must_use]
    pub fn revocation_log(&self) -> Option<&Dependency> {
        self.revocation_log.as_ref()
    }

    /// Whether tokens can be verified.
    ///
    /// An unusable Sessions API or log does not count: whoever takes services out of rotation by this would turn
    /// an outage of theirs into one of everything.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.keys.usable
    }
}

impl From<KeysReport> for Dependency {
    fn from(report: KeysReport) -> Self {
        Self::new(report.usable, report.age, report.last_error)
    }
}

impl From<ApiReport> for Dependency {
    fn from(report: ApiReport) -> Self {
        Self::new(report.usable, report.age, report.last_error)
    }
}

impl From<LogReport> for Dependency {
    fn from(report: LogReport) -> Self {
        Self::new(report.usable, report.age, report.last_error)
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.usable { "usable" } else { "not usable" })?;
        match &self.last_error {
            Some(error) => write!(f, " ({error})"),
            None => Ok(()),
        }
    }
}

fn seconds<S: Serializer>(age: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    age.map(|age| age.as_secs()).serialize(serializer)
}
