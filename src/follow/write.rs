use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{Shared, back_off::BackOff, health::BEAT_WITHIN, read::beat};
use crate::fleet::LogError;

/// How long the log may take to acknowledge entries.
const APPENDED_WITHIN: Duration = Duration::from_secs(2);

/// Appends what is revoked here, and signs of life.
pub(super) async fn write(shared: Arc<Shared>) {
    let mut back_off = BackOff::from_the_log();
    loop {
        let now = Instant::now();
        shared.tick(now);
        if shared.health().is_usable(now) {
            back_off.reset();
        }
        if shared.health().beat_is_overdue(now) {
            reconnect(&shared, now + back_off.next());
        }
        let batch = shared.outbox().next_batch(now);
        let mut entries = batch.entries.clone();
        if shared.health().beat_is_due(now) {
            entries.push(beat(&shared.name, shared.health().begin_beat(now)));
        }
        if entries.is_empty() {
            let next_event_at = shared.health().next_event_at();
            let _ = timeout_at(next_event_at, shared.due.notified()).await;
            continue;
        }
        let appended = timeout(APPENDED_WITHIN, shared.log.append(entries)).await;
        match appended
            .unwrap_or_else(|_| Err(LogError::new("the log does not acknowledge entries")))
        {
            Ok(()) => {
                let up_to = shared.outbox().take_note(&batch);
                shared.acknowledged.send_replace(up_to);
            }
            Err(error) => {
                shared.failed(error);
                sleep(back_off.next()).await;
            }
        }
    }
}

/// What was appended is not read back, although both calls succeed: reader and writer may have come to different
/// servers, or to one that no longer counts.
fn reconnect(shared: &Shared, next_beat_at: Instant) {
    shared.failed(LogError::new(format_args!(
        "what was appended to the log was not read back within {} s; it is connected to anew",
        BEAT_WITHIN.as_secs()
    )));
    shared.health().put_off_beat(next_beat_at);
    shared.log.reconnect();
    shared.let_go.notify_one();
}
