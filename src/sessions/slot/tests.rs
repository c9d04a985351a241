//! What a slot keeps in mind.

use super::*;
use crate::{
    SessionStatus,
    sessions::test_sessions::{self, HOUR, session},
};

fn noon() -> UnixTime {
    test_sessions::noon().into()
}

fn slot() -> Slot {
    Slot::new("sess_1".parse().unwrap())
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ending(answer: Option<Result<Session, client::Error>>) -> Ending {
    Ending { status: SessionStatus::Revoked, answer }
}

#[test]
fn evidence_is_the_latest_and_cut_off_at_now() {
    let slot = slot();
    assert_eq!(slot.assembled_at(noon()), None);
    slot.note_evidence(noon() - seconds(10), noon());
    slot.note_evidence(noon() - seconds(20), noon());
    assert_eq!(slot.assembled_at(noon()), Some(noon() - seconds(10)));
    slot.note_evidence(noon() + seconds(5), noon());
    assert_eq!(slot.assembled_at(noon()), Some(noon()), "Clerk's clock is ahead");
}

#[test]
fn evidence_from_the_future_is_none_and_the_next_takes_its_place() {
    let slot = slot();
    slot.note_evidence(noon(), noon());
    let set_back = noon() - HOUR;
    assert_eq!(slot.assembled_at(noon() - seconds(1)), Some(noon()), "within the slack");
    assert_eq!(slot.assembled_at(set_back), None);
    slot.note_evidence(set_back - seconds(30), set_back);
    assert_eq!(slot.assembled_at(set_back), Some(set_back - seconds(30)));
}

#[test]
fn what_is_forgotten_is_marked_and_that_it_is_over_is_not_forgotten() {
    let slot = slot();
    slot.keep(Arc::new(CacheEntry::new(Fact::Session(session("active")), noon(), true, 0)), 0);
    slot.forget(noon());
    let forgotten_at = |slot: &Slot| {
        slot.entry().as_ref().filter(|entry| entry.is_forgotten()).map(|entry| entry.sent_at)
    };
    assert_eq!((forgotten_at(&slot), slot.epoch()), (Some(noon()), 1));
    // A clock that was set back makes it no earlier.
    slot.forget(noon() - HOUR);
    assert_eq!(forgotten_at(&slot), Some(noon()));
    slot.forget(noon() + HOUR);
    assert_eq!(forgotten_at(&slot), Some(noon() + HOUR));

    slot.entomb(ending(None), noon());
    slot.forget(noon());
    assert!(slot.is_over() && forgotten_at(&slot).is_none());
}

#[test]
fn an_answer_of_an_earlier_epoch_is_not_kept() {
    let slot = slot();
    let entry = || Arc::new(CacheEntry::new(Fact::Session(session("active")), noon(), true, 0));
    slot.forget(noon());
    slot.keep(entry(), 0);
    assert!(slot.entry().as_ref().unwrap().is_forgotten());
    slot.keep(entry(), 1);
    assert!(slot.entry().as_ref().unwrap().active(noon()).is_some());
}

#[test]
fn what_clerk_answered_to_a_revocation_is_not_forgotten() {
    let slot = slot();
    slot.entomb(ending(None), noon());
    assert!(slot.answer_to_revocation().is_none() && slot.is_over());
    slot.entomb(ending(Some(Ok(session("revoked")))), noon());
    slot.entomb(ending(None), noon());
    slot.entomb(ending(Some(Err(client::Error::no_such_session()))), noon());
    assert!(slot.answer_to_revocation().unwrap().is_ok());
}

#[test]
fn a_final_answer_of_clerks_is_final() {
    let slot = slot();
    let entry = |status| Arc::new(CacheEntry::new(Fact::Session(session(status)), noon(), true, 0));
    slot.keep(entry("ended"), 0);
    slot.keep(entry("active"), 0);
    assert!(slot.is_over());
}

#[test]
fn clerk_is_left_alone_for_a_second_after_a_failure() {
    let slot = slot();
    assert!(!slot.failed_just_now(noon()));
    slot.note_failure(noon());
    let failed =
        [0, 999, 1000].map(|millis| slot.failed_just_now(noon() + Duration::from_millis(millis)));
    assert_eq!(failed, [true, true, false]);
    assert!(!slot.failed_just_now(noon() - HOUR), "the clock was set back");
}
