//! One event per call to Clerk.

use tokio::time::Instant;

use super::{answer::Answer, error::Error, operation::Operation};
use crate::once_per_second::OncePerSecond;

/// Tells of calls without identifiers and secrets. Failures in an outage are warned of once per second,
/// and told at debug level otherwise.
#[derive(Debug, Default)]
pub(super) struct Events {
    warning: OncePerSecond,
}

impl Events {
    pub(super) fn called(
        &self,
        operation: Operation,
        result: &Result<Answer, Error>,
        started: Instant,
        ended: Instant,
    ) {
        let operation = operation.name();
        let latency = ended.saturating_duration_since(started);
        let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        match result {
            Ok(_) => tracing::debug!(operation, status = 200_u16, latency_ms, "called Clerk"),
            Err(error) => {
                let failure = error.label();
                let status = error.status().map(|status| status.as_u16());
                // Not Clerk's message, which may name users and sessions.
                let code = error.codes().next();
                let cause = error.broken_by();
                if self.is_worth_a_warning(ended, result) {
                    tracing::warn!(
                        operation,
                        failure,
                        status,
                        code,
                        latency_ms,
                        cause,
                        "a call to Clerk failed"
                    );
                } else {
                    tracing::debug!(
                        operation,
                        failure,
                        status,
                        code,
                        latency_ms,
                        cause,
                        "a call to Clerk failed"
                    );
                }
            }
        }
    }

    fn is_worth_a_warning(&self, now: Instant, result: &Result<Answer, Error>) -> bool {
        // That there is no such session is an answer like any other.
        result.as_ref().is_err_and(|error| !error.is_not_found()) && self.warning.is_due(now)
    }
}
