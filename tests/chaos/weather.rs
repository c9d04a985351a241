//! Faults that come and go, and clocks that run at a pace of their own.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use tokio::time::{MissedTickBehavior, interval};
use tower_clerk::{
    Clock,
    testing::{Fault, Operation, SessionsApi},
};

use crate::{random::Random, wire::Wire};

/// How long Clerk's trouble is felt once it is over, in real time: the client's time-out or the
/// silence that was asked for, a moment without asking, and a second for a busy machine.
const AFTERMATH: Duration = Duration::from_millis(2500);
const SILENCE: Duration = Duration::from_secs(1);

/// When Clerk was last in trouble.
#[derive(Debug)]
pub(crate) struct Weather {
    foul_until: Mutex<Until>,
}

#[derive(Debug, Clone, Copy)]
enum Until {
    Further,
    Then(Instant),
}

impl Weather {
    pub(crate) fn fair() -> Self {
        Self { foul_until: Mutex::new(Until::Then(Instant::now())) }
    }

    /// Whether Clerk's trouble may have been felt at this time or later.
    pub(crate) fn was_foul(&self, since: Instant) -> bool {
        match *self.foul_until.lock().unwrap() {
            Until::Further => true,
            Until::Then(until) => since < until + AFTERMATH,
        }
    }

    fn turn(&self, until: Until) {
        *self.foul_until.lock().unwrap() = until;
    }

    /// Storms and lulls until the end; the last lull is for good.
    pub(crate) async fn rage(
        &self,
        clerk: &SessionsApi,
        wire: &Wire,
        mut random: Random,
        end: Instant,
    ) {
        while Instant::now() < end {
            // Now and then a lull that outlasts the aftermath, or a storm that outlasts what is stale.
            let lull = if random.percent(20) { 3500..5000 } else { 50..900 };
            let storm = if random.percent(10) { 3000..5000 } else { 50..1200 };
            pause(random.millis(lull), end).await;
            self.turn(Until::Further);
            if random.percent(40) {
                wire.wedge();
            }
            for _ in 0..=random.below(2) {
                let fault = fault(&mut random);
                match random.below(6) {
                    0 | 1 => clerk.fail_all(fault),
                    2 | 3 => clerk.fail(Operation::Get, fault),
                    4 => clerk.fail(Operation::Revoke, fault),
                    _ => clerk.fail(Operation::Jwks, fault),
                }
            }
            pause(random.millis(storm), end).await;
            clerk.clear_faults();
            wire.cut();
            self.turn(Until::Then(Instant::now()));
        }
    }
}

fn fault(random: &mut Random) -> Fault {
    match random.below(16) {
        0..3 => Fault::status(429).retry_after(SILENCE),
        3 => Fault::status(503).retry_after(SILENCE),
        4..7 => Fault::status(*random.pick(&[302, 400, 404, 404, 410, 422, 500, 502, 504])),
        7..9 => Fault::hang(),
        9 => Fault::reset(),
        10 => Fault::truncate(),
        11 => Fault::garbage(),
        12 => Fault::content_type(),
        _ => Fault::delay(random.millis(5..400)),
    }
}

async fn pause(time: Duration, end: Instant) {
    let until = (Instant::now() + time).min(end);
    tokio::time::sleep_until(until.into()).await;
}

const TICK: Duration = Duration::from_millis(25);
/// How far one clock leads the other at most, in milliseconds. A step comes on top of it while they
/// are moved one after the other, which must not exceed the skew.
const LEAD: i64 = 2000;
const LONGEST_STEP: usize = 2000;

/// Time passes at some forty times its pace, and our clock wanders off Clerk's and back.
pub(crate) async fn drift(clerk: &Clock, ours: &Clock, mut random: Random, end: Instant) {
    let mut ticks = interval(TICK);
    // A machine that was busy is not to be made up for.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut lead = 0_i64;
    while Instant::now() < end {
        ticks.tick().await;
        let step = random.below(LONGEST_STEP) as i64;
        let our_step = random.below(LONGEST_STEP) as i64;
        let our_step = our_step.clamp(step - LEAD - lead, step + LEAD - lead).max(0);
        clerk.advance(Duration::from_millis(step.unsigned_abs()));
        ours.advance(Duration::from_millis(our_step.unsigned_abs()));
        lead += our_step - step;
    }
}
