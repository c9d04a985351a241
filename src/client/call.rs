//! One request, to be sent once or more often.

use bytes::Bytes;
use http::Method;
use reqwest::Url;
use serde::Serialize;

use super::{
    api_version::ApiVersion, error::Error, operation::Operation, turns::Rank, urgency::Urgency,
};

#[derive(Debug)]
pub(super) struct Call {
    pub(super) operation: Operation,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) json: Option<Bytes>,
    pub(super) version: ApiVersion,
    pub(super) rank: Rank,
}

impl Call {
    pub(super) fn new(operation: Operation, method: Method, url: Url, version: ApiVersion) -> Self {
        let rank = if operation.is_urgent() { Rank::Urgent } else { Rank::Waiting };
        Self { operation, method, url, json: None, version, rank }
    }

    /// Replaces the version that the client is set to.
    pub(super) fn version(mut self, version: ApiVersion) -> Self {
        self.version = version;
        self
    }

    /// Says whether somebody waits for the answer.
    pub(super) fn urgency(mut self, urgency: Urgency) -> Self {
        if urgency == Urgency::Ahead {
            self.rank = Rank::Ahead;
        }
        self
    }

    /// It belongs to a call that is urgent.
    pub(super) fn urgent(mut self) -> Self {
        self.rank = Rank::Urgent;
        self
    }

    pub(super) fn query(mut self, pairs: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let mut pairs = pairs.into_iter().peekable();
        if pairs.peek().is_some() {
            self.url.query_pairs_mut().extend_pairs(pairs);
        }
        self
    }

    pub(super) fn json(mut self, body: &impl Serialize) -> Result<Self, Error> {
        let json = serde_json::to_vec(body).map_err(|_| {
            Error::invalid_input(self.operation, "the body cannot be written as JSON")
        })?;
        self.json = Some(json.into());
        Ok(self)
    }

    /// It is not made while Clerk wants silence.
    pub(super) fn keeps_quiet(&self) -> bool {
        self.operation.keeps_quiet() && self.rank != Rank::Urgent
    }

    /// It may be sent again where its end is not known.
    pub(super) fn is_repeatable(&self) -> bool {
        self.rank != Rank::Ahead && self.operation.is_repeatable()
    }
}
