//! Users and what they are in organizations, as the dashboard changes them.

use std::time::SystemTime;

use super::{
    SessionsApi,
    session::Membership,
    state::State,
    webhooks::{Event, membership, user, user_is_gone},
};
use crate::id::{OrganizationId, UserId};

impl SessionsApi {
    /// Deletes a user: nobody knows them or their sessions any more. A
    /// [webhook](Self::webhooks) tells of it, `user.deleted`.
    ///
    /// # Panics
    ///
    /// Panics if the text is no user ID (`user_…`).
    pub fn delete_user(&self, user_id: &str) {
        let now = self.clock().now();
        self.state().delete_user(&parse_user(user_id), now);
    }

    /// Bans a user: their sessions are revoked. A [webhook](Self::webhooks) tells of it, `user.updated`, and none of
    /// the sessions.
    ///
    /// # Panics
    ///
    /// Panics if the text is no user ID (`user_…`).
    pub fn ban_user(&self, user_id: &str) {
        let now = self.clock().now();
        self.state().set_banned(&parse_user(user_id), true, now);
    }

    /// Takes a ban back. The sessions stay revoked. A [webhook](Self::webhooks) tells of it, `user.updated`.
    ///
    /// # Panics
    ///
    /// Panics if the text is no user ID (`user_…`).
    pub fn unban_user(&self, user_id: &str) {
        let now = self.clock().now();
        self.state().set_banned(&parse_user(user_id), false, now);
    }

    /// Gives a member of an organization another role, such as `org:admin`, in all their sessions. A
    /// [webhook](Self::webhooks) tells of it, `organizationMembership.updated`.
    ///
    /// # Panics
    ///
    /// Panics if one of the texts is no ID (`user_…`, `org_…`).
    pub fn change_role(&self, user_id: &str, organization_id: &str, role: &str) {
        let (user_id, organization_id) = (parse_user(user_id), parse_organization(organization_id));
        let now = self.clock().now();
        self.state().change_role(&user_id, organization_id, role, now);
    }

    /// Removes a member from an organization. Their sessions go on without it. A [webhook](Self::webhooks) tells of
    /// it, `organizationMembership.deleted`.
    ///
    /// # Panics
    ///
    /// Panics if one of the texts is no ID (`user_…`, `org_…`).
    pub fn remove_member(&self, user_id: &str, organization_id: &str) {
        let (user_id, organization_id) = (parse_user(user_id), parse_organization(organization_id));
        let now = self.clock().now();
        self.state().remove_member(&user_id, organization_id, now);
    }
}

fn parse_user(text: &str) -> UserId {
    text.parse().expect("a user ID is user_ and letters and digits")
}

fn parse_organization(text: &str) -> OrganizationId {
    text.parse().expect("an organization ID is org_ and letters and digits")
}

impl State {
    pub(super) fn delete_user(&mut self, id: &UserId, now: SystemTime) {
        self.users.remove(id);
        self.banned.remove(id);
        self.remove_sessions_of(id);
        self.announce(Event::new("user.deleted", user_is_gone(id)), now);
    }

    pub(super) fn set_banned(&mut self, id: &UserId, banned: bool, now: SystemTime) {
        if banned {
            self.banned.insert(id.clone());
            for session in self.sessions_of(id, now).filter(|session| session.is_signed_in()) {
                session.set_status("revoked", now);
            }
        } else {
            self.banned.remove(id);
        }
        self.announce(Event::new("user.updated", user(id, banned, now)), now);
    }

    pub(super) fn change_role(
        &mut self,
        user: &UserId,
        organization: OrganizationId,
        role: &str,
        now: SystemTime,
    ) {
        let mut told = Membership::new(organization);
        for session in self.sessions_of(user, now) {
            if let Some(member) = session.member_of(&told.organization_id) {
                role.clone_into(&mut member.role);
                told = member.clone();
                session.updated_at = now;
            }
        }
        role.clone_into(&mut told.role);
        self.announce(
            Event::new("organizationMembership.updated", membership(&told, user, now)),
            now,
        );
    }

    pub(super) fn remove_member(
        &mut self,
        user: &UserId,
        organization: OrganizationId,
        now: SystemTime,
    ) {
        let mut told = Membership::new(organization);
        for session in self.sessions_of(user, now) {
            if let Some(member) = session.member_of(&told.organization_id) {
                told = member.clone();
                session.organization = None;
                session.updated_at = now;
            }
        }
        self.announce(
            Event::new("organizationMembership.deleted", membership(&told, user, now)),
            now,
        );
    }
}
