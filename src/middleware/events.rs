//! One event per refusal, without identifiers, tokens or anything the caller wrote.

use std::time::Duration;

use tokio::time::Instant;

use super::Protocol;
use crate::{Rejection, RejectionKind, once_per_second::OncePerSecond, token::TokenError};

/// Where a verdict came from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// What was known already.
    Hit,
    /// Clerk, or keys that had to be fetched, after this time.
    Miss(Duration),
}

/// Tells of refusals: at debug level, since anybody can cause them; once per second as an error
/// where the service itself is set up wrongly.
#[derive(Debug, Default)]
pub(super) struct Events {
    misconfigured: OncePerSecond,
}

impl Events {
    pub(super) fn refused(
        &self,
        rejection: &Rejection,
        protocol: Protocol,
        check: &'static str,
        source: Source,
    ) {
        let reason = rejection.reason();
        let (source, latency_ms) = match source {
            Source::Hit => ("hit", 0),
            Source::Miss(time) => ("miss", u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        };
        let misconfigured = rejection.kind() == RejectionKind::Misconfigured;
        if misconfigured && self.misconfigured.is_due(Instant::now()) {
            let cause = std::error::Error::source(rejection);
            tracing::error!(
                reason,
                ?protocol,
                check,
                source,
                latency_ms,
                cause,
                "requests are refused because this service is set up wrongly"
            );
        } else {
            // A token's fault says the claim, and the cure; nothing of the token.
            let fault = std::error::Error::source(rejection)
                .and_then(|source| source.downcast_ref::<TokenError>());
            tracing::debug!(
                reason,
                ?protocol,
                check,
                source,
                latency_ms,
                claim = fault.and_then(TokenError::claim),
                cause = fault.map(tracing::field::display),
                "refused a request"
            );
        }
    }

    pub(super) fn admitted_stale(&self, check: &'static str) {
        tracing::debug!(check, source = "stale", "admitted a request while Clerk is unavailable");
    }
}
