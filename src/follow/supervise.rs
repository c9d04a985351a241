use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{Shared, back_off::BackOff, read::read, write::write};
use crate::fleet::LogError;

/// Tasks that have lived so long begin anew at once.
const SETTLED: Duration = Duration::from_secs(10);

/// Keeps the reader and the writer alive. One that panics is said to be dead, and both begin anew.
pub(super) fn supervise(shared: Arc<Shared>) -> impl Future<Output = ()> + Send + 'static {
    // Made before the task is: a runtime that is shutting down drops a task without having polled it.
    let following = Following::begin(shared);
    async move {
        let shared = &following.shared;
        let mut back_off = BackOff::from_panics();
        loop {
            let began = Instant::now();
            let mut tasks = JoinSet::new();
            tasks.spawn(read(Arc::clone(shared)));
            tasks.spawn(write(Arc::clone(shared)));
            match tasks.join_next().await {
                Some(Err(error)) if error.is_panic() => {
                    shared.failed(LogError::new(
                        "a task that follows the log has panicked; it begins anew",
                    ));
                }
                // What entries would be applied to is gone, or the runtime is.
                _ => return,
            }
            drop(tasks);
            if began.elapsed() > SETTLED {
                back_off.reset();
            }
            sleep(back_off.next()).await;
        }
    }
}

/// That tasks follow the log. Once it is dropped, with its runtime or without, others may.
struct Following {
    shared: Arc<Shared>,
    number: u64,
}

impl Following {
    fn begin(shared: Arc<Shared>) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        shared.following.store(number, Ordering::Relaxed);
        Self { shared, number }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let following = &self.shared.following;
        // Where others have taken over, they are not ours to end.
        let ended =
            following.compare_exchange(self.number, 0, Ordering::Relaxed, Ordering::Relaxed);
        if ended.is_ok() {
            let error = LogError::new("the runtime on which the log was followed has ended");
            self.shared.health().stopped(error, Instant::now());
        }
    }
}
