//! The suite, on the log in memory and in no time.

use std::cell::RefCell;

use super::suite::{self, Link, Site};
use crate::testing::MemoryLog;

#[derive(Default)]
struct InMemory {
    log: MemoryLog,
    connections: RefCell<Vec<MemoryLog>>,
}

impl Site for InMemory {
    type Log = MemoryLog;

    fn connect(&self) -> (MemoryLog, Box<dyn Link>) {
        let log = self.log.another_process();
        self.connections.borrow_mut().push(log.handle());
        let link = log.handle();
        (log, Box::new(link))
    }

    fn stop(&self) {
        self.connections.borrow().iter().for_each(MemoryLog::stop);
    }

    fn resume(&self) {
        self.connections.borrow().iter().for_each(MemoryLog::mend);
    }

    fn lose(&self) {
        self.log.lose();
    }
}

impl Link for MemoryLog {
    fn cut(&self) {
        MemoryLog::cut(self);
    }

    fn mend(&self) {
        MemoryLog::mend(self);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_revoked_anywhere_is_refused_everywhere() {
    suite::what_is_revoked_anywhere_is_refused_everywhere(&InMemory::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_starts_learns_what_was_revoked_before() {
    suite::a_process_that_starts_learns_what_was_revoked_before(&InMemory::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_cut_off_catches_up_and_is_caught_up_with() {
    suite::a_process_that_was_cut_off_catches_up_and_is_caught_up_with(&InMemory::default()).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_revokes_waits_for_a_stopped_log_a_moment_and_then_no_more() {
    suite::whoever_revokes_waits_for_a_stopped_log_a_moment_and_then_no_more(&InMemory::default())
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_the_log_has_lost_is_appended_again_by_those_who_wrote_it() {
    suite::what_the_log_has_lost_is_appended_again_by_those_who_wrote_it(&InMemory::default())
        .await;
}
