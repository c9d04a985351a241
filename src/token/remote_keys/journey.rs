//! A fetch, from setting out to its end, whatever becomes of the runtime it is on.

use std::{
    sync::{Arc, Weak},
    time::SystemTime,
};

use tokio::runtime::Handle;

use super::{Outcome, REFRESH_AFTER, RemoteKeys, Shared, schedule::Now};
use crate::{JwkSet, token::FetchError};

/// A fetch under way. Dropped without having ended, by a panic it counts as failed; with its runtime,
/// as lost.
pub(super) struct Journey {
    shared: Arc<Shared>,
    number: u64,
    set_out_at: SystemTime,
    ended: bool,
}

impl Journey {
    pub(super) fn new(shared: Arc<Shared>, number: u64, set_out_at: SystemTime) -> Self {
        Self { shared, number, set_out_at, ended: false }
    }

    /// Fetches in a task of its own, which outlives whoever asked for it.
    pub(super) fn begin(self) {
        let Ok(runtime) = Handle::try_current() else {
            return self.end(Err(FetchError::new("keys are fetched on a Tokio runtime only")));
        };
        runtime.spawn(async move {
            let fetched = self.shared.fetch.fetch().await;
            let keys = Arc::downgrade(&self.shared);
            self.end(fetched);
            refresh_in_time(keys).await;
        });
    }

    fn end(mut self, fetched: Result<JwkSet, FetchError>) {
        self.ended = true;
        self.land(Outcome::Fetched(fetched));
    }

    fn land(&self, outcome: Outcome) {
        self.shared.land(self.number, self.set_out_at, outcome);
    }
}

impl Drop for Journey {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.land(if std::thread::panicking() {
            Outcome::Fetched(Err(FetchError::new("the fetch panicked")))
        } else {
            Outcome::Lost
        });
    }
}

/// Sets out for newer keys when they are due although nobody may ask, lest the first token after a
/// quiet time be judged by keys that were withdrawn long ago.
async fn refresh_in_time(keys: Weak<Shared>) {
    tokio::time::sleep(REFRESH_AFTER).await;
    if let Some(shared) = keys.upgrade() {
        let keys = RemoteKeys(shared);
        drop(keys.usable(Now::by(&keys.0.clock)));
    }
}
