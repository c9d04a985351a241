//! Single sessions: get, revoke, verify.

use http::Method;
use serde::Serialize;
use tokio::time::Instant;

use super::{
    ApiVersion, Error, SessionsClient, Urgency, answer::Answer, call::Call, operation::Operation,
    upstream::Outcome,
};
use crate::{
    id::SessionId,
    session::{JsonSession, Session},
};

impl SessionsClient {
    /// The session as Clerk knows it now.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](Error::is_not_found) when there is no such session.
    pub async fn get(&self, id: &SessionId) -> Result<Session, Error> {
        self.ask(id, None, Urgency::Waiting, || ()).await
    }

    /// Ends the session. Its tokens are of no use from now on, except where they are checked
    /// without asking Clerk, which see them through to their expiry.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](Error::is_not_found) when there is no such session. When
    /// [unavailable](Error::is_unavailable), the session may have been revoked all the same.
    pub async fn revoke(&self, id: &SessionId) -> Result<Session, Error> {
        let path = ["sessions", id.as_str(), "revoke"];
        let call = self.upstream.call(Operation::Revoke, Method::POST, path);
        let deadline = Instant::now() + self.upstream.timeout();
        let Outcome { result, was_repeated } = self.upstream.send_by(&call, deadline, || ()).await;
        match result {
            Ok(answer) => session(&answer, id).map_err(Error::after_acceptance),
            // Maybe Clerk refuses to revoke what it has revoked already.
            Err(error) if was_repeated && error.is_about_the_state() => {
                self.settle(id, deadline, error).await
            }
            Err(error) => Err(error),
        }
    }

    /// The session, if it is active and the token is one of its.
    ///
    /// Clerk offers this up to the API version 2025-03-12, which is what is sent for this call when
    /// the client is set to a later one.
    ///
    /// # Errors
    ///
    /// [`is_endpoint_gone`](Error::is_endpoint_gone) when Clerk no longer offers it.
    #[deprecated = "Clerk has deprecated it: get the session and verify the token locally"]
    pub async fn verify(&self, id: &SessionId, token: Option<&str>) -> Result<Session, Error> {
        self.verify_session(id, token).await
    }

    pub(crate) async fn verify_session(
        &self,
        id: &SessionId,
        token: Option<&str>,
    ) -> Result<Session, Error> {
        let call = self.verification(id, token)?;
        session(&self.upstream.send(&call).await?, id)
    }

    /// Gets the session; with a token, by having Clerk verify that. `sent` is called once, when the
    /// question has had its turn and is about to go out: before, it costs Clerk nothing.
    pub(crate) async fn ask(
        &self,
        id: &SessionId,
        token: Option<&str>,
        urgency: Urgency,
        sent: impl FnOnce() + Send,
    ) -> Result<Session, Error> {
        let call = match token {
            Some(_) => self.verification(id, token)?,
            None => self.upstream.call(Operation::Get, Method::GET, ["sessions", id.as_str()]),
        };
        let deadline = Instant::now() + self.upstream.timeout();
        let outcome = self.upstream.send_by(&call.urgency(urgency), deadline, sent).await;
        session(&outcome.result?, id)
    }

    /// As [`ask`](Self::ask) takes its turn and its time, without asking.
    #[cfg(test)]
    pub(crate) async fn rehearse(
        &self,
        id: &SessionId,
        urgency: Urgency,
        latency: std::time::Duration,
        sent: impl FnOnce() + Send,
    ) -> Result<(), Error> {
        let call = self.upstream.call(Operation::Get, Method::GET, ["sessions", id.as_str()]);
        self.upstream.rehearse(&call.urgency(urgency), latency, sent).await
    }

    /// What became of a session whose revocation came to this error.
    async fn settle(
        &self,
        id: &SessionId,
        deadline: Instant,
        error: Error,
    ) -> Result<Session, Error> {
        let call =
            self.upstream.call(Operation::Get, Method::GET, ["sessions", id.as_str()]).urgent();
        let answer = self.upstream.send_by(&call, deadline, || ()).await.result;
        match answer.and_then(|answer| session(&answer, id)) {
            Ok(session) if session.status().is_final() => Ok(session),
            Err(missing) if missing.is_not_found() => Err(missing),
            _ => Err(error),
        }
    }

    fn verification(&self, id: &SessionId, token: Option<&str>) -> Result<Call, Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            token: Option<&'a str>,
        }

        self.upstream
            .call(Operation::Verify, Method::POST, ["sessions", id.as_str(), "verify"])
            .version(self.upstream.version().min(ApiVersion::V2025_03_12))
            .json(&Body { token })
    }
}

/// The session in the answer, which must be the one that was asked for.
fn session(answer: &Answer, asked: &SessionId) -> Result<Session, Error> {
    let JsonSession(session) = answer.json()?;
    if session.id() != asked {
        return Err(answer.invalid("it is about another session"));
    }
    Ok(session)
}
