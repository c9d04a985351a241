//! Tokio's paused clock, which jumps to the next time-out as soon as everybody waits: for the emulator, say,
//! which answers over a real socket.
//!
//! Tokio does not let it jump while a blocking task runs, so that a client of the emulator has one run for as long
//! as an exchange lasts.

use std::{
    any::Any,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        mpsc::{self, Sender},
    },
    time::{Duration, Instant},
};

use tokio::{task::spawn_blocking, time};

/// How long an exchange keeps the clock at most, in real time: whatever goes wrong, no test hangs.
const LONGEST: Duration = Duration::from_secs(10);

/// The exchanges for which a clock stands still. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Standstill(Arc<Mutex<Vec<Weak<Hold>>>>);

/// Ends a blocking task when it is dropped, or released before.
#[derive(Debug)]
struct Hold(Sender<()>);

impl Standstill {
    /// Keeps a paused clock where it is until the result is dropped, or [released](Self::release).
    pub(super) fn hold(&self) -> Box<dyn Any + Send> {
        if !is_paused() {
            return Box::new(());
        }
        let (release, released) = mpsc::channel();
        // Whether it ends in a message, a disconnection or a time-out does not matter.
        drop(spawn_blocking(move || released.recv_timeout(LONGEST)));
        let hold = Arc::new(Hold(release));
        let mut holds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        holds.retain(|hold| hold.strong_count() > 0);
        holds.push(Arc::downgrade(&hold));
        Box::new(hold)
    }

    /// Lets the clocks go on: an exchange has begun that will have no end.
    pub(super) fn release(&self) {
        let mut holds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for hold in holds.drain(..).filter_map(|hold| hold.upgrade()) {
            // If nobody listens, it has gone on already.
            let _ = hold.0.send(());
        }
    }
}

/// Whether the runtime's time stands still while the real one goes on.
fn is_paused() -> bool {
    const MOMENT: Duration = Duration::from_micros(1);
    let (virtual_start, start) = (time::Instant::now(), Instant::now());
    while start.elapsed() < MOMENT {
        std::hint::spin_loop();
    }
    virtual_start.elapsed().is_zero()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_stands_until_everybody_lets_it_go() {
        let standstill = Standstill::default();
        let holds = [standstill.hold(), standstill.hold()];
        let start = Instant::now();
        let sleep = tokio::spawn(time::sleep(HOUR));
        std::thread::spawn(move || {
            for hold in holds {
                std::thread::sleep(Duration::from_millis(20));
                drop(hold);
            }
        });
        sleep.await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(40));
    }

    #[tokio::test(start_paused = true)]
    async fn what_will_have_no_end_is_let_go() {
        let standstill = Standstill::default();
        let _hold = standstill.hold();
        standstill.release();
        time::sleep(HOUR).await;
    }

    #[tokio::test]
    async fn a_clock_that_runs_is_left_alone() {
        let is_nothing = |hold: Box<dyn Any + Send>| hold.is::<()>();
        assert!(is_nothing(Standstill::default().hold()));
        time::pause();
        assert!(!is_nothing(Standstill::default().hold()));
    }
}
