use serde::Serialize;

/// Which factors are to have been proved lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Level {
    /// The first, such as a password.
    FirstFactor,
    /// The second, such as a code from an app; where only one is enrolled, that one.
    SecondFactor,
    /// Both; where there is no second, the first.
    MultiFactor,
}
