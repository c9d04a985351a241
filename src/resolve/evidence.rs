//! What tokens prove of a session, and what denials take back.

use super::{decide::Presented, inner::Inner};
use crate::{
    sessions::{Before, CacheEntry, Fact, Slot},
    unix_time::UnixTime,
};

impl Inner {
    /// As of when tokens prove the session active. What the presented one proves is noted, where it is the token of
    /// the user whose session it is.
    pub(super) fn evidence(
        &self,
        presented: Presented<'_>,
        slot: &Slot,
        entry: Option<&CacheEntry>,
        now: UnixTime,
    ) -> Option<UnixTime> {
        let noted = slot.assembled_at(now);
        if let Some(claims) = presented.claims()
            && let Some(at) = claims.vouched_at()
            && self.rules.tokens_are_evidence
            && noted.is_none_or(|noted| noted < at)
            && let Some(CacheEntry { fact: Fact::Session(session), .. }) = entry
            && session.user_id() == claims.user_id()
        {
            slot.note_evidence(at, now);
            return slot.assembled_at(now);
        }
        noted
    }

    /// Before when what was assembled or asked for this user counts for nothing.
    pub(super) fn denied_before(
        &self,
        presented: Presented<'_>,
        entry: Option<&CacheEntry>,
    ) -> Option<Before> {
        let denials = self.sessions.denials();
        if !denials.are_there() {
            return None;
        }
        let Some(claims) = presented.claims() else {
            let Some(CacheEntry { fact: Fact::Session(session), .. }) = entry else { return None };
            return denials.before(session.user_id(), || None);
        };
        let organization = || claims.organization().map(|organization| organization.id);
        let before = denials.before(claims.user_id(), organization)?;
        if claims.may_be_from_before(before.assembled) {
            let good_until = UnixTime::from(claims.expires_at()) + self.rules.lifetimes.clock_skew;
            denials.note_refused(claims.user_id(), good_until.to_system_time());
        }
        Some(before)
    }
}
