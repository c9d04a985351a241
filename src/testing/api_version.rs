//! The versions of Clerk's API, and how a request chooses one.

use super::{answer::Refusal, request::Request};

/// A version of Clerk's API. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ApiVersion {
    V2021_02_05,
    V2024_10_01,
    V2025_03_12,
    V2025_04_10,
    V2025_11_10,
    V2026_05_12,
}

impl ApiVersion {
    pub(super) const LATEST: Self = Self::V2026_05_12;

    const ALL: [(&'static str, Self); 6] = [
        ("2021-02-05", Self::V2021_02_05),
        ("2024-10-01", Self::V2024_10_01),
        ("2025-03-12", Self::V2025_03_12),
        ("2025-04-10", Self::V2025_04_10),
        ("2025-11-10", Self::V2025_11_10),
        ("2026-05-12", Self::V2026_05_12),
    ];

    /// What the request asks for, by header or by query, but not by both.
    pub(super) fn asked_for(request: &Request) -> Result<Self, Refusal> {
        let header = request.headers.get("clerk-api-version");
        let query = request.query("__clerk_api_version");
        let name = match (header, query) {
            (None, None) => return Ok(Self::V2021_02_05),
            (Some(header), None) => header.to_str().unwrap_or_default(),
            (None, Some(query)) => query,
            (Some(_), Some(_)) => {
                return Err(Refusal::api_version("choose it by header or by query, not by both"));
            }
        };
        Self::ALL
            .iter()
            .find_map(|&(known, version)| (known == name).then_some(version))
            .ok_or_else(|| Refusal::api_version("there is no such version"))
    }

    /// Whether sessions can be pending and have tasks.
    pub(super) fn knows_pending(self) -> bool {
        self >= Self::V2025_03_12
    }

    /// Whether the deprecated verify endpoint is still there.
    pub(super) fn has_verify(self) -> bool {
        self < Self::V2025_04_10
    }
}
