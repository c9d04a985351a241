//! The versions of Clerk's Backend API.

use std::{fmt, str::FromStr};

use crate::config_error::ConfigError;

/// A version of Clerk's Backend API, sent as `Clerk-API-Version`.
///
/// The default is the newest that this crate was built against.
///
/// ```
/// use tower_clerk::client::ApiVersion;
///
/// let version: ApiVersion = "2025-03-12".parse()?;
/// assert!(version < ApiVersion::default());
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ApiVersion {
    /// `2021-02-05`
    V2021_02_05,
    /// `2024-10-01`
    V2024_10_01,
    /// `2025-03-12`, the last one with [`verify`](crate::SessionsClient::verify).
    V2025_03_12,
    /// `2025-04-10`
    V2025_04_10,
    /// `2025-11-10`
    V2025_11_10,
    /// `2026-05-12`
    #[default]
    V2026_05_12,
}

impl ApiVersion {
    /// The version as Clerk writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2021_02_05 => "2021-02-05",
            Self::V2024_10_01 => "2024-10-01",
            Self::V2025_03_12 => "2025-03-12",
            Self::V2025_04_10 => "2025-04-10",
            Self::V2025_11_10 => "2025-11-10",
            Self::V2026_05_12 => "2026-05-12",
        }
    }
}

impl FromStr for ApiVersion {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Ok(match text {
            "2021-02-05" => Self::V2021_02_05,
            "2024-10-01" => Self::V2024_10_01,
            "2025-03-12" => Self::V2025_03_12,
            "2025-04-10" => Self::V2025_04_10,
            "2025-11-10" => Self::V2025_11_10,
            "2026-05-12" => Self::V2026_05_12,
            _ => {
                return Err(ConfigError::malformed(
                    "the API version",
                    "2021-02-05, 2024-10-01, 2025-03-12, 2025-04-10, 2025-11-10 or 2026-05-12",
                ));
            }
        })
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_they_are_written_and_ordered_by_date() {
        let dates =
            ["2021-02-05", "2024-10-01", "2025-03-12", "2025-04-10", "2025-11-10", "2026-05-12"];
        let versions = dates.map(|date| date.parse::<ApiVersion>().unwrap());
        assert_eq!(versions.map(ApiVersion::as_str), dates);
        assert!(versions.is_sorted());
        assert_eq!(ApiVersion::default(), versions[5]);
        assert!("v1".parse::<ApiVersion>().is_err());
    }
}
