//! Users whose earlier tokens are refused: they were banned or deleted, or are no longer what they were in an organization.

mod suspects;

use std::{
    collections::HashMap,
    mem,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, SystemTime},
};

use tokio::sync::{Notify, futures::Notified};

use self::suspects::Suspects;
use crate::{OrganizationId, UserId, unix_time::UnixTime};

/// What refuses tokens of a user, or of a user in one organization, that were assembled before some time.
///
/// Nearly nobody is denied anything, and those are told without a lock.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    suspects: Suspects,
    held: RwLock<Held>,
    /// Wakes all who watch a session: a new one may be about any of them.
    added: Notify,
}

#[derive(Debug, Default)]
struct Held {
    users: HashMap<UserId, OfUser>,
    count: usize,
    /// How many there were when those were let go of that are over.
    left: usize,
    /// What became of those that there was no room for: nobody's is dropped, since a flood must not undo one.
    everybody: Option<Denial>,
}

#[derive(Debug, Default)]
struct OfUser {
    everywhere: Option<Denial>,
    in_organizations: Vec<(OrganizationId, Denial)>,
}

/// Before when something counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Before {
    /// What was assembled, by Clerk's clock.
    pub(crate) assembled: UnixTime,
    /// What was asked for, by ours: whatever is asked once the denial is known is answered as of after it, by however
    /// much Clerk's clock is ahead.
    pub(crate) asked: UnixTime,
}

#[derive(Debug, Clone, Copy)]
struct Denial {
    before: Before,
    /// When it need not be kept in mind any longer.
    until: SystemTime,
}

/// What happens at the same moment is not told apart.
pub(super) const MOMENT: Duration = Duration::from_millis(1);
/// How long a denial is kept, and for as long as any token that it was seen to refuse.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// So many denials are kept apart.
const ROOM: usize = 100_000;
/// So few are not worth looking for those that are over.
const FEW: usize = 1_000;

impl Denials {
    /// Comes to pass with the next denial. It misses none from now on, polled or not.
    pub(crate) fn additions(&self) -> Notified<'_> {
        self.added.notified()
    }

    pub(crate) fn are_there(&self) -> bool {
        self.suspects.are_there()
    }

    /// Before when what was assembled or asked for the user counts for nothing.
    pub(crate) fn before(
        &self,
        user: &UserId,
        organization: impl FnOnce() -> Option<OrganizationId>,
    ) -> Option<Before> {
        if !self.suspects.may_include(user) {
            return None;
        }
        let held = self.read();
        let of_user = held.users.get(user);
        // Nearly nobody is denied anything in an organization, and then it need not be known which.
        let in_organizations = of_user.map(|of_user| &of_user.in_organizations);
        let in_organization = in_organizations.filter(|them| !them.is_empty()).and_then(|them| {
            let organization = organization()?;
            them.iter().find(|(id, _)| *id == organization)
        });
        let everywhere = of_user.and_then(|of_user| of_user.everywhere.as_ref());
        [everywhere, in_organization.map(|(_, denial)| denial), held.everybody.as_ref()]
            .into_iter()
            .flatten()
            .map(|denial| denial.before)
            .reduce(Before::later)
    }

    /// Keeps what refuses this user's tokens for as long as one of them would be good otherwise.
    pub(crate) fn note_refused(&self, user: &UserId, expires_at: SystemTime) {
        // Seldom it is kept for too short a time, and whoever is denied may ask often: nobody is to wait for that.
        if self.read().keeps(user, expires_at) {
            return;
        }
        let mut held = self.write();
        let Held { users, everybody, .. } = &mut *held;
        let of_user = users.get_mut(user).into_iter().flat_map(OfUser::each);
        of_user.chain(everybody).for_each(|denial| denial.until = denial.until.max(expires_at));
    }

    /// Refuses what was assembled for the user, in the organization if one is named, before this time.
    pub(crate) fn deny(
        &self,
        user: &UserId,
        organization: Option<&OrganizationId>,
        before: SystemTime,
        now: SystemTime,
    ) {
        self.deny_within(ROOM, user, organization, before, now);
    }

    fn deny_within(
        &self,
        room: usize,
        user: &UserId,
        organization: Option<&OrganizationId>,
        before: SystemTime,
        now: SystemTime,
    ) {
        let mut held = self.write();
        let asked = before.min(now + MOMENT).into();
        let before = Before { assembled: before.into(), asked };
        let denial = Denial { before, until: now + KEPT_FOR };
        if held.is_to_be_cleaned(room) {
            held.make_room(room, now);
            if held.everybody.is_some() {
                self.suspects.set_everybody();
            } else {
                self.suspects.set(held.users.keys());
            }
        }
        let of_user = held.users.entry(user.clone()).or_default();
        let is_new = match organization {
            None => {
                let is_new = of_user.everywhere.is_none();
                let earlier = of_user.everywhere.get_or_insert(denial);
                earlier.join(denial);
                is_new
            }
            Some(organization) => {
                let known = of_user.in_organizations.iter_mut().find(|(id, _)| id == organization);
                match known {
                    Some((_, earlier)) => {
                        earlier.join(denial);
                        false
                    }
                    None => {
                        of_user.in_organizations.push((organization.clone(), denial));
                        true
                    }
                }
            }
        };
        held.count += usize::from(is_new);
        self.suspects.add(user);
        drop(held);
        self.added.notify_waiters();
    }

    fn read(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Whether whatever may refuse the user's tokens is kept until then.
    fn keeps(&self, user: &UserId, until: SystemTime) -> bool {
        let of_user = self.users.get(user).into_iter().flat_map(OfUser::all);
        of_user.chain(&self.everybody).all(|denial| denial.until >= until)
    }

    /// When there are twice as many as were left the last time, so that nobody pays for more than a few.
    fn is_to_be_cleaned(&self, room: usize) -> bool {
        self.count >= room.min(FEW.max(self.left * 2))
    }

    /// Lets go of what is over, and merges what is nearest to its end where that was not enough.
    fn make_room(&mut self, room: usize, now: SystemTime) {
        self.everybody = self.everybody.filter(|denial| denial.until > now);
        self.retain(|denial| denial.until > now);
        if self.count < room {
            return;
        }
        let mut ends: Vec<_> =
            self.users.values_mut().flat_map(OfUser::each).map(|it| it.until).collect();
        ends.sort_unstable();
        let merged_until = ends[ends.len() / 10];
        let mut everybody = self.everybody;
        self.retain(|denial| {
            let stays = denial.until > merged_until;
            if !stays {
                everybody.get_or_insert(*denial).join(*denial);
            }
            stays
        });
        self.everybody = everybody;
    }

    fn retain(&mut self, mut stays: impl FnMut(&Denial) -> bool) {
        let mut count = 0;
        for of_user in self.users.values_mut() {
            of_user.everywhere = of_user.everywhere.filter(&mut stays);
            of_user.in_organizations.retain(|(_, denial)| stays(denial));
            count += usize::from(of_user.everywhere.is_some()) + of_user.in_organizations.len();
        }
        self.users.retain(|_, of_user| {
            of_user.everywhere.is_some() || !of_user.in_organizations.is_empty()
        });
        (self.count, self.left) = (count, count);
    }
}

