//! The truth about sessions, and what it allows.

use std::time::{Duration, SystemTime};

use super::{
    PROCESSES, SESSIONS, SKEW, Seen,
    plan::Plan,
    tokens::{Kind, Token, session_of},
};
use crate::{
    Rejection, Resolved, SessionCheck, SessionStatus,
    fleet::LogEntry,
    token::test_signer::{ISSUED, at},
};

/// What has become of the sessions.
#[derive(Debug, Default)]
pub(super) struct Truth {
    /// Since the start.
    pub(super) elapsed: Duration,
    /// By how much our clock was set back.
    pub(super) set_back: Option<Duration>,
    pub(super) fates: [Fate; SESSIONS],
    /// What each process was told.
    pub(super) told: [[Told; SESSIONS]; PROCESSES],
    pub(super) seen: Seen,
    /// Counts what is forgotten and what is asked, in order.
    events: u64,
}

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Fate {
    /// Since when Clerk says so.
    pub(super) over_at: Option<Duration>,
    /// Clerk says then that there is no such session.
    pub(super) is_gone: bool,
    /// Somebody answered 2xx to its revocation, in Clerk's name.
    pub(super) was_accepted: bool,
}

/// What a process was told of a session, and has told others.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Told {
    /// Whoever ended it through this process has been told so, or that Clerk accepted it; or the process has read so.
    pub(super) is_over: bool,
    /// Somebody was told that it is over.
    was_refused: bool,
    /// The latest time that it was told to forget it.
    forgotten: u64,
    forgotten_at: Option<SystemTime>,
    /// The latest time that the log told it anything of it.
    heard: u64,
    /// The latest question that was answered, and the session was active.
    confirmed: u64,
}

/// A request, and what was true when it came in.
#[derive(Debug)]
pub(super) struct Request {
    process: usize,
    pub(super) token: Token,
    pub(super) max_age: Option<Duration>,
    began: Duration,
    told: Told,
}

impl Truth {
    /// What our clock shows.
    pub(super) fn our_time(&self) -> SystemTime {
        at(ISSUED) + self.elapsed - self.set_back.unwrap_or_default()
    }

    /// The next question, or the next time that something is forgotten.
    pub(super) fn next_event(&mut self) -> u64 {
        self.events += 1;
        self.events
    }

    pub(super) fn forgets(&mut self, process: usize, session: usize) {
        let (event, now) = (self.next_event(), self.our_time());
        let told = &mut self.told[process][session];
        told.forgotten = event;
        told.forgotten_at = told.forgotten_at.max(Some(now));
    }

    /// The process has read these entries, and done what they say.
    pub(super) fn hears(&mut self, process: usize, entries: &[LogEntry]) {
        for entry in entries {
            let LogEntry::Session(revocation) = entry else { continue };
            let session = session_of(&revocation.session_id);
            let is_new = !self.told[process][session].is_over;
            if revocation.is_final() {
                self.told[process][session].is_over = true;
                self.seen.ended_by_log += u64::from(is_new);
            } else {
                self.forgets(process, session);
                self.seen.forgotten_by_log += u64::from(is_new);
            }
            self.told[process][session].heard = self.next_event();
        }
    }

    /// A process is answered what it had asked.
    pub(super) fn answers(
        &mut self,
        process: usize,
        session: usize,
        question: u64,
        is_active: bool,
    ) {
        let told = &mut self.told[process][session];
        if is_active {
            told.confirmed = told.confirmed.max(question);
        }
        self.seen.late_fills += u64::from(told.is_over);
        self.seen.outdated_by_log += u64::from(is_active && question < told.heard);
    }

    pub(super) fn ends_at_clerks(&mut self, session: usize) {
        self.fates[session].over_at.get_or_insert(self.elapsed);
    }

    pub(super) fn request(
        &self,
        process: usize,
        token: Token,
        max_age: Option<Duration>,
    ) -> Request {
        let told = self.told[process][token.session];
        Request { process, token, max_age, began: self.elapsed, told }
    }

    /// Whether whatever is over for one process is so for all.
    pub(super) fn all_know(&self, plan: &Plan) -> bool {
        let fleet = &self.told[..plan.processes];
        (0..SESSIONS).all(|session| {
            let knows = |process: &[Told; SESSIONS]| process[session].is_over;
            fleet.iter().all(knows) || !fleet.iter().any(knows)
        })
    }

