//! How long what is known serves, and who vouches.

use super::*;

#[test]
fn an_answer_serves_for_its_ttl() {
    for (age, told) in
        [(0.0, Admitted), (47.9, Admitted), (48.1, Ahead), (59.9, Ahead), (60.0, Wait)]
    {
        assert_eq!(Case::new(active(-age)).told(), told, "{age}");
        assert_eq!(Case::new(active(-age)).by_trusted_id().told(), told, "{age}");
    }
    // Of a request that has waited it counts how old the answer was when it arrived.
    assert_eq!(Case::new(active(-59.0)).at(2.0).asked_at(0.0).told(), Ahead);
    assert_eq!(Case::new(active(-60.0)).at(2.0).asked_at(0.0).told(), Wait);
    assert_eq!(Case::new(None).told(), Wait);
}

#[test]
fn a_front_end_that_renews_its_token_vouches_for_its_session() {
    let told = |answer, token| Case::new(active(answer)).by(token).told();
    for (age, expected) in
        [(5.0, Admitted), (47.0, Admitted), (48.0, Ahead), (59.0, Ahead), (60.0, Wait)]
    {
        assert_eq!(told(-100.0, Token::assembled_at(-age)), expected, "{age}");
    }
    // A later answer is better evidence, and an earlier one no worse.
    assert_eq!(told(-1.0, Token::assembled_at(-100.0)), Admitted);
    // It is not asked ahead of time for a token that will be used no longer.
    assert_eq!(told(-100.0, Token::of_origin(-55.0)), Admitted);
}

#[test]
fn what_one_token_proves_serves_the_others_of_its_session() {
    assert_eq!(Case::new(active(-100.0)).noted(-10.0).told(), Admitted);
    assert_eq!(Case::new(active(-100.0)).noted(-60.0).told(), Wait);
}

#[test]
fn only_a_session_token_that_says_so_vouches() {
    let told = |token| Case::new(active(-100.0)).by(token).told();
    let good = || Token::assembled_at(-10.0);
    assert_eq!(told(good()), Admitted, "the negative control");
    assert_eq!(told(Token::plain()), Wait, "iat is not oiat");
    assert_eq!(told(good().header("cat", json!("cl_I7d4PD111III"))), Wait, "it does not say so");
    assert_eq!(told(good().claim("sub", json!("user_2"))), Refused("clerk-unavailable"));
    assert_eq!(told(good().header("oiat", json!("1700009990"))), Wait, "no number");
    assert_eq!(
        told(Token::assembled_at(2.0).issued_at(1.0)),
        Wait,
        "assembled after it was issued"
    );
    let pending = Case { policy: Policy::new().accept_pending(), ..Case::new(active(-100.0)) };
    assert_eq!(pending.by(good().claim("sts", json!("pending"))).told(), Wait);
    assert_eq!(Case::new(active(-100.0)).by(good()).answers_only().told(), Wait);
    let template = good().header("cat", json!("cl_B7d4PD222AAA"));
    let accepting = Policy::new().accept_templates();
    assert_eq!(Case { policy: accepting, ..Case::new(active(-100.0)) }.by(template).told(), Wait);
}

#[test]
fn a_trusted_identifier_goes_by_answers_only() {
    assert_eq!(Case::new(active(-100.0)).noted(-1.0).by_trusted_id().told(), Wait);
    for check in [SessionCheck::Verify, SessionCheck::Networkless] {
        let told = Case::new(active(0.0)).by_trusted_id().checked_by(check).told();
        assert_eq!(told, Refused("session-id-needs-get"));
    }
}

#[test]
fn the_description_is_renewed_ahead_serves_twice_its_life_and_longer_only_in_an_outage() {
    let case = |age: f64| Case::new(active(-age)).by(Token::assembled_at(-5.0));
    for (age, told) in [(479.0, Admitted), (481.0, Ahead), (1199.0, Ahead), (1200.0, Wait)] {
        assert_eq!(case(age).told(), told, "{age}");
    }
    assert_eq!(case(1200.0).in_vain().told(), Stale);
    assert_eq!(case(100_000.0).in_vain().told(), Stale);
    assert_eq!(case(1200.0).by(Token::plain()).in_vain().told(), Wait, "nothing proves it");
}

