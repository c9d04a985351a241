//! When the next call may be made.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// The window that Clerk's limits are given for.
pub(super) const WINDOW: Duration = Duration::from_secs(10);

/// So many calls in any window, at an even pace. What was not asked for may be made up for at once,
/// up to half of them.
///
/// The calls of the last window are kept, so that the limit is counted and not reckoned. The pace is
/// the fastest even one that never runs into it: after a burst, what is left of the window is spread
/// over the rest of it.
#[derive(Debug)]
pub(super) struct Pace {
    calls: usize,
    /// The calls of the last window, the oldest first.
    made: VecDeque<Instant>,
    /// How far from the latest call the next one is due.
    gap: Duration,
    /// How many calls may be made before they are due.
    saved: f64,
}

impl Pace {
    pub(super) fn of(calls: usize) -> Self {
        let calls = calls.max(1);
        Self { calls, made: VecDeque::new(), gap: Duration::ZERO, saved: burst(calls, 1.0) }
    }

    /// When a call may be made behind so many others, if nothing changes: `now` or later. `level` is
    /// how much of the pace to use, above 0 and at most 1.
    pub(super) fn estimate(&self, behind: usize, now: Instant, level: f64) -> Instant {
        let Some(&latest) = self.made.back() else { return now };
        let calls = behind as f64 + 1.0 - self.ahead(now, level);
        let due = latest + self.gap.mul_f64(calls.max(0.0));
        let free = self.made.len().checked_sub(self.calls).map(|oldest| self.made[oldest] + WINDOW);
        due.max(free.unwrap_or(now)).max(now)
    }

    /// Whether a call may be made now, such that this share of a burst remains for others.
    pub(super) fn can_spare(&self, of_burst: f64, now: Instant, level: f64) -> bool {
        self.estimate(0, now, level) <= now
            && self.ahead(now, level) - self.cost(now) >= burst(self.calls, level) * of_burst
    }

    /// A call is made now, the [estimate](Self::estimate) being so.
    pub(super) fn make(&mut self, now: Instant, level: f64) {
        let now = self.made.back().map_or(now, |&latest| latest.max(now));
        self.saved = (self.saved(now, level) - self.cost(now)).max(0.0);
        while self.made.front().is_some_and(|&oldest| now.duration_since(oldest) >= WINDOW) {
            self.made.pop_front();
        }
        self.made.push_back(now);
        self.gap = self.even_gap(now, level);
    }

    /// There is nothing to make up for.
    pub(super) fn forget_savings(&mut self, now: Instant, level: f64) {
        self.saved = -self.idle(now, level);
    }

    /// How many calls may be made before they are due.
    fn ahead(&self, now: Instant, level: f64) -> f64 {
        let saved = self.saved(now, level);
        if saved < 1.0 { saved } else { saved.min(self.room(now)).max(0.0) }
    }

    /// How much of a saved call it costs to make one now, before it is due.
    fn cost(&self, now: Instant) -> f64 {
        let due = self.made.back().map_or(now, |&latest| latest + self.gap);
        let early = due.saturating_duration_since(now);
        if early.is_zero() { 0.0 } else { early.div_duration_f64(self.gap) }
    }

    /// How many calls idle times have saved.
    fn saved(&self, now: Instant, level: f64) -> f64 {
        (self.saved + self.idle(now, level)).min(burst(self.calls, level))
    }

    /// How many calls have not been made since the next one was due.
    fn idle(&self, now: Instant, level: f64) -> f64 {
        self.made.back().map_or(0.0, |&latest| {
            let idle = now.saturating_duration_since(latest + self.gap);
            idle.div_duration_f64(self.spacing(level))
        })
    }

    /// How many calls can be made at once such that the pace afterwards is not below half.
    fn room(&self, now: Instant) -> f64 {
        let left = self.left(now);
        let slowest = 2.0 * self.spacing(1.0).as_secs_f64();
        self.expiries(now)
            .fold(left, |room, (calls, wait)| room.min(left + calls - wait.as_secs_f64() / slowest))
    }

