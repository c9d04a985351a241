//! What Redis says of a stream.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

use redis::Value;

use crate::fleet::{LogEntry, LogError};

/// The ID of an entry: when the server took it, in milliseconds, and a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StreamId {
    pub(super) millis: u64,
    number: u64,
}

impl StreamId {
    #[cfg(test)]
    pub(super) fn new(millis: u64, number: u64) -> Self {
        Self { millis, number }
    }

    fn time(self) -> SystemTime {
        let since = Duration::from_millis(self.millis);
        SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

impl FromStr for StreamId {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        let id = text.split_once('-').and_then(|(millis, number)| {
            Some(Self { millis: millis.parse().ok()?, number: number.parse().ok()? })
        });
        id.ok_or_else(|| LogError::new("not the ID of a stream's entry"))
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.number)
    }
}

/// What `XINFO STREAM` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct StreamInfo {
    /// The oldest entry there is.
    pub(super) first: Option<StreamId>,
    /// The ID given last, whether or not its entry is still there.
    pub(super) last: StreamId,
}

impl StreamInfo {
    pub(super) fn read(reply: &Value) -> Result<Self, LogError> {
        let Value::Array(items) = reply else { return Err(unreadable()) };
        let mut info = Self::default();
        for pair in items.chunks_exact(2) {
            match (text(&pair[0]), &pair[1]) {
                (Some("last-generated-id"), id) => {
                    info.last = text(id).ok_or_else(unreadable)?.parse()?;
                }
                (Some("first-entry"), Value::Array(entry)) => {
                    info.first = Some(entry_id(entry)?);
                }
                _ => {}
            }
        }
        Ok(info)
    }
}

/// What `XREAD` says of one stream.
#[derive(Debug, Default)]
pub(super) struct StreamPage {
    pub(super) entries: Vec<(SystemTime, LogEntry)>,
    pub(super) unreadable: u64,
    /// The IDs of its first and its last entry.
    pub(super) first: Option<StreamId>,
    pub(super) last: Option<StreamId>,
}

impl StreamPage {
    /// The entries of several streams, each by its key.
    pub(super) fn read_all(reply: &Value) -> Result<Vec<(&str, Self)>, LogError> {
        match reply {
            Value::Nil => Ok(Vec::new()),
            Value::Array(streams) => streams.iter().map(Self::read).collect(),
            _ => Err(unreadable()),
        }
    }

    fn read(stream: &Value) -> Result<(&str, Self), LogError> {
        let Value::Array(stream) = stream else { return Err(unreadable()) };
        let [key, Value::Array(entries)] = &stream[..] else { return Err(unreadable()) };
        let mut page = Self::default();
        for entry in entries {
            let Value::Array(entry) = entry else { return Err(unreadable()) };
            let id = entry_id(entry)?;
            page.first = page.first.or(Some(id));
            page.last = Some(id);
            match fields(entry) {
                Some(entry) => page.entries.push((id.time(), entry)),
                None => page.unreadable += 1,
            }
        }
        Ok((text(key).ok_or_else(unreadable)?, page))
    }
}

fn entry_id(entry: &[Value]) -> Result<StreamId, LogError> {
    entry.first().and_then(text).ok_or_else(unreadable)?.parse()
}

/// The entry that these fields mean, if any: anybody may have written them.
fn fields(entry: &[Value]) -> Option<LogEntry> {
    let Value::Array(fields) = entry.get(1)? else { return None };
    // A field that is no text is none of ours.
    let pairs = fields.chunks_exact(2).filter_map(|pair| Some((text(&pair[0])?, text(&pair[1])?)));
    LogEntry::from_fields(pairs).ok()
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

fn unreadable() -> LogError {
    LogError::new("the server does not answer as Redis does")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn entry(id: &str, fields: &[&str]) -> Value {
        let fields = fields.iter().map(|field| bulk(field)).collect();
        Value::Array(vec![bulk(id), Value::Array(fields)])
    }

    #[test]
    fn an_id_is_two_numbers_and_ordered_by_them() {
        let id = |text: &str| text.parse::<StreamId>();
        assert!(
            id("5-10").unwrap() > id("5-9").unwrap() && id("10-0").unwrap() > id("9-9").unwrap()
        );
        assert_eq!(id("1700000000000-3").unwrap().to_string(), "1700000000000-3");
        for bad in ["", "5", "5-", "-5", "a-1", "1-1-1", "18446744073709551616-0"] {
            assert!(id(bad).is_err(), "{bad}");
        }
        // Whatever it says, it is a time.
        assert!(StreamId::new(u64::MAX, 0).time() >= SystemTime::UNIX_EPOCH);
    }

    #[test]
    fn entries_of_others_are_passed_over_and_counted() {
        let mut binary = entry("7-0", &[]);
        if let Value::Array(parts) = &mut binary {
            parts[1] = Value::Array(vec![Value::BulkString(vec![0xff]), Value::Int(1)]);
        }
        let reply = Value::Array(vec![Value::Array(vec![
            bulk("key"),
            Value::Array(vec![
                entry("5-0", &["s", "sess_1", "t", "revoked", "new", "field"]),
                entry("6-0", &["s", "no session"]),
                entry("6-1", &["s"]),
                binary,
                Value::Array(vec![bulk("8-0"), Value::Nil]),
            ]),
        ])]);
        let [(key, page)] = &StreamPage::read_all(&reply).unwrap()[..] else { panic!() };
        assert_eq!((*key, page.entries.len(), page.unreadable), ("key", 1, 4));
        assert_eq!(page.last, Some(StreamId::new(8, 0)));
    }

    #[test]
    fn what_is_no_reply_of_redis_is_an_error_and_no_panic() {
        for odd in [
            Value::Int(1),
            Value::Array(vec![Value::Nil]),
            Value::Array(vec![Value::Array(vec![])]),
            Value::Array(vec![Value::Array(vec![bulk("key"), Value::Nil])]),
            Value::Array(vec![Value::Array(vec![bulk("key"), Value::Array(vec![Value::Nil])])]),
            Value::Array(vec![Value::Array(vec![
                bulk("key"),
                Value::Array(vec![entry("x", &[])]),
            ])]),
        ] {
            assert!(StreamPage::read_all(&odd).is_err(), "{odd:?}");
        }
        assert!(StreamPage::read_all(&Value::Nil).unwrap().is_empty());
        assert!(StreamInfo::read(&Value::Nil).is_err());
        let odd = Value::Array(vec![bulk("last-generated-id"), Value::Int(1)]);
        assert!(StreamInfo::read(&odd).is_err());
        assert_eq!(StreamInfo::read(&Value::Array(vec![])).unwrap(), StreamInfo::default());
    }
}
