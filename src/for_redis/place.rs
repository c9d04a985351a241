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

/// Whether the stream of revocations that was there before is no longer the same: what was its newest entry is not
/// there, and too young to have been trimmed.
///
/// That `entries-added` is smaller than before says it too, but not where enough was added since, and not on Redis 6.2.
fn was_replaced(before: &Sight, now: &Sight, keep: u64) -> bool {
    let Some(old) = before.entries.filter(|old| old.first.is_some()) else { return false };
    let is_gone = now.entries.and_then(|new| new.first).is_none_or(|first| first > old.last);
    is_gone && now.now.saturating_sub(old.last.millis) < keep
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Duration = Duration::from_secs(1);
    const NOW: u64 = 10_000;
    const YOUNG: u64 = NOW - 999;
    const OLD: u64 = NOW - 1_000;

    fn id(millis: u64) -> StreamId {
        StreamId::new(millis, 0)
    }

    fn stream(first: impl Into<Option<u64>>, last: u64) -> Option<StreamInfo> {
        Some(StreamInfo { first: first.into().map(id), last: id(last) })
    }

    fn sight(entries: Option<StreamInfo>) -> Sight {
        Sight { entries, beats: stream(YOUNG, NOW), now: NOW }
    }

    fn place(entries: u64) -> Place {
        Place { entries: id(entries), beats: id(NOW) }
    }

    fn check(place: &mut Place, now: Option<StreamInfo>, before: Option<StreamInfo>) -> Finding {
        let before = before.map(|before| sight(Some(before)));
        place.check(&sight(now), before.as_ref(), KEEP)
    }

    const FINE: Finding = Finding { lost: false, incomplete: false };
    const LOST: Finding = Finding { lost: true, incomplete: false };
    const INCOMPLETE: Finding = Finding { lost: false, incomplete: true };

    #[test]
    fn a_place_is_its_cursor() {
        let place = Place { entries: StreamId::new(7, 3), beats: id(9) };
        assert_eq!(Place::from_cursor(Some(&place.cursor())), place);
        assert_eq!(Place::from_cursor(None), Place::default());
        assert_eq!(Place::from_cursor(Some(&LogCursor::new("anything"))), Place::default());
    }

    #[test]
    fn a_place_ahead_of_the_server_is_given_up() {
        for now in [None, stream(None, 0), stream(YOUNG, YOUNG)] {
            let mut place = place(NOW);
            assert_eq!(check(&mut place, now, None), LOST, "{now:?}");
            assert_eq!((place.entries, place.beats), (id(0), id(NOW)), "its beats are the same");
        }
        let mut place = Place { beats: id(NOW + 1), ..place(YOUNG) };
        assert_eq!(check(&mut place, stream(YOUNG, NOW), None), LOST);
        assert_eq!((place.entries, place.beats), (id(YOUNG), id(0)));
        assert_eq!(check(&mut Place::default(), None, None), FINE, "nothing was ever read");
    }

    #[test]
    fn a_stream_without_what_was_its_newest_is_another_one() {
        let before = stream(OLD, YOUNG);
        let mut here = place(0);
        assert_eq!(check(&mut here, stream(NOW, NOW), before), LOST);
        assert_eq!(check(&mut here, None, before), LOST);
        assert_eq!(check(&mut here, stream(YOUNG, NOW), before), FINE, "its newest is there");
        assert_eq!(check(&mut here, stream(NOW, NOW), stream(None, YOUNG)), FINE, "it was empty");
        assert_eq!(
            check(&mut here, stream(NOW, NOW), stream(OLD, OLD)),
            FINE,
            "it was trimmed by age"
        );
    }

    #[test]
    fn entries_may_be_missing_where_the_fuse_has_blown_or_nobody_has_read_for_too_long() {
        let now = stream(YOUNG + 1, NOW);
        assert_eq!(check(&mut place(YOUNG), now, None), INCOMPLETE, "the place itself is gone");
        assert_eq!(check(&mut place(YOUNG + 1), now, None), FINE);
        assert_eq!(check(&mut place(OLD), now, None), FINE, "idle until then: trimmed by age");
        let mut away = Place { beats: id(OLD), ..place(OLD) };
        assert_eq!(check(&mut away, now, None), INCOMPLETE, "no beat was read either");
        assert_eq!(check(&mut away, stream(None, OLD), None), FINE, "nothing since");
        assert_eq!(
            check(&mut Place::default(), now, None),
            FINE,
            "nothing was missed by who starts"
        );
    }
}
