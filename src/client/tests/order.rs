//! Whose turn it is, and whose place.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    client::{
        Quota,
        turns::{Rank, Turn, Turns, Wish},
    },
    secret_key::InstanceKind,
};

const TIMEOUT: Duration = Duration::from_secs(3);

fn development() -> Turns {
    Turns::new(Quota::default().allowance(InstanceKind::Development).unwrap())
}

fn wish(turns: &mut Turns, rank: Rank, since: Instant) -> Wish {
    let deadline = since + TIMEOUT;
    let latest = deadline - TIMEOUT / 3;
    Wish { ticket: turns.ticket(), rank, keeps_quiet: rank != Rank::Urgent, latest, deadline }
}

/// What somebody is told who asks now and does not stay.
fn told(turns: &mut Turns, rank: Rank, now: Instant) -> Turn {
    let wish = wish(turns, rank, now);
    let turn = turns.ask(&wish, now);
    turns.leave(wish.ticket);
    turn
}

/// How many calls are made at once.
fn at_once(turns: &mut Turns, rank: Rank, now: Instant) -> usize {
    (0..1000).take_while(|_| told(turns, rank, now) == Turn::Now).count()
}

#[test]
fn a_call_that_ought_to_be_over_takes_nobodys_place() {
    let (mut turns, now) = (Turns::new(None), Instant::now());
    for _ in 0..64 {
        let wish = wish(&mut turns, Rank::Waiting, now);
        assert_eq!(turns.ask(&wish, now), Turn::Now);
    }
    let over = now + TIMEOUT;
    assert_eq!(told(&mut turns, Rank::Waiting, over - Duration::from_millis(1)), Turn::Occupied);
    assert_eq!(told(&mut turns, Rank::Waiting, over), Turn::Now);
}

#[test]
fn what_is_asked_ahead_of_time_leaves_half_of_the_places_to_requests() {
    let (mut turns, now) = (Turns::new(None), Instant::now());
    for under_way in 0..32 {
        assert_eq!(told(&mut turns, Rank::Ahead, now), Turn::Now, "{under_way}");
        let wish = wish(&mut turns, Rank::Waiting, now);
        assert_eq!(turns.ask(&wish, now), Turn::Now);
    }
    assert!(matches!(told(&mut turns, Rank::Ahead, now), Turn::Refused(_)));
    assert_eq!(told(&mut turns, Rank::Waiting, now), Turn::Now);
}

#[test]
fn nothing_is_asked_ahead_of_time_until_clerk_has_answered_again_after_a_429() {
    let (mut turns, start) = (Turns::new(None), Instant::now());
    turns.refused(start, None, start);
    let later = start + Duration::from_secs(2);
    assert_eq!(told(&mut turns, Rank::Waiting, later), Turn::Now);
    assert!(matches!(told(&mut turns, Rank::Ahead, later), Turn::Refused(_)));
    turns.answered(start + Duration::from_secs(1));
    assert_eq!(told(&mut turns, Rank::Ahead, later), Turn::Now);
}

#[test]
fn no_burst_follows_a_429() {
    let (mut turns, start) = (development(), Instant::now());
    turns.refused(start, None, start);
    let calls = at_once(&mut turns, Rank::Waiting, start + Duration::from_secs(1));
    assert!((1..=10).contains(&calls), "{calls}");
}

#[test]
fn whoever_has_waited_all_the_time_is_not_sent_away_for_a_moments_delay() {
    let (mut turns, start) = (development(), Instant::now());
    at_once(&mut turns, Rank::Waiting, start);
    let Turn::At(latest) = told(&mut turns, Rank::Waiting, start) else { panic!("it has to wait") };
    let (deadline, moment) = (latest + TIMEOUT / 3, Duration::from_millis(50));
    let last = Wish { latest, deadline, ..wish(&mut turns, Rank::Waiting, start) };
    let late = |turns: &mut Turns| turns.ask(&last, latest + moment);
    assert!(matches!(late(&mut turns), Turn::Refused(_)), "it comes only now");
    assert_eq!(turns.ask(&last, start), Turn::At(latest));
    assert_eq!(late(&mut turns), Turn::Now);
}

#[test]
fn a_call_that_hangs_is_not_repeated_while_somebody_waits_for_a_turn() {
    let mut turns = Turns::new(Quota::default().allowance(InstanceKind::Production).unwrap());
    let start = Instant::now();
    at_once(&mut turns, Rank::Waiting, start);
    let waiting = wish(&mut turns, Rank::Waiting, start);
    let Turn::At(at) = turns.ask(&waiting, start) else { panic!("it has to wait") };
    let repeated = wish(&mut turns, Rank::Waiting, start);
    let soon = at + Duration::from_millis(50);
    assert!(!turns.ask_idle(&repeated, soon, || true));
    turns.leave(waiting.ticket);
    assert!(turns.ask_idle(&repeated, soon, || true), "the negative control");
}

#[test]
fn requests_wait_behind_sign_outs_that_wait() {
    let (mut turns, now) = (development(), Instant::now());
    at_once(&mut turns, Rank::Waiting, now);
    at_once(&mut turns, Rank::Urgent, now);
    let before = told(&mut turns, Rank::Waiting, now);
    let urgent = wish(&mut turns, Rank::Urgent, now);
    assert!(matches!(turns.ask(&urgent, now), Turn::At(_)));
    let (Turn::At(before), Turn::At(behind)) = (before, told(&mut turns, Rank::Waiting, now))
    else {
        panic!("they have to wait")
    };
    assert!(behind > before);
}
