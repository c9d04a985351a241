//! What this process has told the others, for as long as it may have to be told again.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::fleet::LogEntry;

/// How many entries are kept. Where more are made within the time that the log keeps them, the oldest go first.
const CAPACITY: usize = 10_000;
/// How many are appended at once.
const BATCH: usize = 256;

/// The entries of this process, numbered from one.
#[derive(Debug)]
pub(super) struct Outbox {
    keep: Duration,
    own: VecDeque<Own>,
    last_number: u64,
    /// The log has taken all entries up to this one, at some time.
    acknowledged: u64,
    /// Those up to this one need not be appended, as far as is known.
    appended: u64,
    /// Counts how often everything had to be appended again.
    round: u64,
}

#[derive(Debug)]
struct Own {
    number: u64,
    at: Instant,
    entry: LogEntry,
}

/// Entries to append together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) entries: Vec<LogEntry>,
    /// The number of the last one.
    up_to: u64,
    round: u64,
}

impl Outbox {
    pub(super) fn new(keep: Duration) -> Self {
        Self { keep, own: VecDeque::new(), last_number: 0, acknowledged: 0, appended: 0, round: 0 }
    }

    /// Takes an entry, and gives its number.
    pub(super) fn push(&mut self, entry: LogEntry, now: Instant) -> u64 {
        if self.own.len() == CAPACITY {
            self.drop_oldest();
        }
        self.last_number += 1;
        self.own.push_back(Own { number: self.last_number, at: now, entry });
        self.last_number
    }

    /// What is to be appended next; nothing, where all is.
    pub(super) fn next_batch(&mut self, now: Instant) -> Batch {
        let keep = self.keep;
        let is_old = |own: &Own| now.saturating_duration_since(own.at) > keep;
        while self.own.front().is_some_and(is_old) {
            self.drop_oldest();
        }
        let first = self.own.partition_point(|own| own.number <= self.appended);
        let batch: Vec<_> = self.own.iter().skip(first).take(BATCH).collect();
        Batch {
            up_to: batch.last().map_or(0, |own| own.number),
            entries: batch.into_iter().map(|own| own.entry.clone()).collect(),
            round: self.round,
        }
    }

    /// The log has taken the batch. Gives the number up to which it has taken them all.
    pub(super) fn take_note(&mut self, batch: &Batch) -> u64 {
        self.acknowledged = self.acknowledged.max(batch.up_to);
        // A batch that was under way when the log lost everything may be among what was lost.
        if batch.round == self.round {
            self.appended = self.appended.max(batch.up_to);
        }
        self.acknowledged
    }

    /// Everything that is young enough must be appended again.
    pub(super) fn append_again(&mut self) {
        self.appended = 0;
        self.round += 1;
    }

    fn drop_oldest(&mut self) {
        if let Some(own) = self.own.pop_front()
            && own.number > self.acknowledged
        {
            // The others notice it within their `ttl`, as if there were no log.
            tracing::error!(entry = %own.entry, "the log never took a revocation, which is given up");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Revocation;

    const KEEP: Duration = Duration::from_secs(60);

    fn entry(n: usize) -> LogEntry {
        Revocation::look_again(format!("sess_{n}").parse().unwrap()).into()
    }

    fn outbox_of(entries: usize, now: Instant) -> Outbox {
        let mut outbox = Outbox::new(KEEP);
        for n in 1..=entries {
            assert_eq!(outbox.push(entry(n), now), n as u64);
        }
        outbox
    }

    #[test]
    fn entries_are_appended_in_batches_and_once() {
        let now = Instant::now();
        let mut outbox = outbox_of(BATCH + 1, now);
        let first = outbox.next_batch(now);
        assert_eq!((first.entries.len(), &first.entries[0]), (BATCH, &entry(1)));
        assert_eq!(outbox.next_batch(now).entries, first.entries, "it has not been taken yet");
        assert_eq!(outbox.take_note(&first), BATCH as u64);
        let second = outbox.next_batch(now);
        assert_eq!(second.entries, [entry(BATCH + 1)]);
        outbox.take_note(&second);
        assert!(outbox.next_batch(now).entries.is_empty());
    }

    #[test]
    fn what_the_log_has_lost_is_appended_again_as_far_as_it_is_young() {
        let now = Instant::now();
        let mut outbox = outbox_of(2, now);
        let later = now + KEEP;
        outbox.push(entry(3), later);
        let batch = outbox.next_batch(later);
        outbox.take_note(&batch);
        outbox.append_again();
        assert_eq!(outbox.next_batch(later).entries, [entry(1), entry(2), entry(3)]);
        let old = later + Duration::from_millis(1);
        assert_eq!(outbox.next_batch(old).entries, [entry(3)]);
    }

    #[test]
    fn a_batch_that_was_under_way_during_the_loss_counts_as_lost() {
        let now = Instant::now();
        let mut outbox = outbox_of(1, now);
        let under_way = outbox.next_batch(now);
        outbox.append_again();
        assert_eq!(outbox.take_note(&under_way), 1, "who waits for it need not wait longer");
        assert_eq!(outbox.next_batch(now).entries, [entry(1)]);
    }

    #[test]
    fn of_too_many_the_oldest_go() {
        let now = Instant::now();
        let mut outbox = outbox_of(CAPACITY + 1, now);
        assert_eq!(outbox.next_batch(now).entries[0], entry(2));
    }
}