    /// The shortest gap that calls can keep from now on without ever running into the limit.
    fn even_gap(&self, now: Instant, level: f64) -> Duration {
        let left = self.left(now);
        self.expiries(now)
            .fold(self.spacing(level), |gap, (calls, wait)| gap.max(wait.div_f64(left + calls)))
    }

    /// How many calls the window has room for.
    fn left(&self, now: Instant) -> f64 {
        let made = self.made.iter().rev().take_while(|&&at| now.duration_since(at) < WINDOW);
        self.calls.saturating_sub(made.count()) as f64
    }

    /// When the calls of the window leave it: how many have, and how long from now.
    fn expiries(&self, now: Instant) -> impl Iterator<Item = (f64, Duration)> {
        let left = move |at: &Instant| (*at + WINDOW).saturating_duration_since(now);
        let waits = self.made.iter().map(left).filter(|wait| !wait.is_zero());
        waits.enumerate().map(|(before, wait)| (before as f64 + 1.0, wait))
    }

    fn spacing(&self, level: f64) -> Duration {
        WINDOW.div_f64((self.calls as f64 * level).max(1.0))
    }
}

/// How many calls may follow one at once.
fn burst(calls: usize, level: f64) -> f64 {
    ((calls - calls / 2) as f64 * level - 1.0).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(10);

    /// Shares from 1 to 100 percent of a development and of a production instance; fewer of them unless `LONG_TESTS` is set.
    fn shares() -> impl Iterator<Item = usize> {
        let step = if std::env::var_os("LONG_TESTS").is_some() { 1 } else { 5 };
        let shares =
            (1..=100).chain((11..=100).step_by(11).map(|percent| 10 * percent)).chain([1000]);
        shares.step_by(step).chain([800])
    }

    /// The calls that are made of those wanted at each tick, for so long. What is not made at once
    /// is wanted no more.
    fn made_of(calls: usize, seconds: u32, wanted: fn(u32) -> usize) -> Vec<Duration> {
        let (mut pace, start) = (Pace::of(calls), Instant::now());
        let mut made = Vec::new();
        for tick in 0..seconds * 100 {
            let now = start + TICK * tick;
            for _ in 0..wanted(tick) {
                if pace.estimate(0, now, 1.0) > now {
                    break;
                }
                pace.make(now, 1.0);
                made.push(now - start);
            }
        }
        made
    }

    /// The calls that are made when there is always one to make.
    fn made_of_all(calls: usize, seconds: u64, level: f64) -> Vec<Duration> {
        let (mut pace, start) = (Pace::of(calls), Instant::now());
        let (mut made, mut now) = (Vec::new(), start);
        while now - start < Duration::from_secs(seconds) {
            pace.make(now, level);
            made.push(now - start);
            now = pace.estimate(0, now, level);
        }
        made
    }

    fn most_in_a_window(made: &[Duration]) -> usize {
        let mut first = 0;
        let windows = made.iter().enumerate().map(|(last, &at)| {
            while at - made[first] >= WINDOW {
                first += 1;
            }
            last + 1 - first
        });
        windows.max().unwrap_or(0)
    }

    #[test]
    fn no_ten_seconds_hold_more_calls_than_the_share_whatever_is_asked_for() {
        let patterns: [fn(u32) -> usize; 4] = [
            |tick| if tick % 499 == 0 { 1000 } else { 0 },
            |tick| usize::from(tick.is_multiple_of(3)),
            |tick| [0, 1, 0, 40][usize::try_from(tick / 250 % 4).unwrap()],
            |tick| usize::try_from(tick.wrapping_mul(0x9e37_79b9) >> 30).unwrap(),
        ];
        for calls in shares() {
            let most = most_in_a_window(&made_of_all(calls, 35, 1.0));
            assert!(most <= calls, "{most} of {calls}");
        }
        for calls in [1, 24, 47, 70, 93, 770, 800] {
            for wanted in patterns {
                let most = most_in_a_window(&made_of(calls, 35, wanted));
                assert!(most <= calls, "{most} of {calls}");
            }
        }
    }

    #[test]
    fn steady_demand_gets_95_percent_of_the_share() {
        for calls in shares() {
            let (made, share) = (made_of_all(calls, 60, 1.0).len(), 6 * calls);
            assert!(100 * made >= 95 * share && made <= share, "{made} of {share}");
        }
    }

    #[test]
    fn half_may_come_at_once_and_no_silence_follows() {
        for calls in shares().filter(|&calls| calls >= 10) {
            let made = made_of_all(calls, 40, 1.0);
            let at_once = made.iter().take_while(|at| at.is_zero()).count();
            assert_eq!(at_once, calls - calls / 2);
            let even = WINDOW.div_f64(calls as f64);
            let gaps = made.windows(2).map(|pair| (pair[1], pair[1] - pair[0]));
            for (at, gap) in gaps {
                assert!(gap <= 2 * even, "{gap:?} at {at:?} of {calls}");
                // From the second window on, the pace is even.
                let is_even = gap.abs_diff(even) < Duration::from_micros(1);
                assert!(at <= 2 * WINDOW || is_even, "{gap:?} at {at:?} of {calls}");
            }
        }
    }

    #[test]
    fn what_idle_times_save_may_be_made_up_for() {
        let (mut pace, start) = (Pace::of(80), Instant::now());
        let at_once = |pace: &mut Pace, now| {
            let mut calls = 0;
            while pace.estimate(0, now, 1.0) <= now {
                pace.make(now, 1.0);
                calls += 1;
            }
            calls
        };
        assert_eq!(at_once(&mut pace, start), 40);
        // The window has room for 40 more. Not all of them: the rest of the window is not to be
        // silent.
        let calls = at_once(&mut pace, start + Duration::from_secs(5));
        assert!((18..=22).contains(&calls), "{calls}");
        assert_eq!(at_once(&mut pace, start + Duration::from_secs(30)), 40);
    }

    #[test]
    fn the_turn_of_those_who_wait_is_told_beforehand() {
        let (mut pace, now) = (Pace::of(80), Instant::now());
        while pace.estimate(0, now, 1.0) <= now {
            pace.make(now, 1.0);
        }
        let told: Vec<_> = (0..20).map(|behind| pace.estimate(behind, now, 1.0)).collect();
        let due = told.iter().map(|&at| {
            assert!(pace.estimate(0, at, 1.0) <= at);
            pace.make(at, 1.0);
        });
        assert_eq!(due.count(), 20);
    }

    #[test]
    fn half_a_level_is_half_the_pace() {
        let made = made_of_all(80, 70, 0.5);
        let at_once = made.iter().take_while(|at| at.is_zero()).count();
        assert_eq!(at_once, 20);
        let later = made.iter().filter(|&&at| at >= WINDOW).count();
        assert!((239..=241).contains(&later), "{later}");
    }

    #[test]
    fn what_was_saved_can_be_forgotten() {
        let (mut pace, now) = (Pace::of(80), Instant::now());
        pace.make(now, 1.0);
        let idle = now + Duration::from_secs(60);
        pace.forget_savings(idle, 0.5);
        assert_eq!(pace.estimate(0, idle, 0.5), idle);
        pace.make(idle, 0.5);
        assert_eq!(pace.estimate(0, idle, 0.5), idle + Duration::from_millis(250));
    }

    #[test]
    fn a_part_of_a_burst_can_be_kept_for_others() {
        let (mut pace, now) = (Pace::of(80), Instant::now());
        let mut spared = 0;
        while pace.can_spare(0.25, now, 1.0) {
            pace.make(now, 1.0);
            spared += 1;
        }
        assert!((28..=31).contains(&spared), "{spared}");
        assert_eq!(pace.estimate(0, now, 1.0), now);
    }
}
