//! `networkless_if_error`, and each of its nevers.

use super::*;

/// In an outage, by a token that was assembled a second ago.
fn case(entry: impl Into<Option<CacheEntry>>) -> Case {
    Case::new(entry).in_vain().by(Token::assembled_at(-1.0)).networkless_if_error()
}

fn forgotten(at: f64) -> CacheEntry {
    CacheEntry::new(Fact::Forgotten, t(at), false, 0)
}

#[test]
fn a_token_whose_own_evidence_is_within_the_ttl_does_without_a_description() {
    assert_eq!(case(None).told(), Unconfirmed);
    assert_eq!(case(None).by(Token::assembled_at(-59.0)).told(), Unconfirmed);
    assert_eq!(case(None).by(Token::assembled_at(-60.0)).told(), Wait);
    assert_eq!(case(None).ttl(0).told(), Wait);
}

#[test]
fn never_while_clerk_can_be_asked_nor_where_it_is_off() {
    assert_eq!(Case { in_vain: false, ..case(None) }.told(), Wait);
    assert_eq!(Case::new(None).in_vain().by(Token::assembled_at(-1.0)).told(), Wait);
}

#[test]
fn never_by_what_another_token_proved() {
    assert_eq!(case(None).by(Token::plain()).noted(-1.0).told(), Wait);
    assert_eq!(case(None).by_trusted_id().noted(-1.0).told(), Wait);
}

#[test]
fn never_by_a_token_that_does_not_vouch() {
    let assembled = || Token::assembled_at(-1.0);
    assert_eq!(case(None).by(Token::plain()).told(), Wait);
    assert_eq!(case(None).by(assembled().header("cat", json!("cl_I7d4PD111III"))).told(), Wait);
    let accepting = Policy::new().accept_pending();
    let pending = Case { policy: accepting, ..case(None) };
    assert_eq!(pending.by(assembled().claim("sts", json!("pending"))).told(), Wait);
    assert_eq!(case(None).answers_only().told(), Wait);
}

#[test]
fn never_on_a_route_with_a_max_age() {
    assert_eq!(case(None).max_age(86_400.0).told(), Wait);
}

#[test]
fn never_where_something_negative_was_asked_for_after_the_evidence() {
    for negative in [described as fn(&str, f64) -> CacheEntry, |_, at| missing(at)] {
        // Old enough to be asked about again, and too late for a token that was assembled a second ago.
        assert_eq!(case(negative("pending", -5.0)).told(), Wait);
        assert_eq!(case(negative("pending", -5.9)).told(), Wait);
        // The clocks differ by the skew at most: this was assembled after it was asked.
        assert_eq!(case(negative("pending", -6.1)).told(), Unconfirmed);
    }
}

#[test]
fn never_by_what_was_proven_before_it_was_forgotten() {
    assert_eq!(case(forgotten(-1.0)).told(), Wait);
    assert_eq!(case(forgotten(-6.0)).told(), Wait);
    assert_eq!(case(forgotten(-6.1)).told(), Unconfirmed);
    assert_eq!(case(forgotten(100.0)).told(), Wait, "the clock was set back");
}

#[test]
fn never_where_the_known_user_is_another() {
    let foreign = Token::assembled_at(-1.0).claim("sub", json!("user_2"));
    for entry in [active(-1000.0), described("pending", -1000.0), active(-1.0)] {
        assert_eq!(case(entry).by(foreign.clone()).told(), Refused("clerk-unavailable"));
    }
}

#[test]
fn never_past_a_known_end() {
    let until =
        |end| answered(Fact::Session(session_until("active", t(end).to_system_time())), -1000.0);
    assert_eq!(case(until(0.0)).told(), Wait);
    assert_eq!(case(until(-10.0)).told(), Wait);
    // A description that serves is better than none.
    assert_eq!(case(until(10_000.0)).told(), Ahead);
    // Activity may have moved the other end: it is an hour before that.
    let abandoned = session_until("active", t(3600.0).to_system_time());
    let mut json = serde_json::to_value(&abandoned).unwrap();
    json["abandon_at"] = json!((NOON - 10) * 1000);
    let abandoned = answered(Fact::Session(serde_json::from_value(json).unwrap()), -1000.0);
    assert_eq!(case(abandoned).told(), Unconfirmed);
}

#[test]
fn never_by_an_expired_token() {
    let told = case(None).by(Token::assembled_at(-100.0).issued_at(-66.0)).told();
    assert_eq!(told, Refused("token-expired"));
}

#[test]
fn never_by_what_was_proven_before_a_denial() {
    let case = |before| case(None).denied_before(before);
    assert_eq!(case(-7.0).told(), Unconfirmed);
    assert_eq!(case(-6.0).told(), Wait, "Clerk's clock may be ahead");
}
