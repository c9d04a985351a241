use std::{fmt, pin::Pin};

use crate::{Session, SessionId, SessionsClient, client};

/// What is asked of Clerk about a session. A test puts itself in Clerk's place here.
pub(crate) trait Upstream: fmt::Debug + Send + Sync {
    /// Reads the session; with a token, by having Clerk verify that.
    fn read<'a>(&'a self, id: &'a SessionId, token: Option<&'a str>) -> Asking<'a>;

    /// Ends the session.
    fn revoke<'a>(&'a self, id: &'a SessionId) -> Asking<'a>;
}

pub(crate) type Asking<'a> =
    Pin<Box<dyn Future<Output = Result<Session, client::Error>> + Send + 'a>>;

impl Upstream for SessionsClient {
    fn read<'a>(&'a self, id: &'a SessionId, token: Option<&'a str>) -> Asking<'a> {
        match token {
            Some(_) => Box::pin(self.verify_session(id, token)),
            None => Box::pin(self.get(id)),
        }
    }

    fn revoke<'a>(&'a self, id: &'a SessionId) -> Asking<'a> {
        Box::pin(SessionsClient::revoke(self, id))
    }
}
