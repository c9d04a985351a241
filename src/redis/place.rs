//! How far the log was read, and what the server's word for its streams says of that.

use std::{fmt, time::Duration};

use super::stream::{StreamId, StreamInfo};
use crate::fleet::LogCursor;

/// The last entries read, of the revocations and of the signs of life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) entries: StreamId,
    pub(super) beats: StreamId,
}

/// What the server says at one moment. A stream that is not there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) entries: Option<StreamInfo>,
    pub(super) beats: Option<StreamInfo>,
    /// By the server's own clock, in milliseconds.
    pub(super) now: u64,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Finding {
    /// Entries that were acknowledged may be gone.
    pub(super) lost: bool,
    /// Entries after the place may have been let go of before they were read.
    pub(super) incomplete: bool,
}

impl Place {
    pub(super) fn from_cursor(cursor: Option<&LogCursor>) -> Self {
        let place = cursor.and_then(|cursor| {
            let (entries, beats) = cursor.as_str().split_once(' ')?;
            Some(Self { entries: entries.parse().ok()?, beats: beats.parse().ok()? })
        });
        place.unwrap_or_default()
    }

    pub(super) fn cursor(self) -> LogCursor {
        LogCursor::new(self.to_string())
    }

    /// Holds the place against what the server says now and said before, and goes back to the start where the place is
    /// one of a stream that is gone.
    pub(super) fn check(&mut self, now: &Sight, before: Option<&Sight>, keep: Duration) -> Finding {
        let keep = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
        let is_ahead = |place: StreamId, stream: Option<StreamInfo>| {
            place > stream.map_or_else(StreamId::default, |stream| stream.last)
        };
        let mut lost = before.is_some_and(|before| was_replaced(before, now, keep));
        // A server that lost its streams and whose clock is behind gives IDs that are never read from this place on.
        if is_ahead(self.entries, now.entries) {
            lost = true;
            self.entries = StreamId::default();
        }
        if is_ahead(self.beats, now.beats) {
            lost = true;
            self.beats = StreamId::default();
        }
        Finding { lost, incomplete: !lost && self.is_incomplete(now, keep) }
    }

    /// Whether entries between this place and the oldest one kept may have been let go of: because there were too many,
    /// or because nothing was read for longer than they are kept.
    fn is_incomplete(self, now: &Sight, keep: u64) -> bool {
        let Some(stream) = now.entries else { return false };
        let nothing_since = stream.last <= self.entries;
        let is_place_there = stream.first.is_some_and(|first| first <= self.entries);
        if self == Self::default() || nothing_since || is_place_there {
            return false;
        }
        let is_young = |id: StreamId| now.now.saturating_sub(id.millis) < keep;
        is_young(self.entries) || !is_young(self.beats)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.entries, self.beats)
    }
}

/// Whether the stream of revocations that was there before is no longer the same.
fn was_replaced(before: &Sight, now: &Sight, keep: u64) -> bool {
    let Some(old) = before.entries else { return false };
    let Some(new) = now.entries else { return true };
    if old.added.zip(new.added).is_some_and(|(old, new)| new < old) {
        return true;
    }
    // Enough may have been added since to hide that. But then what was the newest entry is not there, and too young to
    // have been trimmed.
    let is_gone = new.first.is_none_or(|first| first > old.last);
    let was_young = now.now.saturating_sub(old.last.millis) < keep;
    old.first.is_some() && is_gone && was_young
}
