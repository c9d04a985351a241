//! What an event of Clerk's means for sessions.

use std::{future::Future, time::Duration};

use super::SessionResolver;
use crate::{
    Clock, SessionStatus,
    fleet::LogEntry,
    webhook::{EventKind, WebhookEvent},
};

impl SessionResolver {
    /// Does what an event of Clerk's gives reason to, as [`ReceiveWebhooks`](crate::ReceiveWebhooks) does: for those who
    /// [verify](crate::webhook::WebhookVerifier) webhooks in a handler of their own.
    ///
    /// | Event | Consequence |
    /// | --- | --- |
    /// | `session.ended`, `.removed`, `.revoked` | the session is refused with that status |
    /// | `session.pending` | Clerk is asked about the session anew |
    /// | `session.created` | that there was no such session, or a pending one, is forgotten, here only |
    /// | `user.deleted`; `user.updated` of one who is banned | tokens of the user up to the event are refused |
    /// | `organizationMembership.updated` | tokens of the user in that organization up to the change are refused: one that was assembled since tells the new role |
    /// | `organizationMembership.deleted` | the same, up to the event |
    /// | any other | none |
    ///
    /// Nothing is admitted by it, so that an event which comes late, twice or out of order does no harm. As
    /// [`end`](SessionResolver::end), it is in force here when this function returns, and goes to the log, where there is
    /// one; the future tells whether that has acknowledged it.
    pub fn apply(
        &self,
        event: &WebhookEvent,
    ) -> impl Future<Output = bool> + Send + 'static + use<> {
        let told = self.apply_here(event).map(|entry| self.inner.sessions.tell(entry));
        async {
            match told {
                Some(told) => told.await,
                None => true,
            }
        }
    }

    /// What others are to be told of it.
    fn apply_here(&self, event: &WebhookEvent) -> Option<LogEntry> {
        let sessions = &self.inner.sessions;
        let end = |status| event.session_id().map(|id| sessions.end_here(id, status));
        let deny = |up_to| {
            let organization = event.organization_id();
            event.user_id().map(|user| sessions.deny_here(user, organization, up_to))
        };
        match event.kind() {
            EventKind::SessionEnded => end(SessionStatus::Ended),
            EventKind::SessionRemoved => end(SessionStatus::Removed),
            EventKind::SessionRevoked => end(SessionStatus::Revoked),
            EventKind::SessionPending => end(SessionStatus::Pending),
            EventKind::SessionCreated => {
                sessions.forget_negative(event.session_id()?);
                None
            }
            EventKind::UserUpdated if !event.is_banned() => None,
            // What is assembled after a change tells of it, and after a removal nobody is a member.
            EventKind::MembershipUpdated => deny(event.updated_at().unwrap_or(event.timestamp())),
            EventKind::UserUpdated | EventKind::UserDeleted | EventKind::MembershipDeleted => {
                deny(event.timestamp())
            }
            EventKind::Other(_) => None,
        }
    }

    pub(crate) fn clock(&self) -> Clock {
        self.inner.clock.clone()
    }

    /// For how long the log has not been usable; zero where it is, and where there is none.
    pub(crate) fn log_is_down_for(&self) -> Duration {
        self.inner.sessions.report_log().map_or(Duration::ZERO, |report| report.down_for)
    }
}