#[test]
fn a_description_is_renewed_before_its_session_ends_and_never_serves_beyond() {
    let ends_in = |seconds| {
        answered(Fact::Session(session_until("active", t(seconds).to_system_time())), 0.0)
    };
    let case = |now: f64| Case::new(ends_in(100.0)).at(now).by(Token::assembled_at(now - 1.0));
    // Four fifths of the way are its life, and it is renewed at four fifths of that.
    for (now, told) in [(63.0, Admitted), (65.0, Ahead), (99.0, Ahead), (100.0, Wait)] {
        assert_eq!(case(now).told(), told, "{now}");
    }
    assert_eq!(case(100.0).stale_if_error(600).in_vain().told(), Wait);
    // Clerk says so itself, having been asked after that time.
    let expired = answered(Fact::Session(session_until("active", t(0.0).to_system_time())), 1.0);
    assert_eq!(
        Case::new(expired).at(2.0).by(Token::of_origin(-30.0)).told(),
        Refused("session-expired")
    );
}

#[test]
fn max_age_counts_a_tokens_evidence_as_older_by_the_skew() {
    for (max_age, answer, told) in [
        (10.0, 9.9, Admitted),
        (10.0, 10.0, Wait),
        (5.0, 4.9, Admitted),
        (0.0, 0.0, Admitted),
        (0.0, 0.001, Wait),
        (600.0, 60.0, Wait),
    ] {
        assert_eq!(Case::new(active(-answer)).max_age(max_age).told(), told, "{max_age} {answer}");
    }
    for (max_age, assembled, told) in [
        (10.0, 4.0, Admitted),
        (10.0, 5.0, Wait),
        (5.1, 0.0, Admitted),
        (5.0, 0.0, Wait),
        (0.0, 0.0, Wait),
    ] {
        let case = Case::new(active(-100.0)).by(Token::assembled_at(-assembled)).max_age(max_age);
        assert_eq!(case.told(), told, "{max_age} {assembled}");
    }
}

#[test]
fn with_a_ttl_of_zero_only_an_answer_to_this_request_serves() {
    let case = |answer: f64| Case::new(active(answer)).ttl(0).by(Token::assembled_at(0.0));
    assert_eq!(case(-0.001).told(), Wait);
    assert_eq!(case(0.0).told(), Admitted);
    assert_eq!(case(0.5).asked_at(0.0).at(1.0).told(), Admitted);
}

#[test]
fn what_comes_from_the_future_proves_nothing() {
    let fresh = || Token::assembled_at(-1.0);
    assert_eq!(Case::new(active(1.0)).told(), Admitted, "within the slack");
    assert_eq!(Case::new(active(1.1)).told(), Wait, "the clock was set back");
    assert_eq!(Case::new(active(1.1)).by(fresh()).told(), Wait, "nobody knows how old it is");
    assert_eq!(Case::new(active(1.1)).by(fresh()).in_vain().told(), Stale);
    assert_eq!(Case::new(active(1.1)).stale_if_error(600).in_vain().told(), Wait);
    // Clerk's clock is ahead: what it assembled in our future counts as of now.
    let ahead = Case::new(active(-100.0)).by(Token::assembled_at(4.0).issued_at(4.0));
    assert_eq!(ahead.max_age(5.1).told(), Admitted);
    assert_eq!(Case::new(missing(1.1)).by(Token::of_origin(-30.0)).told(), Wait, "a negative fact");
}

#[test]
fn stale_answers_serve_in_an_outage_and_not_where_a_layer_has_a_max_age() {
    let case = |answer: f64| Case::new(active(answer)).stale_if_error(60);
    assert_eq!(case(-119.9).told(), Wait);
    for (age, told) in [(60.0, Stale), (119.9, Stale), (120.0, Wait)] {
        assert_eq!(case(-age).in_vain().told(), told, "{age}");
        assert_eq!(case(-age).by_trusted_id().in_vain().told(), told, "{age}");
        // So does what a token proved.
        assert_eq!(case(-500.0).noted(-age).in_vain().told(), told, "{age}");
    }
    assert_eq!(case(-500.0).noted(-60.0).by_trusted_id().in_vain().told(), Wait);
    assert_eq!(case(-60.0).max_age(30.0).in_vain().told(), Wait);
    assert_eq!(Case::new(active(-60.0)).in_vain().told(), Wait, "not by default");
}

