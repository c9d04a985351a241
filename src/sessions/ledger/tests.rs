//! One question at a time, and one behind it.

use super::*;
use crate::{
    SessionStatus,
    sessions::{
        entry::Ending,
        test_sessions::{HOUR, noon, session},
    },
};

const TIMEOUT: Duration = Duration::from_secs(3);

fn slot() -> Arc<Slot> {
    Arc::new(Slot::new("sess_1".parse().unwrap()))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// That of a question that begins so long after the first.
fn term(after: Duration) -> Term {
    thread_local!(static START: Instant = Instant::now());
    let now = START.with(|start| *start + after);
    Term { now, overdue_at: now + TIMEOUT }
}

/// Somebody who takes an answer of this age at most.
fn wanted(slot: &Slot, asked_at: SystemTime, lifetime: Duration) -> Wanted {
    let (epoch, learned) = (slot.epoch(), slot.learned());
    Wanted { asked_at: asked_at.into(), lifetime, epoch, learned, for_token_of: None }
}

fn join(slot: &Arc<Slot>, asked_at: SystemTime, lifetime: Duration) -> Joined {
    slot.join(&wanted(slot, asked_at, lifetime), term(Duration::ZERO)).unwrap()
}

fn begin(slot: &Arc<Slot>, now: SystemTime) -> Fill {
    let fill = join(slot, now, Duration::ZERO).begun.unwrap();
    fill.sent(now);
    fill
}

fn learn(fill: Fill, status: &str) -> Option<Fill> {
    fill.learned(Fact::Session(session(status)), noon(), 0, term(Duration::ZERO))
}

fn missing() -> Fact {
    Fact::Missing(client::Error::no_such_session())
}

fn sent_at(slot: &Slot) -> Option<SystemTime> {
    slot.entry().as_ref().map(|entry| entry.sent_at.to_system_time())
}

fn entomb(slot: &Slot) {
    let ending = Ending { status: SessionStatus::Revoked, answer: None };
    slot.entomb(ending, noon().into());
}

#[test]
fn a_thousand_callers_who_want_an_answer_of_their_own_ask_twice() {
    let slot = slot();
    let first = begin(&slot, noon());
    let joined: Vec<_> =
        (1..=1000).map(|n| join(&slot, noon() + seconds(n), Duration::ZERO)).collect();
    assert!(joined.iter().all(|joined| joined.begun.is_none()));

    let second = learn(first, "active").expect("it was waited for");
    second.sent(noon() + seconds(1001));
    assert!(joined.iter().all(|joined| !joined.progress.borrow().has_ended()));
    assert!(learn(second, "active").is_none());
    assert!(joined.iter().all(|joined| joined.progress.borrow().has_ended()));
}

#[test]
fn whoever_takes_an_older_answer_joins_the_question_under_way() {
    let slot = slot();
    let first = begin(&slot, noon());
    let joins_first = |age, lifetime| {
        let joined = join(&slot, noon() + seconds(age), seconds(lifetime));
        joined.progress.same_channel(&first.progress.subscribe())
    };
    assert!(joins_first(9, 10));
    assert!(!joins_first(10, 10), "an answer of that age is too old");
    assert!(joins_first(0, 0), "it was sent no earlier than this one asked");
}

#[test]
fn a_question_that_waits_for_its_turn_serves_whoever_comes_meanwhile() {
    let slot = slot();
    let queued = join(&slot, noon(), Duration::ZERO).begun.unwrap();
    let later = join(&slot, noon() + HOUR, Duration::ZERO);
    assert!(later.progress.same_channel(&queued.progress.subscribe()));
}

#[test]
fn nobody_waits_for_a_question_ahead_of_time_that_may_never_be_sent() {
    let slot = slot();
    let ahead = slot.begin_ahead(term(Duration::ZERO)).unwrap();
    assert!(slot.begin_ahead(term(Duration::ZERO)).is_none(), "one is under way");
    let waiting = join(&slot, noon(), HOUR);
    assert!(!waiting.progress.same_channel(&ahead.progress.subscribe()));
    let next = ahead.failed(client::Error::interrupted(), term(Duration::ZERO)).unwrap();
    assert!(!next.is_ahead());

    // Once it has been sent it is as good as any, but for its failure.
    let slot = self::slot();
    let ahead = slot.begin_ahead(term(Duration::ZERO)).unwrap();
    ahead.sent(noon());
    let waiting = join(&slot, noon(), HOUR);
    assert!(waiting.is_ahead && waiting.progress.same_channel(&ahead.progress.subscribe()));
}

#[test]
fn what_waits_is_not_ahead_of_time_by_whomever_it_is_begun() {
    let slot = slot();
    let stands_still = begin(&slot, noon());
    let waiting = join(&slot, noon() + seconds(1), Duration::ZERO);
    let begun = slot.begin_ahead(term(TIMEOUT)).unwrap();
    assert!(!begun.is_ahead());
    assert!(waiting.progress.same_channel(&begun.progress.subscribe()));
    drop(stands_still);
    assert!(!waiting.progress.borrow().has_ended());
}

#[test]
fn a_question_whose_runtime_stands_still_is_taken_over_once() {
    let slot = slot();
    let stands_still = begin(&slot, noon());
    let early = wanted(&slot, noon(), HOUR);
    assert!(slot.join(&early, term(TIMEOUT - seconds(1))).unwrap().begun.is_none());
    let takes_over = slot.join(&early, term(TIMEOUT)).unwrap().begun.unwrap();
    for _ in 0..100 {
        let joined = slot.join(&early, term(TIMEOUT)).unwrap();
        assert!(joined.begun.is_none());
        assert!(joined.progress.same_channel(&takes_over.progress.subscribe()));
    }
    // The late one neither ends nor releases the one that took its place.
    learn(stands_still, "active");
    assert!(slot.join(&early, term(TIMEOUT)).unwrap().begun.is_none());
    assert!(!takes_over.progress.subscribe().borrow().has_ended());
}

#[test]
fn a_question_whose_runtime_is_gone_is_asked_again() {
    let slot = slot();
    let gone = begin(&slot, noon());
    let (here, behind) = (join(&slot, noon(), HOUR), join(&slot, noon() + HOUR, HOUR));
    drop(gone);
    for joined in [here, behind] {
        assert!(joined.progress.has_changed().is_err(), "nobody is left to answer");
    }
    assert!(join(&slot, noon(), HOUR).begun.is_some());
}

#[test]
fn what_is_learned_after_the_clock_was_set_back_counts() {
    let (slot, now) = (slot(), noon());
    begin(&slot, now).learned(missing(), now, 0, term(Duration::ZERO));
    begin(&slot, now - HOUR).learned(missing(), now - HOUR, 0, term(Duration::ZERO));
    assert_eq!(sent_at(&slot), Some(now - HOUR));
}

#[test]
fn a_late_answer_to_an_early_question_does_not_count() {
    let (slot, now) = (slot(), noon());
    let early = begin(&slot, now);
    let later = slot.join(&wanted(&slot, now + HOUR, HOUR), term(TIMEOUT)).unwrap().begun.unwrap();
    later.sent(now + HOUR);
    later.learned(missing(), now + HOUR, 0, term(TIMEOUT));
    early.learned(missing(), now + HOUR, 0, term(TIMEOUT));
    assert_eq!(sent_at(&slot), Some(now + HOUR));
}

#[test]
fn a_late_answer_counts_where_no_later_one_has_come() {
    let (slot, now) = (slot(), noon());
    let early = begin(&slot, now);
    let later = slot.join(&wanted(&slot, now + HOUR, HOUR), term(TIMEOUT)).unwrap().begun.unwrap();
    learn(early, "active");
    assert_eq!(sent_at(&slot), Some(now));
    later.sent(now + HOUR);
    learn(later, "active");
    assert_eq!(sent_at(&slot), Some(now + HOUR));
}

#[test]
fn no_answer_takes_the_place_of_a_revocation() {
    let slot = slot();
    let under_way = begin(&slot, noon());
    let behind = join(&slot, noon() + HOUR, Duration::ZERO);
    entomb(&slot);
    assert!(behind.progress.has_changed().is_err(), "there is nothing left to wait for");
    assert!(under_way.learned(missing(), noon(), 0, term(Duration::ZERO)).is_none());
    assert!(slot.is_over());
    assert!(slot.join(&wanted(&slot, noon() + HOUR, HOUR), term(Duration::ZERO)).is_none());
    assert!(slot.begin_ahead(term(TIMEOUT)).is_none());
    slot.forget(noon().into());
    assert!(slot.is_over());
}

#[test]
fn whoever_waits_behind_the_answer_that_ends_it_waits_no_longer() {
    let slot = slot();
    let under_way = begin(&slot, noon());
    let behind = join(&slot, noon() + HOUR, Duration::ZERO);
    assert!(learn(under_way, "revoked").is_none());
    assert!(slot.is_over());
    assert!(behind.progress.has_changed().is_err());
}

#[test]
fn what_is_forgotten_meanwhile_is_not_learned_and_told_to_those_who_came_before() {
    let slot = slot();
    let under_way = begin(&slot, noon());
    let before = join(&slot, noon(), HOUR);
    slot.forget(noon().into());
    let after = join(&slot, noon(), HOUR);
    let next = learn(under_way, "active").expect("somebody came since");
    assert!(before.progress.borrow().has_ended());
    assert!(!after.progress.borrow().has_ended());
    assert!(slot.entry().as_ref().unwrap().is_forgotten());
    next.sent(noon());
    learn(next, "active");
    assert!(slot.entry().as_ref().unwrap().active(noon().into()).is_some());
}

#[test]
fn forgets_that_keep_coming_outdate_no_question_for_whoever_came_before_them() {
    let slot = slot();
    let request = wanted(&slot, noon(), HOUR);
    let under_way = begin(&slot, noon());
    for _ in 0..10 {
        slot.forget(noon().into());
        let joined = slot.join(&request, term(Duration::ZERO)).unwrap();
        assert!(joined.progress.same_channel(&under_way.progress.subscribe()));
    }
}

#[test]
fn it_is_remembered_on_whose_account_clerk_was_asked() {
    let slot = slot();
    let at = |second| noon() + seconds(second);
    let ask_for = |token_of: Option<SystemTime>| {
        let wanted = Wanted { for_token_of: token_of, ..wanted(&slot, noon(), Duration::ZERO) };
        let fill = slot.join(&wanted, term(Duration::ZERO)).unwrap().begun.unwrap();
        fill.sent(noon());
        learn(fill, "pending");
    };
    let answers = |second| slot.entry().as_ref().unwrap().answers(at(second));
    ask_for(None);
    assert!(!answers(0));
    ask_for(Some(at(5)));
    assert_eq!([4, 5, 6].map(answers), [true, true, false]);
    // A question on an older token's account, or on none, takes nothing back.
    ask_for(Some(at(3)));
    ask_for(None);
    assert!(answers(5));

    // Those who wait behind are asked for together.
    let under_way = begin(&slot, noon());
    for second in [7, 9, 8] {
        let wanted = Wanted { for_token_of: Some(at(second)), ..wanted(&slot, at(99), HOUR / 60) };
        assert!(slot.join(&wanted, term(Duration::ZERO)).unwrap().begun.is_none());
    }
    learn(learn(under_way, "pending").unwrap(), "pending");
    assert!(answers(9));
}

#[test]
fn an_answer_that_comes_between_a_look_and_the_question_spares_another_call() {
    let looked_then = |then: &dyn Fn(&Arc<Slot>), asked_at, lifetime| {
        let slot = slot();
        let looked = wanted(&slot, asked_at, lifetime);
        learn(begin(&slot, noon()), "active");
        then(&slot);
        slot.join(&looked, term(Duration::ZERO)).is_none_or(|joined| joined.begun.is_none())
    };
    assert!(looked_then(&|_| (), noon(), HOUR), "the answer is in the slot");
    assert!(!looked_then(&|_| (), noon() + seconds(1), Duration::ZERO), "it is too old");
    assert!(!looked_then(&|slot| slot.forget(noon().into()), noon(), HOUR), "it was forgotten");
    // Whoever has looked at it wants another.
    let slot = slot();
    learn(begin(&slot, noon()), "active");
    assert!(join(&slot, noon(), HOUR).begun.is_some());
}
