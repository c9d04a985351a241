//! How long a server asks to be left alone.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header::RETRY_AFTER};

/// Nobody is made to wait for longer.
const LONGEST: Duration = Duration::from_secs(60);

/// `Retry-After` ([RFC 9110 §10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)), in
/// seconds or as a date, at most a minute.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().map_or(LONGEST, Duration::from_secs)
    } else {
        let date = httpdate::parse_http_date(text).ok()?;
        date.duration_since(now).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(value: &'static str) -> Option<Duration> {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
        retry_after(&headers, now)
    }

    #[test]
    fn seconds_and_dates_are_understood_and_capped() {
        for (value, seconds) in [
            ("0", 0),
            ("7", 7),
            (" 7 ", 7),
            ("61", 60),
            ("99999999999999999999999", 60),
            ("Sun, 06 Nov 1994 08:49:40 GMT", 3),
            ("Sun, 06 Nov 1994 08:49:30 GMT", 0),
            ("Sunday, 06-Nov-94 08:49:40 GMT", 3),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 60),
        ] {
            assert_eq!(read(value), Some(Duration::from_secs(seconds)), "{value}");
        }
    }

    #[test]
    fn nonsense_says_nothing() {
        for value in ["", "soon", "-1", "1.5", "+3", "Sun, 99 Nov 1994 08:49:40 GMT"] {
            assert_eq!(read(value), None, "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), SystemTime::UNIX_EPOCH), None);
    }
}
