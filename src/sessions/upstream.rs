use std::{fmt, pin::Pin};

use crate::{
    Session, SessionId, SessionsClient,
    client::{self, ListSessions, SessionPage, Urgency},
};

/// What is asked of Clerk about a session. A test puts itself in Clerk's place here.
pub(crate) trait Upstream: fmt::Debug + Send + Sync {
    /// Reads the session; with a token, by having Clerk verify that. `sent` is called when the question sets out.
    fn read<'a>(
        &'a self,
        id: &'a SessionId,
        token: Option<&'a str>,
        urgency: Urgency,
        sent: Box<dyn FnOnce() + Send + 'a>,
    ) -> Asking<'a>;

    /// Ends the session.
    fn revoke<'a>(&'a self, id: &'a SessionId) -> Asking<'a>;

    /// Lists sessions.
    fn list<'a>(&'a self, _: &'a ListSessions) -> Listing<'a> {
        Box::pin(async { Err(client::Error::without_secret_key()) })
    }
}

pub(crate) type Asking<'a> =
    Pin<Box<dyn Future<Output = Result<Session, client::Error>> + Send + 'a>>;

pub(crate) type Listing<'a> =
    Pin<Box<dyn Future<Output = Result<SessionPage, client::Error>> + Send + 'a>>;

impl Upstream for SessionsClient {
    fn read<'a>(
        &'a self,
        id: &'a SessionId,
        token: Option<&'a str>,
        urgency: Urgency,
        sent: Box<dyn FnOnce() + Send + 'a>,
    ) -> Asking<'a> {
        Box::pin(self.ask(id, token, urgency, sent))
    }

    fn revoke<'a>(&'a self, id: &'a SessionId) -> Asking<'a> {
        Box::pin(SessionsClient::revoke(self, id))
    }

    fn list<'a>(&'a self, sessions: &'a ListSessions) -> Listing<'a> {
        Box::pin(SessionsClient::list(self, sessions))
    }
}

/// In the place of a client where there is no secret key.
#[derive(Debug)]
pub(crate) struct NoUpstream;

impl Upstream for NoUpstream {
    fn read<'a>(
        &'a self,
        _: &'a SessionId,
        _: Option<&'a str>,
        _: Urgency,
        _: Box<dyn FnOnce() + Send + 'a>,
    ) -> Asking<'a> {
        Box::pin(async { Err(client::Error::without_secret_key()) })
    }

    fn revoke<'a>(&'a self, _: &'a SessionId) -> Asking<'a> {
        Box::pin(async { Err(client::Error::without_secret_key()) })
    }
}