    /// Judges the verdict on a request, and remembers what was told.
    pub(super) fn judge(
        &mut self,
        plan: &Plan,
        request: &Request,
        verdict: &Result<Resolved, Rejection>,
    ) {
        let session = request.token.session;
        match verdict {
            Ok(resolved) => {
                if let Err(violation) = self.allows(plan, request, resolved) {
                    panic!("{violation}: {request:?}, {resolved:?}, {self:?}, {plan:?}");
                }
                self.count(plan, request, resolved);
            }
            Err(rejection) => {
                let (fate, reason) = (self.fates[session], rejection.reason());
                if matches!(reason, "session-ended" | "session-revoked" | "session-not-found") {
                    let is_over = fate.over_at.is_some() || fate.was_accepted;
                    assert!(is_over, "refused by mistake, {reason}: {request:?}, {plan:?}");
                    self.told[request.process][session].was_refused = true;
                }
                self.seen.refused += u64::from(fate.over_at.is_some());
            }
        }
    }

    fn allows(
        &self,
        plan: &Plan,
        request: &Request,
        resolved: &Resolved,
    ) -> Result<(), &'static str> {
        let Request { process, token, max_age, began, told: before } = *request;
        let now = self.told[process][token.session];
        let ensure = |holds: bool, violation| holds.then_some(()).ok_or(violation);
        ensure(!now.is_over, "admitted after it was over here")?;
        if plan.check == SessionCheck::Networkless {
            return ensure(resolved.session.is_none(), "a session out of nowhere");
        }
        ensure(!before.was_refused, "admitted after somebody was told that it is over")?;

        let is_stale = resolved.freshness.is_some_and(|freshness| freshness.is_stale());
        let is_of_now = resolved
            .freshness
            .is_none_or(|it| it.confirmed_at() <= self.our_time() + Duration::from_secs(1));
        ensure(is_of_now, "admitted by what comes from the future")?;
        let was_asked_since = now.confirmed > before.forgotten;
        match &resolved.session {
            Some(session) => {
                ensure(session.status() == &SessionStatus::Active, "admitted though not active")?;
                ensure(token.kind != Kind::Foreign, "admitted as somebody else")?;
                ensure(
                    was_asked_since,
                    "admitted though Clerk was not asked since it was forgotten",
                )?;
            }
            None => {
                let is_allowed = plan.networkless_if_error && max_age.is_none();
                ensure(is_allowed && is_stale, "admitted without a session")?;
                ensure(token.kind == Kind::Plain, "admitted by a token that proves nothing")?;
                let assembled_at = at(ISSUED + token.assembled);
                let is_later = before.forgotten_at.is_none_or(|at| assembled_at > at + SKEW);
                ensure(was_asked_since || is_later, "admitted by what was forgotten")?;
            }
        }
        match self.fates[token.session].over_at {
            Some(over_at) => {
                let bound = plan.bound(max_age, is_stale && resolved.session.is_some());
                ensure(self.is_within(began, over_at, bound), "admitted too long after its end")
            }
            None => Ok(()),
        }
    }

    /// By a clock that was set back, what was proven before and what Clerk's tells is as much later.
    fn is_within(&self, began: Duration, over_at: Duration, bound: Duration) -> bool {
        let since = over_at + self.set_back.unwrap_or_default();
        began <= since || began < since + bound
    }

    fn count(&mut self, plan: &Plan, request: &Request, resolved: &Resolved) {
        let seen = &mut self.seen;
        seen.admitted += 1;
        let Some(freshness) = resolved.freshness else { return };
        let is_described = resolved.session.is_some();
        let age = freshness.description_age(at(ISSUED) + self.elapsed).unwrap_or_default();
        let is_by_evidence = !freshness.is_stale() && self.set_back.is_none() && age > plan.ttl;
        seen.admitted_by_evidence += u64::from(is_by_evidence);
        seen.admitted_stale += u64::from(freshness.is_stale() && is_described);
        seen.admitted_unconfirmed += u64::from(!is_described);
        seen.admitted_after_forgetting += u64::from(request.told.forgotten > 0 && is_described);
    }
}
