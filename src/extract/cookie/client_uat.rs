use std::time::{Duration, SystemTime};

/// What the cookies of the name `__client_uat…` say: when the browser last signed in or out.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientUat<'a> {
    #[default]
    Absent,
    /// This text.
    There(&'a [u8]),
    /// Several that differ, which is nonsense.
    Differing,
}

impl<'a> ClientUat<'a> {
    pub(super) fn note(&mut self, value: &'a [u8]) {
        *self = match *self {
            unchanged if value.is_empty() => unchanged,
            Self::Absent => Self::There(value),
            Self::There(first) if first == value => return,
            Self::There(_) | Self::Differing => Self::Differing,
        };
    }

    pub(super) fn is_there(self) -> bool {
        self != Self::Absent
    }

    /// Whether the browser is signed out.
    pub(super) fn is_zero(self) -> bool {
        self.seconds() == Some(0)
    }

    /// `None` for nonsense, which is ignored.
    pub(super) fn time(self) -> Option<SystemTime> {
        self.seconds().map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }

    /// Digits that name a time before the year 10000.
    fn seconds(self) -> Option<u64> {
        const YEAR_10000: u64 = 253_402_300_800;
        let Self::There(text) = self else { return None };
        let text = std::str::from_utf8(text).ok()?;
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|&seconds| digits && seconds < YEAR_10000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&'static str]) -> ClientUat<'static> {
        let mut client_uat = ClientUat::default();
        values.iter().for_each(|value| client_uat.note(value.as_bytes()));
        client_uat
    }

    #[test]
    fn digits_are_a_time_and_the_rest_is_nonsense() {
        assert_eq!(of(&["1700000000"]).seconds(), Some(1_700_000_000));
        assert!(of(&["0"]).is_zero() && of(&["00"]).is_zero());
        for nonsense in ["x", "-1", "1.5", "+1", "99999999999999999999999", "253402300800", "é"] {
            let client_uat = of(&[nonsense]);
            assert!(client_uat.is_there() && !client_uat.is_zero(), "{nonsense}");
            assert_eq!(client_uat.time(), None);
        }
    }

    #[test]
    fn an_empty_one_is_absent_and_differing_ones_are_nonsense() {
        assert_eq!(of(&[""]), ClientUat::Absent);
        assert_eq!(of(&["", "5", "5", ""]), ClientUat::There(b"5"));
        for values in [&["0", "5"][..], &["5", "0", "5"], &["0", "0", "1"]] {
            let client_uat = of(values);
            assert_eq!(client_uat, ClientUat::Differing);
            assert!(client_uat.is_there() && !client_uat.is_zero() && client_uat.time().is_none());
        }
    }
}
