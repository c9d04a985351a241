//! What other processes say, and what they are told.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{Sessions, denials::MOMENT, entry::Ending};
use crate::{
    OrganizationId, SessionId, SessionStatus, UserId,
    fleet::{AnyLog, LogEntry, Revocation},
    follow::{Apply, Follower, LogReport},
};

/// No session of Clerk's is meant to last longer.
const LONGEST_SESSION: Duration = Duration::from_secs(400 * 24 * 60 * 60);

impl Sessions {
    /// Shares what is denied with all who follow this log.
    pub(crate) fn follow(self: &Arc<Self>, log: AnyLog) {
        let target = Arc::downgrade(self) as std::sync::Weak<dyn Apply>;
        drop(self.log.set(Follower::new(log, target)));
    }

    /// Sees to it that the log is followed, where there is one.
    pub(crate) fn ensure_following(&self) {
        if let Some(log) = self.log.get() {
            log.ensure_following();
        }
    }

    pub(crate) fn report_log(&self) -> Option<LogReport> {
        self.log.get().map(Follower::report)
    }

    /// Ends a session here and in the log, as somebody says who must know. A status that is not final is a reason to ask.
    /// It is in force when this returns; the future tells whether the log has acknowledged it.
    pub(crate) fn end(
        &self,
        id: &SessionId,
        status: SessionStatus,
    ) -> impl Future<Output = bool> + Send + 'static + use<> {
        self.tell(self.end_here(id, status))
    }

    /// The same, and leaves it to the caller to tell others.
    pub(crate) fn end_here(&self, id: &SessionId, status: SessionStatus) -> LogEntry {
        if status.is_final() {
            Apply::end(self, id, &status, None);
            Revocation::ended(id.clone(), status, None).into()
        } else {
            self.forget(id);
            Revocation::look_again(id.clone()).into()
        }
    }

    /// Forgets that there is no such session, or that it is pending: it has begun. Whatever else is known of it stands.
    pub(crate) fn forget_negative(&self, id: &SessionId) {
        let Some(slot) = self.find(id).filter(|slot| slot.is_negative()) else { return };
        match self.negative_retention {
            None => slot.forget_negative(),
            // Who may be admitted unseen is not to be on the strength of what was before that no.
            Some(_) => self.forget(id),
        }
    }

    /// Refuses what was assembled for the user, in the organization if one is named, up to this time, here and in the log.
    pub(crate) fn deny(
        &self,
        user: &UserId,
        organization: Option<&OrganizationId>,
        up_to: SystemTime,
    ) -> impl Future<Output = bool> + Send + 'static + use<> {
        self.tell(self.deny_here(user, organization, up_to))
    }

    /// The same, and leaves it to the caller to tell others.
    pub(crate) fn deny_here(
        &self,
        user: &UserId,
        organization: Option<&OrganizationId>,
        up_to: SystemTime,
    ) -> LogEntry {
        let before = up_to.checked_add(MOMENT).unwrap_or(up_to);
        match organization {
            None => {
                self.deny_user(user, before);
                LogEntry::user(user.clone(), before)
            }
            Some(organization) => {
                self.deny_member(user, organization, before);
                LogEntry::member(user.clone(), organization.clone(), before)
            }
        }
    }

    /// Appends to the log, where there is one, and waits a moment for it to acknowledge that.
    pub(crate) fn tell(
        &self,
        entry: LogEntry,
    ) -> impl Future<Output = bool> + Send + 'static + use<> {
        let appending = self.log.get().map(|log| log.append(entry));
        async {
            match appending {
                Some(appending) => appending.await,
                None => true,
            }
        }
    }

    /// Nobody is denied what is assembled later than any clock can say.
    fn cut_off(&self, before: SystemTime) -> (SystemTime, SystemTime) {
        let now = self.clock.now();
        (before.min(now + self.clock_skew), now)
    }
}

impl Apply for Sessions {
    fn end(&self, id: &SessionId, status: &SessionStatus, expire_at: Option<SystemTime>) {
        // Whoever can write to the log could say anything.
        let latest = self.clock.now() + LONGEST_SESSION;
        let expire_at = expire_at.map(|at| at.min(latest));
        self.bury(&self.slot(id), Ending { status: status.clone(), answer: None }, expire_at);
    }

    fn forget(&self, id: &SessionId) {
        Sessions::forget(self, id);
    }

    fn deny_user(&self, id: &UserId, before: SystemTime) {
        let (before, now) = self.cut_off(before);
        self.denials.deny(id, None, before, now);
    }

    fn deny_member(&self, user: &UserId, organization: &OrganizationId, before: SystemTime) {
        let (before, now) = self.cut_off(before);
        self.denials.deny(user, Some(organization), before, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Clock,
        sessions::{Lifetimes, SessionCheck, Settings, test_sessions::noon, test_upstream},
    };

    #[test]
    fn whoever_writes_to_the_log_has_no_session_kept_in_mind_for_ever() {
        let clerk = test_upstream::TestUpstream::new();
        let (sessions, _) = test_upstream::sessions(SessionCheck::Networkless, &clerk);
        let id: SessionId = "sess_1".parse().unwrap();
        let in_a_millennium = noon() + LONGEST_SESSION * 1000;
        Apply::end(&*sessions, &id, &SessionStatus::Revoked, Some(in_a_millennium));
        let slot = sessions.slot(&id);
        let held_until = slot.ledger().held_until.unwrap().time;
        assert!(held_until >= noon() + LONGEST_SESSION, "{held_until:?}");
        assert!(held_until < noon() + LONGEST_SESSION * 2, "{held_until:?}");
    }

    /// Where a token may do without a description.
    fn admitting_unseen() -> Arc<Sessions> {
        let settings = Settings {
            check: SessionCheck::Get,
            clock: Clock::fixed(noon()),
            lifetimes: test_upstream::LIFETIMES,
            capacity: 1,
            timeout: test_upstream::TIMEOUT,
            admits_unseen: true,
        };
        Arc::new(Sessions::new(Box::new(test_upstream::TestUpstream::new()), settings))
    }

    #[test]
    fn what_forbids_to_admit_a_session_unseen_outlasts_what_tokens_prove() {
        let (sessions, id) = (admitting_unseen(), "sess_1".parse().unwrap());
        let Lifetimes { ttl, clock_skew, .. } = test_upstream::LIFETIMES;
        sessions.forget(&id);
        let held_until = sessions.slot(&id).ledger().held_until.unwrap().time;
        assert!(held_until >= noon() + ttl + clock_skew, "{held_until:?}");
    }

    #[test]
    fn a_session_that_is_over_is_held_longer_than_whatever_was_under_way_about_it() {
        let clerk = test_upstream::TestUpstream::new();
        let (sessions, _) = test_upstream::sessions(SessionCheck::Get, &clerk);
        let longest = test_upstream::LIFETIMES.longest();
        assert_eq!(sessions.retention, longest + test_upstream::TIMEOUT);
    }
}
