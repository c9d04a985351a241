//! What holds of every log, the one in memory and those of the engines.

use std::time::Duration;

use super::{Process, within};
use crate::fleet::RevocationLog;

/// A log that can be broken.
pub(crate) trait Site {
    type Log: RevocationLog;

    /// Another process's connection to the log, and what breaks it.
    fn connect(&self) -> (Self::Log, Box<dyn Link>);
    /// No call ends until it is resumed.
    fn stop(&self);
    fn resume(&self);
    /// Everything acknowledged is gone, and no connection is.
    fn lose(&self);
}

/// What lies between one process and the log.
pub(crate) trait Link {
    /// All connections fail, those there are and new ones.
    fn cut(&self);
    fn mend(&self);
}

/// By when all must hold again after a fault: what the users are told.
pub(crate) const RECOVERED: Duration = Duration::from_secs(2);
/// Ample for whatever need not be fast, on a machine that has other things to do.
const SOON: Duration = Duration::from_secs(10);

pub(crate) struct Member {
    pub(crate) process: Process,
    pub(crate) link: Box<dyn Link>,
}

pub(crate) fn member(site: &impl Site) -> Member {
    let (log, link) = site.connect();
    Member { process: Process::start(log), link }
}

/// Some processes, once all of them find the log usable.
pub(crate) async fn fleet(site: &impl Site, size: usize) -> Vec<Member> {
    let fleet: Vec<_> = (0..size).map(|_| member(site)).collect();
    for member in &fleet {
        within(SOON, "usable", || member.process.is_usable()).await;
    }
    fleet
}

/// Revokes a session, again and again until the log has acknowledged it: on a busy machine, a moment may be too short.
pub(crate) async fn acknowledged(process: &Process, session: &str) {
    let began = tokio::time::Instant::now();
    while !process.revoke(session).await {
        assert!(began.elapsed() < SOON, "{session} is not acknowledged");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) async fn all_refuse(fleet: &[Member], sessions: usize, time: Duration) {
    for (at, Member { process, .. }) in fleet.iter().enumerate() {
        let what = format!("process {at} refuses {sessions} sessions");
        within(time, &what, || process.refused() == sessions).await;
    }
}

pub(crate) async fn what_is_revoked_anywhere_is_refused_everywhere(site: &impl Site) {
    let fleet = fleet(site, 3).await;
    for (at, member) in fleet.iter().enumerate() {
        acknowledged(&member.process, &format!("sess_{at}")).await;
    }
    all_refuse(&fleet, 3, SOON).await;
}

pub(crate) async fn a_process_that_starts_learns_what_was_revoked_before(site: &impl Site) {
    let before = fleet(site, 1).await;
    for n in 0..600 {
        drop(before[0].process.follower.append(super::revoked(&format!("sess_{n}"))));
    }
    all_refuse(&before, 600, SOON).await;
    drop(before);
    let restarted = fleet(site, 1).await;
    all_refuse(&restarted, 600, SOON).await;
}

pub(crate) async fn a_process_that_was_cut_off_catches_up_and_is_caught_up_with(site: &impl Site) {
    let fleet = fleet(site, 3).await;
    let [alone, other, _] = &fleet[..] else { unreachable!() };
    alone.link.cut();
    within(SOON, "the cut is noticed", || !alone.process.is_usable()).await;
    acknowledged(&other.process, "sess_1").await;
    assert!(!alone.process.revoke("sess_2").await, "nobody can have acknowledged it");
    within(SOON, "the others go on", || fleet[2].process.refuses("sess_1")).await;
    assert!(!alone.process.refuses("sess_1") && !other.process.refuses("sess_2"));
    assert!(alone.process.follower.report().last_error.is_some());

    alone.link.mend();
    all_refuse(&fleet, 2, RECOVERED).await;
    within(RECOVERED, "usable", || alone.process.is_usable()).await;
    assert_eq!(alone.process.follower.report().last_error, None);
}

pub(crate) async fn whoever_revokes_waits_for_a_stopped_log_a_moment_and_then_no_more(
    site: &impl Site,
) {
    let fleet = fleet(site, 2).await;
    site.stop();
    let began = tokio::time::Instant::now();
    assert!(!fleet[0].process.revoke("sess_1").await);
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(249) && waited < Duration::from_secs(1), "{waited:?}");
    within(SOON, "it is noticed", || fleet.iter().all(|it| !it.process.is_usable())).await;
    let began = tokio::time::Instant::now();
    assert!(!fleet[0].process.revoke("sess_2").await);
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());

    site.resume();
    all_refuse(&fleet, 2, RECOVERED).await;
}

pub(crate) async fn what_the_log_has_lost_is_appended_again_by_those_who_wrote_it(
    site: &impl Site,
) {
    let mut fleet = fleet(site, 2).await;
    for n in 0..20 {
        acknowledged(&fleet[n % 2].process, &format!("sess_{n}")).await;
    }
    all_refuse(&fleet, 20, SOON).await;
    site.lose();
    fleet.push(member(site));
    // It is noticed with the next sign of life at the latest.
    all_refuse(&fleet, 20, Duration::from_secs(6) + RECOVERED).await;
}