impl OfUser {
    fn all(&self) -> impl Iterator<Item = &Denial> {
        self.everywhere.iter().chain(self.in_organizations.iter().map(|(_, denial)| denial))
    }

    fn each(&mut self) -> impl Iterator<Item = &mut Denial> {
        self.everywhere.iter_mut().chain(self.in_organizations.iter_mut().map(|(_, denial)| denial))
    }
}

impl Before {
    fn later(self, other: Self) -> Self {
        Self { assembled: self.assembled.max(other.assembled), asked: self.asked.max(other.asked) }
    }
}

impl Denial {
    /// Of two, what both refuse.
    fn join(&mut self, other: Self) {
        let earlier = mem::replace(self, other);
        self.before = self.before.later(earlier.before);
        self.until = self.until.max(earlier.until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Before when what was assembled for the user counts for nothing.
    fn before(
        denials: &Denials,
        user: &UserId,
        organization: Option<OrganizationId>,
    ) -> Option<SystemTime> {
        denials.before(user, || organization).map(|before| before.assembled.to_system_time())
    }

    fn user(number: usize) -> UserId {
        format!("user_{number}").parse().unwrap()
    }

    fn organization(number: usize) -> OrganizationId {
        format!("org_{number}").parse().unwrap()
    }

    #[test]
    fn what_is_denied_in_one_organization_is_not_in_another() {
        let denials = Denials::default();
        denials.deny(&user(1), Some(&organization(1)), at(10), at(11));
        assert_eq!(before(&denials, &user(1), Some(organization(1))), Some(at(10)));
        for (other, organization) in
            [(user(1), Some(organization(2))), (user(1), None), (user(2), Some(organization(1)))]
        {
            assert_eq!(before(&denials, &other, organization), None);
        }
    }

    #[test]
    fn a_denial_of_the_user_holds_in_every_organization_and_the_later_one_counts() {
        let denials = Denials::default();
        denials.deny(&user(1), None, at(20), at(21));
        denials.deny(&user(1), None, at(10), at(22));
        denials.deny(&user(1), Some(&organization(1)), at(30), at(31));
        assert_eq!(before(&denials, &user(1), None), Some(at(20)));
        assert_eq!(before(&denials, &user(1), Some(organization(1))), Some(at(30)));
        assert_eq!(before(&denials, &user(1), Some(organization(2))), Some(at(20)));
    }

    #[test]
    fn what_is_asked_once_a_denial_is_known_counts_however_far_ahead_clerks_clock_is() {
        let denials = Denials::default();
        denials.deny(&user(1), None, at(15), at(10));
        let (assembled, asked) = (at(15).into(), (at(10) + MOMENT).into());
        assert_eq!(denials.before(&user(1), || None), Some(Before { assembled, asked }));
        // One that is heard of late is of when it happened.
        denials.deny(&user(2), None, at(5), at(10));
        let five = Before { assembled: at(5).into(), asked: at(5).into() };
        assert_eq!(denials.before(&user(2), || None), Some(five));
        denials.deny(&user(2), Some(&organization(1)), at(9), at(8));
        let both = Before { assembled: at(9).into(), asked: (at(8) + MOMENT).into() };
        assert_eq!(denials.before(&user(2), || Some(organization(1))), Some(both));
    }

    #[test]
    fn a_flood_of_denials_undoes_none() {
        let denials = Denials::default();
        for number in 0..1000 {
            let now = at(100 + number as u64);
            denials.deny_within(50, &user(number), None, now, now);
        }
        let held = denials.held.read().unwrap();
        assert!(held.count <= 50 && held.users.len() <= 50, "{}", held.count);
        drop(held);
        for number in 0..1000 {
            let before = before(&denials, &user(number), None);
            assert!(before >= Some(at(100 + number as u64)), "{number}: {before:?}");
        }
    }

    #[test]
    fn what_was_merged_is_kept_for_tokens_of_those_too_who_are_denied_something_else() {
        let (denials, day) = (Denials::default(), 24 * 60 * 60);
        denials.deny_within(2, &user(1), None, at(10), at(1));
        denials.deny_within(2, &user(2), None, at(10), at(2));
        denials.deny_within(2, &user(3), None, at(10), at(3));
        assert_eq!(before(&denials, &user(9), None), Some(at(10)), "the first was merged");
        denials.deny_within(2, &user(1), Some(&organization(1)), at(5), at(3));
        denials.note_refused(&user(1), at(3 * day));
        for number in 4..20 {
            denials.deny_within(2, &user(number), None, at(9), at(2 * day));
        }
        assert_eq!(before(&denials, &user(1), None), Some(at(10)));
    }

    #[test]
    fn nobody_waits_for_a_lock_because_others_are_denied() {
        let denials = Denials::default();
        denials.deny(&user(1), None, at(10), at(10));
        let somebody_writes = denials.write();
        // By chance one of many is taken for somebody else: not all of these.
        let others = (2..1000).map(user).filter(|user| !denials.suspects.may_include(user));
        assert!(
            others.inspect(|user| assert_eq!(before(&denials, user, None), None)).count() > 900
        );
        drop(somebody_writes);
    }

    #[test]
    fn denials_that_are_over_are_let_go_of_long_before_there_is_no_room() {
        let (denials, day) = (Denials::default(), 24 * 60 * 60);
        for number in 0..10_000 {
            let now = at(day * (number as u64 / 500));
            denials.deny(&user(number), None, now, now);
        }
        let held = denials.read();
        assert!(held.count <= FEW && held.users.len() <= FEW, "{}", held.count);
        assert!(held.users.contains_key(&user(9_999)) && held.everybody.is_none());
        drop(held);
        let suspects = (0..5_000).filter(|&it| denials.suspects.may_include(&user(it))).count();
        assert!(suspects < 500, "{suspects}");
    }

    #[test]
    fn whoever_is_denied_and_asks_again_and_again_makes_nobody_wait() {
        let denials = Denials::default();
        denials.deny(&user(1), None, at(10), at(10));
        let _somebody_reads = denials.read();
        denials.note_refused(&user(1), at(60));
    }

    #[test]
    fn denials_that_are_over_make_room_unless_a_token_was_seen_that_outlives_them() {
        let (denials, day) = (Denials::default(), 24 * 60 * 60);
        denials.deny_within(2, &user(1), None, at(10), at(10));
        denials.deny_within(2, &user(2), None, at(10), at(10));
        denials.note_refused(&user(2), at(3 * day));
        denials.deny_within(2, &user(3), None, at(day + 20), at(day + 20));
        assert_eq!(before(&denials, &user(1), None), None);
        assert_eq!(before(&denials, &user(2), None), Some(at(10)));
        assert_eq!(before(&denials, &user(3), None), Some(at(day + 20)));
    }
}
