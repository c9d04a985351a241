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

/// An entry that was read on this connection and is too young to be trimmed: where it is not there when the server is
/// asked next, the stream is another one. Its newer entries look like those of the old one, whatever their number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Watch(Option<StreamId>);

impl Watch {
    /// Until then it is surely not trimmed, with time for the server to be asked twice.
    const MARGIN: Duration = Duration::from_secs(10);

    /// Where no entry is watched over yet, it is this one.
    pub(super) fn begin_with(&mut self, read: Option<StreamId>) {
        self.0 = self.0.or(read);
    }
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

    /// Holds the place against what the server says, and goes back to the start where the place is one of a stream that
    /// is gone. A new connection has watched over nothing.
    pub(super) fn check(
        &mut self,
        now: &Sight,
        watched: Option<Watch>,
        keep: Duration,
    ) -> (Finding, Watch) {
        let mut finding = Finding {
            lost: watched
                .and_then(|Watch(id)| id)
                .is_some_and(|id| now.lacks(id) && now.age(id) < keep),
            incomplete: watched.is_none() && self.is_incomplete(now, keep),
        };
        if finding.lost {
            // It begins anew, and may have done so in the very millisecond of this place.
            self.entries = StreamId::default();
        }
        // A server that lost its streams and whose clock is behind gives IDs that are never read from this place on.
        for (place, stream) in [(&mut self.entries, now.entries), (&mut self.beats, now.beats)] {
            if *place > stream.map_or_else(StreamId::default, |stream| stream.last) {
                *place = StreamId::default();
                finding.lost = true;
            }
        }
        let is_watchable = !now.lacks(self.entries) && now.age(self.entries) + Watch::MARGIN < keep;
        (finding, Watch(is_watchable.then_some(self.entries)))
    }

    /// Whether entries after this place may be gone: because there were too many, or because nothing was read for longer
    /// than they are kept.
    fn is_incomplete(self, now: &Sight, keep: Duration) -> bool {
        let is_behind = now.entries.is_some_and(|stream| stream.last > self.entries);
        self.entries != StreamId::default()
            && is_behind
            && now.lacks(self.entries)
            && (now.age(self.entries) < keep || now.age(self.beats) >= keep)
    }
}

impl Sight {
    /// Whether this entry is not there.
    fn lacks(&self, id: StreamId) -> bool {
        self.entries.and_then(|stream| stream.first).is_none_or(|first| first > id)
    }

    fn age(&self, id: StreamId) -> Duration {
        Duration::from_millis(self.now.saturating_sub(id.millis))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.entries, self.beats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Duration = Duration::from_secs(60);
    const NOW: u64 = 100_000;
    const YOUNG: u64 = NOW - 59_999;
    const OLD: u64 = NOW - 60_000;

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

    const FINE: Finding = Finding { lost: false, incomplete: false };
    const LOST: Finding = Finding { lost: true, incomplete: false };
    const INCOMPLETE: Finding = Finding { lost: false, incomplete: true };

    /// What is found by one that was reading all along, and watched over this entry.
    fn watching(watched: u64, now: Option<StreamInfo>) -> Finding {
        let mut place = place(1);
        let finding = place.check(&sight(now), Some(Watch(Some(id(watched)))), KEEP).0;
        assert_eq!(place.entries == id(0), finding.lost, "another stream is read from its start");
        finding
    }

    /// What is found by one that has just connected.
    fn back(place: &mut Place, now: Option<StreamInfo>) -> Finding {
        place.check(&sight(now), None, KEEP).0
    }

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
            assert_eq!(back(&mut place, now), LOST, "{now:?}");
            assert_eq!((place.entries, place.beats), (id(0), id(NOW)), "its beats are the same");
        }
        let mut place = Place { beats: id(NOW + 1), ..place(YOUNG) };
        assert_eq!(back(&mut place, stream(YOUNG, NOW)), LOST);
        assert_eq!((place.entries, place.beats), (id(YOUNG), id(0)));
        assert_eq!(back(&mut Place::default(), None), FINE, "nothing was ever read");
    }

    #[test]
    fn a_stream_without_the_entry_that_is_watched_over_is_another_one() {
        assert_eq!(watching(YOUNG, stream(NOW, NOW)), LOST);
        assert_eq!(watching(YOUNG, stream(None, NOW)), LOST);
        assert_eq!(watching(YOUNG, None), LOST);
        assert_eq!(watching(YOUNG, stream(OLD, NOW)), FINE, "it is there");
        assert_eq!(watching(YOUNG, stream(YOUNG, NOW)), FINE, "it is the oldest");
        assert_eq!(watching(OLD, stream(NOW, NOW)), FINE, "it was trimmed by age");
        let nothing = Some(Watch::default());
        assert_eq!(place(0).check(&sight(stream(NOW, NOW)), nothing, KEEP).0, FINE);
    }

    #[test]
    fn an_entry_that_is_there_and_young_is_watched_over() {
        let now = sight(stream(OLD, NOW));
        let watch = |entries| place(entries).check(&now, None, KEEP).1;
        assert_eq!(watch(NOW), Watch(Some(id(NOW))));
        assert_eq!(watch(YOUNG), Watch(None), "it may be trimmed before the next look");
        assert_eq!(watch(0), Watch(None), "nothing was read");
        let mut watch = Watch(None);
        watch.begin_with(None);
        watch.begin_with(Some(id(1)));
        watch.begin_with(Some(id(2)));
        assert_eq!(watch, Watch(Some(id(1))), "the first that was read");
    }

    #[test]
    fn entries_may_be_missing_where_the_fuse_has_blown_or_nobody_has_read_for_too_long() {
        let now = stream(YOUNG + 1, NOW);
        assert_eq!(back(&mut place(YOUNG), now), INCOMPLETE, "the place itself is gone");
        assert_eq!(back(&mut place(YOUNG + 1), now), FINE);
        assert_eq!(back(&mut place(OLD), now), FINE, "idle until then: trimmed by age");
        let mut away = Place { beats: id(OLD), ..place(OLD) };
        assert_eq!(back(&mut away, now), INCOMPLETE, "no beat was read either");
        assert_eq!(back(&mut away, stream(None, OLD)), FINE, "nothing since");
        assert_eq!(back(&mut Place::default(), now), FINE, "nothing was missed by who starts");
    }
}
