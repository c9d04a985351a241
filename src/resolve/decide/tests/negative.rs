//! What Clerk said against a session, and when it is asked again.

use super::*;

const FINAL: [(&str, &str); 6] = [
    ("revoked", "session-revoked"),
    ("ended", "session-ended"),
    ("expired", "session-expired"),
    ("removed", "session-removed"),
    ("abandoned", "session-abandoned"),
    ("replaced", "session-replaced"),
];

#[test]
fn nothing_revives_what_is_final() {
    for (status, reason) in FINAL {
        for now in [0.0, 4.0, 100.0, 100_000.0] {
            let case = |in_vain| Case { in_vain, ..Case::new(described(status, 0.0)) }.at(now);
            for in_vain in [false, true] {
                let renewed = case(in_vain).by(Token::assembled_at(now)).noted(now);
                let told = renewed.stale_if_error(86_400).networkless_if_error().told();
                assert_eq!(told, Refused(reason), "{now}");
                assert_eq!(case(in_vain).max_age(0.0).told(), Refused(reason), "{now}");
                assert_eq!(case(in_vain).by_trusted_id().told(), Refused(reason), "{now}");
            }
            let networkless = case(false).checked_by(SessionCheck::Networkless);
            assert_eq!(networkless.told(), Refused(reason));
        }
    }
}

#[test]
fn negative_facts_stand_for_their_time() {
    let old = || Token::of_origin(-30.0);
    for (entry, reason) in [
        (described("pending", 0.0), "session-pending"),
        (described("unheard_of", 0.0), "session-status-unknown"),
        (missing(0.0), "session-not-found"),
    ] {
        let case = |now: f64| Case::new(entry.clone()).at(now).by(old());
        assert_eq!(case(0.0).told(), Refused(reason));
        assert_eq!(case(4.9).told(), Refused(reason));
        assert_eq!(case(5.0).told(), Wait);
        assert_eq!(case(4.9).by_trusted_id().told(), Refused(reason));
        assert_eq!(case(4.9).noted(4.9).told(), Refused(reason), "evidence alone revives nothing");
        assert_eq!(case(2.0).max_age(1.0).told(), Wait);
        // Not even while Clerk cannot be asked.
        assert_eq!(case(5.0).stale_if_error(600).in_vain().told(), Wait);
    }
}

#[test]
fn a_token_that_may_know_better_asks_anew_and_once() {
    for entry in [described("pending", 0.0), missing(0.0)] {
        let case = |entry, token| Case::new(entry).at(1.0).by(token);
        // A second is as exactly as it tells, and five are between the clocks.
        let refused = case(entry.clone(), Token::of_origin(-6.0)).told();
        assert!(matches!(refused, Refused(_)), "{refused:?}");
        assert_eq!(case(entry.clone(), Token::of_origin(-5.0)).told(), Wait);
        assert_eq!(case(entry.clone(), Token::of_origin(1.0)).told(), Wait);
        // Where it does not tell when it was assembled, it counts when it was issued.
        assert_eq!(case(entry.clone(), Token::plain().issued_at(0.0)).told(), Wait);
        assert!(matches!(case(entry.clone(), Token::plain().issued_at(-7.0)).told(), Refused(_)));
        // An edge that renews it knows nothing new.
        assert!(matches!(case(entry.clone(), Token::assembled_at(-7.0)).told(), Refused(_)));

        for (asked_for, assembled_at, is_told) in
            [(0.0, 0.0, true), (1.0, 0.0, true), (-1.0, 0.0, false)]
        {
            let entry = entry.clone().asked_for(Some(t(asked_for).to_system_time()));
            let told = case(entry, Token::of_origin(assembled_at)).told();
            assert_eq!(matches!(told, Refused(_)), is_told, "{asked_for} {assembled_at} {told:?}");
        }
        // The answer may still come in vain.
        assert_eq!(case(entry, Token::of_origin(1.0)).in_vain().told(), Wait);
    }
}

#[test]
fn pending_sessions_are_admitted_where_they_are_accepted() {
    let case = |now: f64| Case {
        policy: Policy::new().accept_pending(),
        ..Case::new(described("pending", 0.0)).at(now).by(Token::of_origin(-30.0))
    };
    assert_eq!(case(4.0).told(), Admitted);
    assert_eq!(case(5.0).told(), Wait);
}

#[test]
fn networkless_refuses_what_is_over_and_nothing_that_is_forgotten() {
    let case = |entry: Option<CacheEntry>| Case::new(entry).checked_by(SessionCheck::Networkless);
    let forgotten = CacheEntry::new(Fact::Forgotten, t(0.0), false, 0);
    for admitted in [None, Some(forgotten), Some(described("pending", 0.0)), Some(missing(0.0))] {
        let told = case(admitted).told();
        assert_eq!(told, Admitted);
    }
    let ended = crate::sessions::Ending { status: SessionStatus::Ended, answer: None };
    let ended = CacheEntry::new(Fact::Ended(ended), t(-1000.0), false, 0);
    assert_eq!(case(Some(ended)).told(), Refused("session-ended"));
    assert_eq!(case(None).max_age(10.0).told(), Refused("max-age-needs-get"));
}

#[test]
fn a_session_whose_time_is_over_is_asked_about_and_then_refused() {
    let until = |end: f64, sent_at: f64| {
        answered(Fact::Session(session_until("active", t(end).to_system_time())), sent_at)
    };
    // It may have been prolonged since.
    assert_eq!(Case::new(until(0.0, -1.0)).told(), Wait);
    assert_eq!(
        Case::new(until(-1.0, 0.0)).by(Token::of_origin(-30.0)).told(),
        Refused("session-expired")
    );
    let pending = answered(Fact::Session(session_until("pending", t(-1.0).to_system_time())), 0.0);
    let accepting = Policy::new().accept_pending();
    let case = Case { policy: accepting, ..Case::new(pending) }.by(Token::of_origin(-30.0));
    assert_eq!(case.told(), Refused("session-expired"));
}