#[test]
fn what_was_forgotten_serves_nobody() {
    let forgotten = |at| CacheEntry::new(Fact::Forgotten, t(at), false, 0);
    let case =
        |at| Case::new(forgotten(at)).by(Token::assembled_at(0.0)).noted(0.0).stale_if_error(60);
    assert_eq!(case(-1.0).told(), Wait);
    assert_eq!(case(-1.0).in_vain().told(), Wait);
    assert_eq!(case(-1.0).max_age(600.0).in_vain().told(), Wait);
    assert_eq!(case(-1.0).by_trusted_id().in_vain().told(), Wait);
}

#[test]
fn what_tokens_proved_until_a_denial_counts_for_nothing_after_it() {
    // Clerk was asked after it, and a token seen before by a clock that is ahead.
    let case = |noted| Case::new(active(0.5)).by(Token::plain()).noted(noted).at(61.0);
    assert_eq!(case(3.0).told(), Ahead, "the negative control");
    assert_eq!(case(3.0).denied_before(0.0).told(), Wait);
    assert_eq!(case(5.5).denied_before(0.0).told(), Ahead);
    // Nor does what it proves itself.
    let case = |at| Case::new(active(-62.0)).by(Token::assembled_at(at));
    assert_eq!(case(-58.0).told(), Ahead, "the negative control");
    assert_eq!(case(-58.0).denied_before(-62.0).told(), Wait);
    assert_eq!(case(-56.0).denied_before(-62.0).told(), Ahead);
}

#[test]
fn what_clerk_was_asked_before_a_denial_is_no_answer_after_it() {
    let case = |entry: CacheEntry| Case::new(entry).at(2.0).denied_before(1.0);
    for (asked, told) in [(0.9, Wait), (1.0, Admitted)] {
        assert_eq!(case(active(asked)).by_trusted_id().told(), told, "{asked}");
        assert_eq!(case(active(asked)).by(Token::plain().issued_at(1.0)).told(), told, "{asked}");
    }
    assert_eq!(case(described("pending", 0.9)).by_trusted_id().told(), Wait);
    let ended = case(described("ended", 0.9)).by_trusted_id();
    assert_eq!(ended.told(), Refused("session-ended"), "what is final is no answer that changes");
}

#[test]
fn evidence_is_renewed_ahead_for_tokens_that_outlive_it_by_more_than_the_skew() {
    // It ends a second from now.
    let case = |expires: f64| {
        let token = Token::plain().claim("exp", json!(NOON as f64 + expires));
        Case::new(active(-59.0)).by(token)
    };
    assert_eq!(case(5.0).told(), Admitted);
    assert_eq!(case(6.0).told(), Admitted);
    assert_eq!(case(7.0).told(), Ahead);
}

#[test]
fn what_is_kept_in_mind_is_kept_for_as_long_as_it_serves_and_no_longer() {
    let lifetimes = |ttl, session_ttl, negative_ttl, stale_if_error| {
        let seconds = Duration::from_secs;
        Lifetimes {
            ttl: seconds(ttl),
            session_ttl: seconds(session_ttl),
            negative_ttl: seconds(negative_ttl),
            stale_if_error: seconds(stale_if_error),
            clock_skew: seconds(5),
        }
    };
    for (lifetimes, why) in [
        (lifetimes(60, 600, 5, 0), "a description, while tokens are renewed"),
        (lifetimes(3, 1, 1, 0), "a token that was assembled by a clock that is ahead"),
        (lifetimes(1, 1, 900, 0), "a negative fact"),
    ] {
        // Whether anything that was known at noon admits anybody, or refuses without asking.
        let serves_at = |now: f64| {
            let ahead = Token::assembled_at(5.0).claim("exp", json!(NOON + 10_000));
            [
                Case::new(active(0.0)).noted(now).at(now),
                Case::new(missing(0.0)).by_trusted_id().at(now),
                Case::new(None).by(ahead).in_vain().networkless_if_error().at(now.max(5.0)),
            ]
            .into_iter()
            .map(|case| Case { rules: Rules { lifetimes, ..case.rules }, ..case })
            .any(|case| case.told() != Wait)
        };
        let kept = lifetimes.longest().as_secs_f64();
        assert!(serves_at(kept - 0.1), "{why}");
        assert!(!serves_at(kept) && !serves_at(2.0 * kept), "{why}");
    }
    // In an outage a description is served for longer by what is said at its end.
    let stale = lifetimes(60, 60, 5, 3600);
    assert_eq!(stale.longest(), Duration::from_secs(2 * 60 + 3600));
}
