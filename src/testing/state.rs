//! Everything the emulator knows.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::SystemTime,
};

use aws_lc_rs::digest;
use serde_json::{Map, Value};

use super::{
    fault::Faults,
    instance::Instance,
    quota::Quota,
    recorded::Requests,
    session::SessionRecord,
    signer::{KeyRing, SigningKey},
    token::{TokenPlan, renewed},
    webhooks::{self, Event, Webhooks, user},
};
use crate::id::{SessionId, UserId};

/// The state of one emulator.
#[derive(Debug)]
pub(super) struct State {
    pub(super) instance: Arc<Instance>,
    pub(super) users: HashSet<UserId>,
    pub(super) banned: HashSet<UserId>,
    pub(super) templates: HashSet<String>,
    pub(super) keys: KeyRing,
    pub(super) quota: Option<Quota>,
    pub(super) faults: Faults,
    pub(super) requests: Requests,
    pub(super) webhooks: Webhooks,
    instance_id: String,
    sessions: HashMap<SessionId, SessionRecord>,
    refresh_tokens: HashMap<String, SessionId>,
    names: Names,
}

impl State {
    /// An instance without users or sessions, with a key of its own. Making that key takes a while.
    pub(super) fn new(secret_key: Option<String>, host: Option<String>, mut names: Names) -> Self {
        let secret_key = secret_key.unwrap_or_else(|| names.next("sk_test_"));
        let made_up = format!("clerk.{}.test", names.next("emulator-").to_lowercase());
        let host = host.unwrap_or(made_up);
        let instance_id = names.next("ins_");
        let keys = KeyRing::new(SigningKey::generate(instance_id.clone()));
        Self {
            instance: Arc::new(Instance::new(secret_key, &host)),
            users: HashSet::new(),
            banned: HashSet::new(),
            templates: HashSet::new(),
            keys,
            quota: None,
            faults: Faults::default(),
            requests: Requests::default(),
            webhooks: Webhooks::default(),
            instance_id,
            sessions: HashMap::new(),
            refresh_tokens: HashMap::new(),
            names,
        }
    }

    /// Begins a session on a client of its own: an active one, unless it is changed before anybody hears of it.
    pub(super) fn begin_session(
        &mut self,
        user_id: UserId,
        change: impl FnOnce(&mut SessionRecord),
        now: SystemTime,
    ) -> SessionRecord {
        let id: SessionId = self.names.id("sess_");
        let client_id = self.names.id("client_");
        let mut session =
            SessionRecord::begin(id.clone(), user_id, client_id, self.names.made, now);
        change(&mut session);
        session.note_end(now);
        self.sessions.insert(id, session.clone());
        self.tell_of_session(&session, now);
        session
    }

    /// The session of this ID, as it stands now.
    pub(super) fn session(&mut self, id: &str, now: SystemTime) -> Option<&mut SessionRecord> {
        let session = self.sessions.get_mut(id)?;
        session.settle(now);
        Some(session)
    }

    /// Changes the session, if there is one, as something other than the API does.
    pub(super) fn edit(
        &mut self,
        id: &SessionId,
        now: SystemTime,
        change: impl FnOnce(&mut SessionRecord),
    ) -> Option<()> {
        let session = self.session(id.as_str(), now)?;
        let before = session.status.clone();
        session.updated_at = now;
        change(session);
        session.note_end(now);
        let session = session.clone();
        if session.status != before {
            self.tell_of_session(&session, now);
        }
        Some(())
    }

    /// Gives the session, if there is one, this status.
    pub(super) fn set_status(
        &mut self,
        id: &SessionId,
        status: &str,
        now: SystemTime,
    ) -> Option<()> {
        self.edit(id, now, |session| status.clone_into(&mut session.status))
    }

    /// Tells what the session has become, where Clerk would.
    fn tell_of_session(&mut self, session: &SessionRecord, now: SystemTime) {
        let kind = match session.status.as_str() {
            "active" => "session.created",
            "pending" => "session.pending",
            "ended" => "session.ended",
            "removed" => "session.removed",
            "revoked" => "session.revoked",
            _ => return,
        };
        if self.webhooks.is_idle() {
            return;
        }
        let user = user(&session.user_id, self.banned.contains(&session.user_id), now);
        self.announce(Event::new(kind, webhooks::session(session, user)), now);
    }

