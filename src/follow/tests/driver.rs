//! What the driver does with logs that are odd in ways of their own.

use std::{
    future::pending,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use super::{Learned, Process, revoked, within};
use crate::{
    OrganizationId, SessionId, SessionStatus, UserId,
    fleet::{AnyLog, LogCursor, LogEntry, LogError, LogPage, RevocationLog},
    follow::{Apply, Follower},
};

const SOON: Duration = Duration::from_secs(10);

/// A log that its test can look into, and that does what it is told to.
#[derive(Clone, Default)]
struct Odd(Arc<State>);

#[derive(Default)]
struct State {
    entries: Mutex<Vec<LogEntry>>,
    reconnected: AtomicU64,
    reads: AtomicU64,
    /// Reads that were let go of before their end.
    given_up: AtomicU64,
    /// Takes entries and hands none out, as a server does that is not the others'.
    swallows: AtomicBool,
    reading_panics: AtomicBool,
    reading_hangs: AtomicBool,
    reading_fails: AtomicBool,
}

impl Odd {
    fn is(&self, oddity: impl Fn(&State) -> &AtomicBool, is_so: bool) {
        oddity(&self.0).store(is_so, Ordering::Relaxed);
    }
}

/// Tells that a read was let go of, unless it has ended.
struct Reading {
    state: Arc<State>,
    has_ended: bool,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.state.given_up.fetch_add(u64::from(!self.has_ended), Ordering::Relaxed);
    }
}

