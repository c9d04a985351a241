//! What was asked of the emulator.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::Arc,
    time::SystemTime,
};

use bytes::Bytes;
use http::{HeaderMap, Method, header};

use super::{operation::Operation, request::Request};

/// How many requests are remembered in full. Counting goes on beyond.
const REMEMBERED: usize = 1_000;

/// A request to Clerk as it arrived, whatever its answer was.
///
/// Its `Authorization` header is left out.
pub struct RecordedRequest {
    operation: Option<Operation>,
    method: Method,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    had_authorization: bool,
    body: Bytes,
    received_at: SystemTime,
}

impl RecordedRequest {
    /// The operation asked for; `None` for a path or method that the API does not have.
    #[must_use]
    pub fn operation(&self) -> Option<Operation> {
        self.operation
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path as it was sent, percent-encoding and all.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query as it was sent.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The headers, without `Authorization`.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Whether it had an `Authorization` header, the right one or another.
    #[must_use]
    pub fn had_authorization(&self) -> bool {
        self.had_authorization
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// When it arrived, by the emulator's clock.
    #[must_use]
    pub fn received_at(&self) -> SystemTime {
        self.received_at
    }
}

impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedRequest")
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query)
            .finish_non_exhaustive()
    }
}

/// The requests received so far: all of them counted, the latest 1,000 in full.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    counts: BTreeMap<Operation, u64>,
    unknown: u64,
    latest: VecDeque<Arc<RecordedRequest>>,
}

impl Requests {
    /// How many asked for this operation.
    #[must_use]
    pub fn count(&self, operation: Operation) -> u64 {
        self.counts.get(&operation).copied().unwrap_or_default()
    }

    /// How many asked for something that the API does not have.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// How many there were in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.unknown + self.counts.values().sum::<u64>()
    }

    /// The latest requests, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &RecordedRequest> {
        self.latest.iter().map(AsRef::as_ref)
    }

    /// The latest request for this operation.
    #[must_use]
    pub fn last(&self, operation: Operation) -> Option<&RecordedRequest> {
        self.latest
            .iter()
            .rev()
            .find(|request| request.operation == Some(operation))
            .map(AsRef::as_ref)
    }

    pub(super) fn record(
        &mut self,
        operation: Option<Operation>,
        request: &Request,
        now: SystemTime,
    ) {
        match operation {
            Some(operation) => *self.counts.entry(operation).or_default() += 1,
            None => self.unknown += 1,
        }
        if self.latest.len() == REMEMBERED {
            self.latest.pop_front();
        }
        let mut headers = request.headers.clone();
        let had_authorization = headers.remove(header::AUTHORIZATION).is_some();
        self.latest.push_back(Arc::new(RecordedRequest {
            operation,
            method: request.method.clone(),
            path: request.raw_path.clone(),
            query: request.raw_query.clone(),
            headers,
            had_authorization,
            body: request.body.clone(),
            received_at: now,
        }));
    }
}