    /// Sends a webhook, if anybody wants any.
    pub(super) fn announce(&mut self, event: Event, now: SystemTime) {
        if self.webhooks.is_idle() {
            return;
        }
        let id = self.names.next("msg_");
        self.webhooks.send(id, event.kind, &event.payload(&self.instance_id, now));
    }

    /// Every session as it stands now, the newest first.
    pub(super) fn sessions(&mut self, now: SystemTime) -> Vec<&SessionRecord> {
        self.sessions.values_mut().for_each(|session| session.settle(now));
        let mut sessions: Vec<_> = self.sessions.values().collect();
        sessions.sort_unstable_by_key(|session| {
            (std::cmp::Reverse(session.created_at), std::cmp::Reverse(session.sequence))
        });
        sessions
    }

    /// Every session of this user as it stands now.
    pub(super) fn sessions_of(
        &mut self,
        user: &UserId,
        now: SystemTime,
    ) -> impl Iterator<Item = &mut SessionRecord> {
        self.sessions.values_mut().for_each(|session| session.settle(now));
        self.sessions.values_mut().filter(move |session| session.user_id == *user)
    }

    pub(super) fn remove_sessions_of(&mut self, user: &UserId) {
        self.sessions.retain(|_, session| session.user_id != *user);
    }

    /// Forgets the session.
    pub(super) fn remove_session(&mut self, id: &SessionId) {
        self.sessions.remove(id);
    }

    /// Makes a refresh token for the session, as a front end has one in its cookie.
    pub(super) fn issue_refresh_token(&mut self, session: SessionId) -> String {
        let token = self.names.next("rt_");
        self.refresh_tokens.insert(token.clone(), session);
        token
    }

    pub(super) fn refresh_token_is_for(&self, token: &str, session: &SessionId) -> bool {
        self.refresh_tokens.get(token) == Some(session)
    }

    /// A token as planned, signed with the current key.
    pub(super) fn sign(&mut self, plan: &TokenPlan, session: &SessionRecord) -> String {
        let claims = self.claims(plan, session);
        let key = self.keys.current();
        key.sign(&plan.header(key.kid(), session), &claims)
    }

    /// A session token like this one and younger, as Clerk's edge makes it: whatever has become of the
    /// session. `None` unless the instance has signed it.
    pub(super) fn renew_at_edge(&mut self, token: &str, now: SystemTime) -> Option<String> {
        let id = self.names.next("");
        let key = self.keys.current();
        let renewed = renewed(self.keys.read(token)?, key.kid(), &id, now)?;
        Some(key.sign(&renewed.header, &renewed.claims))
    }

    pub(super) fn claims(
        &mut self,
        plan: &TokenPlan,
        session: &SessionRecord,
    ) -> Map<String, Value> {
        let id = self.names.next("");
        plan.claims(session, &self.instance.issuer, &id)
    }

    /// What an error is traced by.
    pub(super) fn trace_id(&mut self) -> String {
        self.names.next("trace_")
    }

    /// A name for a new key.
    pub(super) fn fresh_kid(&mut self) -> String {
        self.names.next("ins_")
    }
}

/// A source of names that look random, follow from their seed, and never repeat.
#[derive(Debug)]
pub(super) struct Names {
    seed: [u8; 16],
    made: u64,
}

impl Names {
    pub(super) fn new(seed: [u8; 16]) -> Self {
        Self { seed, made: 0 }
    }

    /// The prefix and 27 letters and digits, like an identifier of Clerk's.
    fn next(&mut self, prefix: &str) -> String {
        const ALPHABET: &[u8; 62] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        self.made += 1;
        let input = [&self.seed[..], &self.made.to_be_bytes()].concat();
        let hash = digest::digest(&digest::SHA256, &input);
        let letter = |byte: &u8| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]);
        prefix.chars().chain(hash.as_ref().iter().take(27).map(letter)).collect()
    }

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(&mut self, prefix: &str) -> T {
        self.next(prefix).parse().expect("a prefix, letters and digits are an identifier")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_seed_and_differ() {
        let mut names = Names::new([7; 16]);
        let mut again = Names::new([7; 16]);
        let first = names.next("sess_");
        assert_eq!(first.len(), 32);
        assert_eq!(first, again.next("sess_"));
        assert_ne!(first, names.next("sess_"));
    }
}