impl RevocationLog for Odd {
    fn append(
        &self,
        entries: Vec<LogEntry>,
    ) -> impl Future<Output = Result<(), LogError>> + Send + 'static {
        self.0.entries.lock().unwrap().extend(entries);
        async { Ok(()) }
    }

    fn read(
        &self,
        after: Option<LogCursor>,
        wait: Duration,
    ) -> impl Future<Output = Result<LogPage, LogError>> + Send + 'static {
        let state = Arc::clone(&self.0);
        async move {
            state.reads.fetch_add(1, Ordering::Relaxed);
            assert!(!state.reading_panics.load(Ordering::Relaxed), "as told to");
            if state.reading_fails.load(Ordering::Relaxed) {
                return Err(LogError::new("as told to"));
            }
            if state.reading_hangs.load(Ordering::Relaxed) {
                pending::<()>().await;
            }
            let mut reading = Reading { state: Arc::clone(&state), has_ended: false };
            let from = after.map_or(0, |cursor| cursor.as_str().parse().unwrap());
            let is_over = tokio::time::Instant::now() + wait;
            loop {
                let entries = state.entries.lock().unwrap()[from..].to_vec();
                let swallows = state.swallows.load(Ordering::Relaxed);
                if !swallows && !entries.is_empty() || tokio::time::Instant::now() >= is_over {
                    reading.has_ended = true;
                    let next = LogCursor::new((from + entries.len()).to_string());
                    let entries = if swallows { Vec::new() } else { entries };
                    let entries = entries.into_iter().map(|it| (SystemTime::now(), it)).collect();
                    return Ok(LogPage::new(entries, Some(next)));
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    fn reconnect(&self) {
        self.0.reconnected.fetch_add(1, Ordering::Relaxed);
    }
}

async fn usable(log: &Odd) -> Process {
    let process = Process::start(log.clone());
    within(SOON, "usable", || process.is_usable()).await;
    process
}

fn said(process: &Process) -> String {
    process.follower.report().last_error.map(|error| error.to_string()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_log_that_takes_entries_and_hands_none_out_is_not_usable_and_is_connected_to_anew() {
    let log = Odd::default();
    let process = usable(&log).await;
    log.is(|log| &log.swallows, true);
    // The next sign of life is up to five seconds away, and has two to come back.
    within(Duration::from_millis(7_100), "noticed", || !process.is_usable()).await;
    assert!(said(&process).contains("read back"), "{}", said(&process));
    let reconnected = || log.0.reconnected.load(Ordering::Relaxed);
    within(SOON, "connected anew", || reconnected() > 1).await;
    assert!(log.0.given_up.load(Ordering::Relaxed) > 0, "what was waited for is let go of");
    let before = reconnected();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!((15..=26).contains(&(reconnected() - before)), "two seconds each, and a back-off");

    log.is(|log| &log.swallows, false);
    within(Duration::from_secs(4), "usable again", || process.is_usable()).await;
    assert_eq!(said(&process), "");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_log_stays_usable() {
    let process = usable(&Odd::default()).await;
    for _ in 0..600 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(process.is_usable());
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_is_said_to_have_and_begins_anew() {
    let log = Odd::default();
    let process = usable(&log).await;
    log.is(|log| &log.reading_panics, true);
    within(SOON, "noticed", || !process.is_usable()).await;
    assert!(said(&process).contains("panicked"), "{}", said(&process));
    let reads = log.0.reads.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let tries = log.0.reads.load(Ordering::Relaxed) - reads;
    assert!((10..30).contains(&tries), "it backs off: {tries}");

    log.is(|log| &log.reading_panics, false);
    within(SOON, "usable again", || process.is_usable()).await;
    assert!(process.revoke("sess_1").await);
}

#[tokio::test(start_paused = true)]
async fn a_panic_over_what_was_read_leads_to_reading_it_again() {
    struct Touchy(AtomicBool, Learned);
    impl Apply for Touchy {
        fn end(&self, id: &SessionId, status: &SessionStatus, expire_at: Option<SystemTime>) {
            assert!(self.0.swap(true, Ordering::Relaxed), "the first one is too much");
            self.1.end(id, status, expire_at);
        }
        fn forget(&self, _: &SessionId) {}
        fn deny_user(&self, _: &UserId, _: SystemTime) {}
        fn deny_member(&self, _: &UserId, _: &OrganizationId, _: SystemTime) {}
    }
    let target = Arc::new(Touchy(AtomicBool::new(false), Learned::default()));
    let weak: Weak<Touchy> = Arc::downgrade(&target);
    let follower = Follower::new(AnyLog::new(Odd::default()), weak);
    follower.append(revoked("sess_1")).await;
    let is_refused = || target.1.0.lock().unwrap().ended.contains("sess_1");
    within(SOON, "applied after all", is_refused).await;
}

#[tokio::test(start_paused = true)]
async fn a_read_that_never_ends_is_given_up() {
    let log = Odd::default();
    let process = usable(&log).await;
    log.is(|log| &log.reading_hangs, true);
    within(SOON, "noticed", || !process.is_usable()).await;
    log.is(|log| &log.reading_hangs, false);
    within(Duration::from_secs(5), "usable again", || process.is_usable()).await;
}

#[tokio::test(start_paused = true)]
async fn however_long_the_log_was_away_it_is_found_within_two_seconds() {
    let log = Odd::default();
    let process = usable(&log).await;
    log.is(|log| &log.reading_fails, true);
    tokio::time::sleep(Duration::from_secs(20 * 60)).await;
    assert!(process.follower.report().down_for > Duration::from_secs(19 * 60));
    log.is(|log| &log.reading_fails, false);
    within(Duration::from_secs(2), "usable again", || process.is_usable()).await;
    assert_eq!(process.follower.report().down_for, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_hour_without_the_log_loses_nothing_of_the_last_one() {
    let log = Odd::default();
    let process = usable(&log).await;
    log.is(|log| &log.reading_fails, true);
    for n in 0..3_000 {
        process.revoke(&format!("sess_{n}")).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    log.0.entries.lock().unwrap().clear();
    log.is(|log| &log.reading_fails, false);
    // Its cursor speaks of what is no longer there: that is for the log to notice, and this one has none to keep.
    *process.follower.shared.cursor.lock().unwrap() = None;
    within(Duration::from_secs(2), "all are told", || process.refused() == 3_000).await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_ends_the_tasks() {
    let log = Odd::default();
    let process = usable(&log).await;
    let (weak, others) = (Arc::downgrade(&process.follower.shared), Arc::clone(&log.0));
    drop(process);
    within(SOON, "the tasks have ended", || weak.strong_count() == 0).await;
    assert_eq!(Arc::strong_count(&others), 2, "and so have their calls: this one and the test's");
}

#[tokio::test(start_paused = true)]
async fn once_there_is_nothing_to_apply_entries_to_the_tasks_end() {
    let log = Odd::default();
    let Process { learned, follower } = usable(&log).await;
    drop(learned);
    within(SOON, "ended", || follower.shared.following.load(Ordering::Relaxed) == 0).await;
}

#[test]
fn the_log_is_followed_from_the_first_use_inside_a_runtime_on() {
    let log = Odd::default();
    let process = Process::start(log.clone());
    assert!(!process.is_usable() && log.0.reads.load(Ordering::Relaxed) == 0);
    drop(process.follower.append(revoked("sess_1")));

    for round in 1..=2 {
        // When this runtime is gone, the next one takes over.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            process.follower.ensure_following();
            within(SOON, "usable", || process.is_usable()).await;
            within(SOON, "what was revoked outside", || process.refuses("sess_1")).await;
            assert!(process.revoke(&format!("sess_1{round}")).await);
        });
        drop(runtime);
        assert!(!process.is_usable());
        assert!(said(&process).contains("runtime"), "{}", said(&process));
    }
}

#[test]
fn a_runtime_that_stands_still_is_taken_over_from() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    };
    let (first, second) = (runtime(), runtime());
    let log = Odd::default();
    let process = first.block_on(usable(&log));
    // Nobody drives the first one from here on; it is neither ended nor dropped.
    second.block_on(async {
        tokio::time::sleep(super::super::STANDSTILL).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        within(SOON, "usable", || process.is_usable()).await;
        assert!(process.revoke("sess_1").await);
    });
    first.block_on(async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_ne!(
            process.follower.shared.following.load(Ordering::Relaxed),
            0,
            "not ended by the old one"
        );
        let reads = log.0.reads.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(log.0.reads.load(Ordering::Relaxed), reads, "which no longer follows");
    });
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_ends_the_tasks_while_the_log_is_away_too() {
    let log = Odd::default();
    let process = usable(&log).await;
    log.is(|log| &log.reading_fails, true);
    within(SOON, "noticed", || !process.is_usable()).await;
    let weak = Arc::downgrade(&process.follower.shared);
    drop(process);
    within(SOON, "the tasks have ended", || weak.strong_count() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_appended_to_a_server_that_no_longer_counts_is_appended_again() {
    let log = Odd::default();
    let process = usable(&log).await;
    log.is(|log| &log.swallows, true);
    assert!(process.revoke("sess_1").await, "it is acknowledged, and nobody will read it");
    within(SOON, "connected anew", || log.0.reconnected.load(Ordering::Relaxed) > 0).await;
    for entry in log.0.entries.lock().unwrap().iter_mut() {
        *entry = LogEntry::Beat("of the other server".into());
    }
    log.is(|log| &log.swallows, false);
    let is_there = || log.0.entries.lock().unwrap().contains(&revoked("sess_1"));
    within(SOON, "appended again", is_there).await;
}

/// A log that does not say where to go on, but for its first page.
#[derive(Clone, Default)]
struct Silent(Arc<Mutex<Vec<Option<LogCursor>>>>);

impl RevocationLog for Silent {
    fn append(
        &self,
        _: Vec<LogEntry>,
    ) -> impl Future<Output = Result<(), LogError>> + Send + 'static {
        std::future::ready(Ok(()))
    }

    fn read(
        &self,
        after: Option<LogCursor>,
        wait: Duration,
    ) -> impl Future<Output = Result<LogPage, LogError>> + Send + 'static {
        let next = after.is_none().then(|| LogCursor::new("1"));
        self.0.lock().unwrap().push(after);
        async move {
            tokio::time::sleep(wait).await;
            Ok(LogPage::new(Vec::new(), next))
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_a_page_does_not_say_where_to_go_on_it_is_read_on_from_where_it_began() {
    let log = Silent::default();
    let _process = Process::start(log.clone());
    within(SOON, "read", || log.0.lock().unwrap().len() > 3).await;
    let first = LogCursor::new("1");
    let asked = log.0.lock().unwrap();
    assert!(asked[0].is_none() && asked[1..].iter().all(|after| after.as_ref() == Some(&first)));
}
