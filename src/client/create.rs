//! Creating sessions.

use http::Method;
use serde::Serialize;

use super::{Error, SessionsClient, operation::Operation};
use crate::{
    id::{OrganizationId, UserId},
    session::{JsonSession, Session},
};

/// The session to [create](SessionsClient::create).
#[derive(Debug, Clone, Serialize)]
#[must_use]
pub struct CreateSession {
    user_id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    active_organization_id: Option<OrganizationId>,
}

impl CreateSession {
    /// An active session of this user.
    pub fn new(user_id: UserId) -> Self {
        Self { user_id, active_organization_id: None }
    }

    /// Makes this organization the active one.
    pub fn active_organization_id(mut self, id: OrganizationId) -> Self {
        self.active_organization_id = Some(id);
        self
    }
}

impl SessionsClient {
    /// Creates an active session, for tests: Clerk offers this on development instances only.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](Error::is_not_found) when there is no such user.
    pub async fn create(&self, session: &CreateSession) -> Result<Session, Error> {
        let call =
            self.upstream.call(Operation::Create, Method::POST, ["sessions"]).json(session)?;
        let answer = self.upstream.send(&call).await?;
        let JsonSession(created) = answer.json()?;
        if created.user_id() != &session.user_id {
            return Err(answer.invalid("the session is another user's"));
        }
        Ok(created)
    }
}
