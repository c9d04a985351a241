use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use crate::unix_time::UnixTime;

/// A NumericDate ([RFC 7519 §2]): any JSON number from 1970 to the year 9999, so that no
/// arithmetic on it overflows. It is read to the nanosecond, and not rounded.
///
/// [RFC 7519 §2]: https://www.rfc-editor.org/rfc/rfc7519#section-2
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NumericDate {
    seconds: u64,
    nanos: u32,
    /// Whether it is later than these by less than a nanosecond.
    has_more: bool,
}

const END_OF_YEAR_9999: u64 = 253_402_300_799;
const NANOS: usize = 9;
/// Beyond what floating-point numbers have.
const LARGEST_EXPONENT: i64 = 400;

impl NumericDate {
    /// Reads the text of a JSON number, digit by digit: a floating-point number would round it.
    pub(crate) fn parse(number: &str) -> Option<Self> {
        if number.bytes().all(|b| b.is_ascii_digit()) {
            return Self::new(number.parse().ok()?, 0, false);
        }
        let (significand, exponent) = match number.split_once(['e', 'E']) {
            Some((significand, exponent)) => (significand, exponent.parse::<i64>().ok()?),
            None => (number, 0),
        };
        let (whole, fraction) = significand.split_once('.').unwrap_or((significand, ""));
        if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return None;
        }
        if exponent.abs() > LARGEST_EXPONENT {
            return None;
        }
        let point = i64::try_from(whole.len()).ok()? + exponent;
        let mut digits = whole.bytes().chain(fraction.bytes());
        let (mut seconds, mut nanos) = (0_u64, 0_u32);
        for _ in 0..point {
            let digit = digits.next().unwrap_or(b'0') - b'0';
            seconds = seconds.checked_mul(10)?.checked_add(u64::from(digit))?;
        }
        let leading_zeros = usize::try_from(-point.min(0)).ok()?;
        let mut digits = std::iter::repeat_n(b'0', leading_zeros).chain(digits);
        for _ in 0..NANOS {
            nanos = nanos * 10 + u32::from(digits.next().unwrap_or(b'0') - b'0');
        }
        Self::new(seconds, nanos, digits.any(|digit| digit != b'0'))
    }

    fn new(seconds: u64, nanos: u32, has_more: bool) -> Option<Self> {
        let it = Self { seconds, nanos, has_more };
        let end = Self { seconds: END_OF_YEAR_9999, nanos: 0, has_more: false };
        (it <= end).then_some(it)
    }

    /// Whether it is later, be it by less than a nanosecond.
    pub(crate) fn is_after(self, time: UnixTime) -> bool {
        let floor = self.to_unix_time();
        floor > time || self.has_more && floor == time
    }

    /// The last nanosecond that is not later, to be compared with many.
    pub(crate) fn to_unix_time(self) -> UnixTime {
        UnixTime::from_nanos(self.nanos.into()) + Duration::from_secs(self.seconds)
    }

    /// The last nanosecond that is not later.
    pub(crate) fn to_system_time(self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::new(self.seconds, self.nanos)
    }
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get()).ok_or_else(|| {
            de::Error::custom("a time is in seconds since 1970, up to the year 9999")
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(number: &str) -> Option<(u64, u32, bool)> {
        let date = serde_json::from_str::<NumericDate>(number).ok()?;
        assert_eq!(NumericDate::parse(number), Some(date));
        Some((date.seconds, date.nanos, date.has_more))
    }

    #[test]
    fn any_json_number_from_1970_to_the_year_9999_is_a_time() {
        for (number, seconds, nanos, has_more) in [
            ("0", 0, 0, false),
            ("1700000000", 1_700_000_000, 0, false),
            ("1700000000.25", 1_700_000_000, 250_000_000, false),
            ("1.7e9", 1_700_000_000, 0, false),
            ("1.7E+9", 1_700_000_000, 0, false),
            ("17e8", 1_700_000_000, 0, false),
            ("1700000000000e-3", 1_700_000_000, 0, false),
            ("1700000000.0", 1_700_000_000, 0, false),
            ("1700000000.123456789", 1_700_000_000, 123_456_789, false),
            ("1700000000.12345678900", 1_700_000_000, 123_456_789, false),
            ("1700000000.1234567891", 1_700_000_000, 123_456_789, true),
            ("1e-9", 0, 1, false),
            ("25e-2", 0, 250_000_000, false),
            ("1e-10", 0, 0, true),
            ("1e-400", 0, 0, true),
            ("0e400", 0, 0, false),
            ("0.0e-5", 0, 0, false),
            ("253402300799", 253_402_300_799, 0, false),
        ] {
            assert_eq!(read(number), Some((seconds, nanos, has_more)), "{number}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for bad in [
            "-1",
            "-0",
            "-0.5",
            "253402300800",
            "253402300799.000000000001",
            "1e12",
            "1e401",
            "1e-401",
            "1e99999999999999999999",
            "0e99999999999999999999",
            "18446744073709551616",
            "\"1\"",
            "null",
            "true",
            "[1]",
            "{}",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn it_is_later_than_its_last_whole_nanosecond_by_less_than_one() {
        let second = UnixTime::from_nanos(1_000_000_000);
        let date = NumericDate::parse("1.0000000001").unwrap();
        assert_eq!(date.to_unix_time(), second);
        assert!(date.is_after(second) && !date.is_after(UnixTime::from_nanos(1_000_000_001)));
        assert!(date > NumericDate::parse("1").unwrap());
        assert!(!NumericDate::parse("1").unwrap().is_after(second));
    }

    proptest! {
        #[test]
        fn the_same_number_in_other_words_is_the_same_time(
            seconds in 0..END_OF_YEAR_9999,
            nanos in 0_u32..1_000_000_000,
            shift in 0_usize..12,
        ) {
            let plain = format!("{seconds}.{nanos:09}");
            let read = read(&plain);
            prop_assert_eq!(read, Some((seconds, nanos, false)));
            let digits = format!("{seconds}{nanos:09}{}", "0".repeat(shift));
            let exponent = 9 + shift;
            prop_assert_eq!(self::read(&format!("{digits}e-{exponent}")).or(read), read);
            let small = format!("{seconds}.{nanos:09}e0");
            prop_assert_eq!(self::read(&small), read);
        }
    }
}
