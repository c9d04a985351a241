//! Knows, for each request, which answers were allowed.

use std::time::{Duration, SystemTime};

use crate::stacks::Outcome;

/// By how much the resolver lets clocks differ.
pub(crate) const SKEW: Duration = Duration::from_secs(5);

/// What was presented.
#[derive(Debug, Clone)]
pub(crate) enum Presented {
    Nothing,
    /// What no key of the instance signed, or not for this.
    Worthless,
    /// The same in a cookie, which may be taken for somebody else's.
    WorthlessCookie,
    /// A genuine session token.
    Genuine {
        user: String,
        expires_at: SystemTime,
    },
}

/// How a session ends. Times are the resolver's clock's.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct End {
    /// From when on a refusal is right.
    doubtful_from: Option<SystemTime>,
    /// From when on an admission is wrong, with Clerk well.
    barred_from: Option<SystemTime>,
    /// For how much longer an admission is right while Clerk is not.
    grace: Duration,
}

impl End {
    /// It is about to end, one way or another.
    pub(crate) fn looming(now: SystemTime) -> Self {
        Self { doubtful_from: Some(now), ..Self::default() }
    }

    /// It is over since then, and this process knows.
    pub(crate) fn known_at(mut self, barred_from: SystemTime) -> Self {
        self.barred_from = Some(barred_from);
        self
    }

    /// It is over since then, and this process learns of it from Clerk: after the `ttl` of an answer, or of a token that was
    /// assembled by a clock which differs by the skew.
    pub(crate) fn elsewhere(self, at: SystemTime, ttl: Duration, stale_if_error: Duration) -> Self {
        Self { grace: stale_if_error, ..self.known_at(at + ttl + SKEW) }
    }

    pub(crate) fn is_none(&self) -> bool {
        self.doubtful_from.is_none()
    }

    /// Whether nobody is admitted any more, whatever the weather.
    pub(crate) fn is_over(&self, now: SystemTime) -> bool {
        self.bars(now, true)
    }

    fn bars(&self, now: SystemTime, is_foul: bool) -> bool {
        let grace = if is_foul { self.grace } else { Duration::ZERO };
        self.barred_from.is_some_and(|from| now >= from + grace)
    }

    fn explains_refusal(&self, now: SystemTime) -> bool {
        self.doubtful_from.is_some_and(|from| now >= from)
    }
}

/// What was so when a request began, or when it ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: SystemTime,
    pub(crate) end: End,
}

/// Whether this answer was allowed. `was_foul` tells whether Clerk may have been unavailable.
pub(crate) fn allows(
    presented: &Presented,
    before: Moment,
    after: Moment,
    was_foul: bool,
    outcome: &Outcome,
) -> bool {
    match (presented, outcome) {
        (Presented::Nothing, outcome) => *outcome == Outcome::Missing,
        (_, Outcome::Unavailable)
        | (Presented::Worthless | Presented::WorthlessCookie, Outcome::Invalid)
        | (Presented::WorthlessCookie, Outcome::Missing) => true,
        (Presented::Genuine { user, expires_at }, Outcome::Admitted(seen)) => {
            let expired = before.now >= *expires_at + SKEW;
            seen == user && !expired && !before.end.bars(before.now, was_foul)
        }
        (Presented::Genuine { expires_at, .. }, Outcome::Invalid) => {
            let expired = after.now >= *expires_at + SKEW;
            expired || after.end.explains_refusal(after.now)
        }
        _ => false,
    }
}

mod tests {
    use super::*;
    use crate::stacks::admitted;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn allows_during(seconds: [u64; 2], end: End, was_foul: bool, outcome: &Outcome) -> bool {
        let presented = Presented::Genuine { user: "user_ada".to_owned(), expires_at: at(1000) };
        let [before, after] = seconds.map(|seconds| Moment { now: at(seconds), end });
        allows(&presented, before, after, was_foul, outcome)
    }

    #[test]
    fn the_oracle_notices_wrong_admissions() {
        let ada = admitted("user_ada");
        assert!(allows_during([10, 10], End::default(), false, &ada));
        assert!(!allows_during([10, 10], End::default(), true, &admitted("user_bob")));
        assert!(!allows_during([10, 10], End::default(), true, &Outcome::Anonymous));
        assert!(allows_during([1004, 1009], End::default(), false, &ada));
        assert!(!allows_during([1005, 1009], End::default(), true, &ada), "an expired token");

        let here = End::looming(at(50)).known_at(at(60));
        assert!(allows_during([59, 70], here, false, &ada));
        assert!(!allows_during([60, 60], here, true, &ada), "a session revoked here");

        let ttl = Duration::from_secs(10);
        let elsewhere = End::looming(at(50)).elsewhere(at(60), ttl, 3 * ttl);
        assert!(allows_during([74, 75], elsewhere, false, &ada));
        assert!(!allows_during([75, 75], elsewhere, false, &ada), "beyond the ttl and the skew");
        assert!(allows_during([104, 104], elsewhere, true, &ada));
        assert!(!allows_during([105, 105], elsewhere, true, &ada), "beyond stale-if-error");

        let [before, after] = [Moment { now: at(1), end: End::default() }; 2];
        for outcome in [&ada, &Outcome::Anonymous, &Outcome::Missing, &Outcome::Misconfigured] {
            assert!(!allows(&Presented::Worthless, before, after, true, outcome));
        }
        for outcome in [&ada, &Outcome::Anonymous, &Outcome::Misconfigured] {
            assert!(!allows(&Presented::WorthlessCookie, before, after, true, outcome));
        }
    }

    #[test]
    fn the_oracle_notices_users_who_are_signed_out_wrongly() {
        let refused = Outcome::Invalid;
        assert!(!allows_during([10, 999], End::default(), true, &refused));
        assert!(allows_during([10, 1005], End::default(), true, &refused));
        assert!(!allows_during([10, 49], End::looming(at(50)), true, &refused));
        assert!(allows_during([10, 50], End::looming(at(50)), true, &refused));
        for outcome in [Outcome::Missing, Outcome::Misconfigured, Outcome::Anonymous] {
            assert!(!allows_during([10, 2000], End::looming(at(5)), true, &outcome));
        }
        let [before, after] = [Moment { now: at(1), end: End::default() }; 2];
        for outcome in [Outcome::Invalid, Outcome::Unavailable, Outcome::Anonymous] {
            assert!(!allows(&Presented::Nothing, before, after, true, &outcome));
        }
    }
}
