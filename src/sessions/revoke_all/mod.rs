//! Signing a user out everywhere.

mod error;

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout_at},
};

pub use self::error::RevokeAllError;
use super::Sessions;
use crate::{
    Session, SessionId, SessionStatus, UserId,
    client::{self, ListSessions},
};

/// Whose sessions are to be revoked, and by when.
#[derive(Debug, Clone)]
pub(crate) struct Everywhere {
    pub(crate) user: UserId,
    /// The one that goes on.
    pub(crate) except: Option<SessionId>,
    pub(crate) deadline: Instant,
}

/// How many are listed at once: a page must fit into the longest answer that is read.
const PAGE: u16 = 250;
/// So many are revoked at a time. Revocations go before other calls: more of them would make requests wait.
const AT_A_TIME: usize = 4;
/// How long to wait where Clerk does not say.
const PAUSE: Duration = Duration::from_millis(250);

impl Sessions {
    /// Revokes all sessions of a user until Clerk lists none that is signed in, and gives how many there were.
    pub(crate) async fn revoke_all(
        self: Arc<Self>,
        everywhere: Everywhere,
    ) -> Result<usize, RevokeAllError> {
        let mut under_way = UnderWay {
            sessions: self,
            everywhere,
            revoked: HashSet::new(),
            unsure: HashSet::new(),
            remaining: None,
        };
        let done = under_way.run().await;
        done.map_err(|why| RevokeAllError::new(under_way.revoked.len(), under_way.remaining, why))?;
        Ok(under_way.finish().await)
    }
}

struct UnderWay {
    sessions: Arc<Sessions>,
    everywhere: Everywhere,
    /// Of these Clerk has said so.
    revoked: HashSet<SessionId>,
    /// Of these it has been asked, and it is not known what became of them.
    unsure: HashSet<SessionId>,
    /// How many there were the last time, less those that were revoked since.
    remaining: Option<usize>,
}

/// What one look at all sessions of the user has shown.
#[derive(Default)]
struct Pass {
    /// Those that are signed in and were not revoked yet.
    others: HashSet<SessionId>,
    /// Those that cannot be read.
    unreadable: usize,
    /// Whether it has come to the end of the list.
    is_whole: bool,
}

/// Why it cannot go on.
pub(super) enum Stop {
    TimeOver(Option<client::Error>),
    Unreadable,
    Failed(client::Error),
}

impl UnderWay {
    /// Lists all, then revokes, then lists again: so nothing is missed because something else has gone from the list.
    async fn run(&mut self) -> Result<(), Stop> {
        let mut trouble = None;
        loop {
            let mut pass = Pass::default();
            let failed = timeout_at(self.everywhere.deadline, self.walk(&mut pass)).await;
            let failed = failed.map_err(|_| Stop::TimeOver(trouble.take()))?.err();
            if pass.is_whole {
                self.remaining = Some(pass.others.len() + pass.unreadable);
            }
            match pass {
                Pass { others, unreadable: 0, is_whole: true } if others.is_empty() => {
                    return Ok(());
                }
                Pass { others, is_whole: true, .. } if others.is_empty() => {
                    return Err(Stop::Unreadable);
                }
                // What was found is revoked, whatever becomes of the rest of the list.
                Pass { others, .. } => trouble = self.revoke_each(others).await?.or(failed),
            }
            if let Some(error) = &trouble {
                self.pause_after(error).await?;
            }
        }
    }

    /// Walks through the whole list: Clerk's has no filter for pending sessions. Half of the time is for what it finds.
    async fn walk(&self, pass: &mut Pass) -> Result<(), client::Error> {
        let began = Instant::now();
        let half = self.everywhere.deadline.saturating_duration_since(began) / 2;
        let all = ListSessions::new().user_id(self.everywhere.user.clone());
        let all = all.paginated().limit(PAGE);
        let mut listed = 0;
        loop {
            let page = match self.sessions.upstream.list(&all.clone().offset(listed)).await {
                // Nobody has that name, so nobody is signed in by it.
                Err(error) if error.is_not_found() => break,
                page => page?,
            };
            listed += page.len() as u64;
            pass.unreadable += page.maybe_signed_in();
            pass.others.extend(
                page.data().iter().filter(|it| self.is_meant(it)).map(Session::id).cloned(),
            );
            let is_last = page.len() < usize::from(PAGE);
            if is_last || page.total_count().is_some_and(|all| listed >= all) {
                break;
            }
            if !pass.others.is_empty() && began.elapsed() >= half {
                return Ok(());
            }
        }
        pass.is_whole = true;
        Ok(())
    }

    /// Clerk's list may lag behind what Clerk has said of a session.
    fn is_meant(&self, session: &Session) -> bool {
        // One of a status that is not known may be signed in as well.
        !session.status().is_final()
            && Some(session.id()) != self.everywhere.except.as_ref()
            && !self.revoked.contains(session.id())
    }

    /// Revokes some at a time, and gives what went wrong last. Where Clerk is asked too often, the rest has to wait.
    async fn revoke_each(
        &mut self,
        ids: HashSet<SessionId>,
    ) -> Result<Option<client::Error>, Stop> {
        let mut ids = ids.into_iter();
        let (mut revoking, mut trouble) = (JoinSet::new(), None::<client::Error>);
        loop {
            let is_crowded = trouble.as_ref().is_some_and(client::Error::is_rate_limited);
            while !is_crowded && revoking.len() < AT_A_TIME {
                let Some(id) = ids.next() else { break };
                self.unsure.insert(id.clone());
                let answer = Arc::clone(&self.sessions).revoke(&id);
                revoking.spawn(async move { (id, answer.await) });
            }
            let Ok(revoked) = timeout_at(self.everywhere.deadline, revoking.join_next()).await
            else {
                // What is under way goes on.
                return Err(Stop::TimeOver(trouble));
            };
            match revoked {
                None => return Ok(trouble),
                Some(Ok((id, Ok(_)))) => self.note_revoked(id),
                Some(Ok((id, Err(error)))) if error.is_not_found() => self.note_revoked(id),
                Some(Ok((_, Err(error)))) => trouble = Some(error),
                Some(Err(_)) => trouble = Some(client::Error::revocation_interrupted()),
            }
        }
    }

    fn note_revoked(&mut self, id: SessionId) {
        self.unsure.remove(&id);
        self.revoked.insert(id);
        self.remaining = self.remaining.map(|remaining| remaining.saturating_sub(1));
    }

    /// Waits for as long as Clerk wants to be left alone, unless it is in vain.
    async fn pause_after(&self, error: &client::Error) -> Result<(), Stop> {
        if error.is_unauthorized() || error.is_invalid_input() {
            return Err(Stop::Failed(error.clone()));
        }
        let until = Instant::now() + error.retry_after().unwrap_or(PAUSE).max(PAUSE);
        if until >= self.everywhere.deadline {
            return Err(Stop::TimeOver(Some(error.clone())));
        }
        sleep_until(until).await;
        Ok(())
    }

    /// Nobody is signed in at Clerk any more. The log's trouble fails nothing.
    async fn finish(self) -> usize {
        let (sessions, user) = (&self.sessions, &self.everywhere.user);
        let over_since = sessions.clock.now();
        for id in &self.unsure {
            sessions.end(id, SessionStatus::Revoked).await;
        }
        if self.everywhere.except.is_none() {
            sessions.deny(user, None, over_since).await;
        }
        self.revoked.len() + self.unsure.len()
    }
}

#[cfg(test)]
mod tests;
