//! When Clerk is known to be unavailable, and when it is our key.

use http::StatusCode;

use super::*;
use crate::sessions::test_sessions::{noon, session};

type Answer = Result<Session, client::Error>;

/// A record of calls at seconds after a start.
struct Record {
    health: Health,
    start: Instant,
}

impl Record {
    fn new() -> Self {
        Self { health: Health::default(), start: Instant::now() }
    }

    fn at(&self, seconds: u64) -> Instant {
        self.start + Duration::from_secs(seconds)
    }

    /// A call about some session that was under way in this span.
    fn call(&self, id: &str, answer: &Answer, [sent, ended]: [u64; 2]) {
        let now = noon() + Duration::from_secs(ended);
        let id = id.parse().unwrap();
        self.health.note(&id, answer, self.at(sent), self.at(ended), now);
    }

    fn is_unavailable(&self) -> bool {
        self.health.is_unavailable()
    }

    fn refuses_key(&self, second: u64) -> bool {
        self.health.refused_key(noon() + Duration::from_secs(second)).is_some()
    }
}

fn answered(status: u16, code: &str) -> Answer {
    let body = format!(r#"{{"errors":[{{"code":"{code}"}}]}}"#);
    Err(client::Error::answered(StatusCode::from_u16(status).unwrap(), body.as_bytes()))
}

fn down() -> Answer {
    answered(503, "down")
}

#[test]
fn clerk_is_unavailable_once_a_second_call_failed_that_was_sent_after_the_first_had() {
    let record = Record::new();
    for _ in 0..100 {
        record.call("sess_1", &down(), [0, 3]);
        record.call("sess_1", &down(), [2, 4]);
    }
    assert!(!record.is_unavailable(), "calls that fail together count once");
    record.call("sess_1", &down(), [3, 6]);
    assert!(record.is_unavailable());
}

#[test]
fn any_answer_about_a_session_makes_it_available_again() {
    let missing = || Err(client::Error::no_such_session());
    for answer in [Ok(session("active")), Ok(session("revoked")), missing()] {
        let record = Record::new();
        record.call("sess_1", &down(), [0, 3]);
        record.call("sess_1", &down(), [3, 6]);
        assert!(record.is_unavailable());
        record.call("sess_2", &answer, [5, 7]);
        assert!(!record.is_unavailable());
        record.call("sess_1", &down(), [7, 8]);
        assert!(!record.is_unavailable(), "it is the first one again");
    }
}

#[test]
fn whatever_clerk_says_between_two_failures_they_are_not_in_a_row() {
    for answer in
        [answered(429, "too_many"), answered(400, "odd"), answered(403, "resource_forbidden")]
    {
        let record = Record::new();
        record.call("sess_1", &down(), [0, 1]);
        record.call("sess_1", &answer, [1, 2]);
        record.call("sess_1", &down(), [2, 3]);
        assert!(!record.is_unavailable());
        // What is unavailable stays so until it answers.
        record.call("sess_1", &down(), [3, 4]);
        record.call("sess_1", &answered(429, "too_many"), [4, 5]);
        assert!(record.is_unavailable());
    }
}

#[test]
fn one_probe_at_a_time_and_one_a_second() {
    let (record, patience) = (Record::new(), Duration::from_secs(3));
    let claim = |second| record.health.claim_probe(record.at(second), patience);
    record.call("sess_1", &down(), [0, 3]);
    record.call("sess_1", &down(), [3, 6]);
    assert_eq!([6, 7, 7, 9].map(claim), [false, true, false, false]);
    record.call("sess_1", &down(), [7, 8]);
    assert_eq!([8, 9, 9].map(claim), [false, true, false]);
    // One that was lost is made up for.
    assert_eq!([11, 12, 12].map(claim), [false, true, false]);
}

#[test]
fn codes_about_the_key_are_about_the_key_for_ten_seconds() {
    for code in
        ["clerk_key_invalid", "authentication_invalid", "authorization_header_format_invalid"]
    {
        let record = Record::new();
        record.call("sess_1", &answered(401, code), [0, 0]);
        assert_eq!([0, 9, 10].map(|second| record.refuses_key(second)), [true, true, false]);
        record.call("sess_1", &Ok(session("active")), [1, 1]);
        assert!(!record.refuses_key(1));
    }
}

#[test]
fn a_refusal_of_the_key_is_an_answer_and_nothing_takes_its_place() {
    let record = Record::new();
    record.call("sess_1", &down(), [0, 3]);
    record.call("sess_1", &down(), [3, 6]);
    record.call("sess_1", &answered(401, "clerk_key_invalid"), [6, 7]);
    assert!(!record.is_unavailable() && record.refuses_key(7));
}

#[test]
fn one_sessions_refusal_is_its_own() {
    let record = Record::new();
    for second in 0..100 {
        record.call("sess_1", &answered(403, "resource_forbidden"), [second; 2]);
        record.call("sess_2", &answered(401, "session_reverification_required"), [second; 2]);
        record.call("sess_3", &answered(403, "authorization_invalid"), [second; 2]);
        assert!(!record.refuses_key(second));
    }
}

#[test]
fn what_is_forbidden_of_two_sessions_within_ten_seconds_is_the_key() {
    let forbidden = || answered(403, "authorization_invalid");
    let record = Record::new();
    record.call("sess_1", &forbidden(), [0; 2]);
    record.call("sess_2", &forbidden(), [10; 2]);
    assert!(!record.refuses_key(10), "too long after");
    record.call("sess_2", &forbidden(), [11; 2]);
    assert!(!record.refuses_key(11), "the same");
    record.call("sess_1", &forbidden(), [20; 2]);
    assert!(record.refuses_key(20));

    let record = Record::new();
    record.call("sess_1", &forbidden(), [0; 2]);
    record.call("sess_2", &Ok(session("active")), [1; 2]);
    record.call("sess_3", &forbidden(), [2; 2]);
    assert!(!record.refuses_key(2), "the key was good in between");
}

#[test]
fn the_report_says_what_came_of_the_last_call() {
    let record = Record::new();
    let report = |second| record.health.report(noon() + Duration::from_secs(second));
    assert!(report(0).usable && report(0).age.is_none());
    record.call("sess_1", &Ok(session("active")), [0, 1]);
    assert_eq!((report(3).usable, report(3).age), (true, Some(Duration::from_secs(2))));
    record.call("sess_1", &down(), [2, 3]);
    assert!(!report(3).usable && report(3).last_error.is_some());
    record.call("sess_1", &Err(client::Error::no_such_session()), [4, 4]);
    assert!(report(4).usable);
}
