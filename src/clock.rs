//! Time as a dependency.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::sync::{Notify, futures::Notified};

use crate::unix_time::UnixTime;

/// Where a component reads the time of day.
///
/// [`Clock::system`] is the default everywhere. The other two are for tests, which move time
/// forward instead of sleeping. Clones show the same time.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use tower_clerk::Clock;
///
/// let clock = Clock::fixed(SystemTime::UNIX_EPOCH);
/// clock.clone().advance(Duration::from_secs(30));
/// assert_eq!(clock.now(), SystemTime::UNIX_EPOCH + Duration::from_secs(30));
/// ```
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<Movable>>);

struct Movable {
    standing_at: Option<SystemTime>,
    advanced_millis: AtomicU64,
    moved: Notify,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `time` until it is [advanced](Clock::advance).
    #[must_use]
    pub fn fixed(time: SystemTime) -> Self {
        Self(Some(Arc::new(Movable {
            standing_at: Some(time),
            advanced_millis: AtomicU64::new(0),
            moved: Notify::new(),
        })))
    }

    /// A clock that runs with the system's and can be [advanced](Clock::advance) beyond it.
    #[must_use]
    pub fn adjustable() -> Self {
        Self(Some(Arc::new(Movable {
            standing_at: None,
            advanced_millis: AtomicU64::new(0),
            moved: Notify::new(),
        })))
    }

    /// The time it shows.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        match &self.0 {
            None => SystemTime::now(),
            Some(movable) => movable.now(),
        }
    }

    /// The time it shows, to be compared with many.
    pub(crate) fn unix_time(&self) -> UnixTime {
        self.now().into()
    }

    /// Whether it can be [advanced](Clock::advance).
    #[cfg(feature = "testing")]
    pub(crate) fn is_movable(&self) -> bool {
        self.0.is_some()
    }

    /// Moves this clock and its clones forward, by whole milliseconds.
    ///
    /// # Panics
    ///
    /// Panics on the [system's clock](Clock::system), which is not ours to move.
    pub fn advance(&self, by: Duration) {
        let movable = self.0.as_ref().expect("the system's clock cannot be advanced");
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let advance = |advanced: u64| Some(advanced.saturating_add(millis));
        let _ = movable.advanced_millis.fetch_update(Ordering::SeqCst, Ordering::SeqCst, advance);
        movable.moved.notify_waiters();
    }

    /// Comes to pass when this clock is moved the next time, where it can be. It misses no move from now on.
    pub(crate) fn moves(&self) -> Option<Notified<'_>> {
        self.0.as_ref().map(|movable| movable.moved.notified())
    }
}

#[cfg(test)]
impl Clock {
    /// Somebody sets it back, by as much as it was advanced at most.
    pub(crate) fn set_back(&self, by: Duration) {
        let movable = self.0.as_ref().unwrap();
        let millis = u64::try_from(by.as_millis()).unwrap();
        assert!(movable.advanced_millis.fetch_sub(millis, Ordering::SeqCst) >= millis);
        movable.moved.notify_waiters();
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            None => "Clock(system)",
            Some(movable) if movable.standing_at.is_some() => "Clock(fixed)",
            Some(_) => "Clock(adjustable)",
        })
    }
}

impl Movable {
    fn now(&self) -> SystemTime {
        let from = self.standing_at.unwrap_or_else(SystemTime::now);
        let advanced = Duration::from_millis(self.advanced_millis.load(Ordering::SeqCst));
        from.checked_add(advanced).unwrap_or(from)
    }
}

/// The time between the two, whichever came first: a clock that was set back must not stop
/// things from getting old.
pub(crate) fn elapsed(since: SystemTime, now: SystemTime) -> Duration {
    UnixTime::from(now).apart(since.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adjustable_clock_runs_ahead_of_the_system_by_what_it_was_advanced() {
        let clock = Clock::adjustable();
        clock.advance(Duration::from_secs(3600));
        let ahead = clock.now().duration_since(SystemTime::now()).unwrap();
        assert!(ahead > Duration::from_secs(3590) && ahead <= Duration::from_secs(3600));
    }

    #[test]
    #[should_panic(expected = "cannot be advanced")]
    fn the_system_clock_is_not_ours_to_move() {
        Clock::system().advance(Duration::from_secs(1));
    }
}
