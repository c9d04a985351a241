//! Telling Clerk's webhooks from everybody else's requests.

use std::{
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use http::HeaderMap;

use super::{WebhookError, WebhookErrorKind, WebhookEvent, WebhookSecret, signature::Signed};
use crate::{Clock, ConfigError};

/// Verifies webhooks. A cheap handle, usable without the rest of this crate.
///
/// # Security
///
/// A message counts if one of its signatures of version `v1` was made with one of the secrets; signatures of other
/// versions are skipped, and are compared in constant time. Nothing of a message is parsed before. It must have
/// been signed within five minutes of now, so that who records one cannot send it again for ever.
#[derive(Clone)]
pub struct WebhookVerifier {
    secrets: Arc<[WebhookSecret]>,
    clock: Clock,
}

/// By how many seconds the sender's clock and ours may differ, the way of the message included.
const TOLERANCE: u64 = 5 * 60;

impl WebhookVerifier {
    /// A verifier of what is signed with this secret.
    #[must_use]
    pub fn new(secret: WebhookSecret) -> Self {
        Self { secrets: Arc::new([secret]), clock: Clock::system() }
    }

    /// A verifier by the secret in `CLERK_WEBHOOK_SIGNING_SECRET`.
    ///
    /// # Errors
    ///
    /// When the variable is missing or holds no secret.
    pub fn from_env() -> Result<Self, ConfigError> {
        WebhookSecret::from_env().map(Self::new)
    }

    /// Accepts what is signed with this secret too: of another endpoint, say. A secret that is rotated needs none,
    /// since Clerk signs with the old and the new one for a day.
    #[must_use]
    pub fn also(self, secret: WebhookSecret) -> Self {
        let secrets = self.secrets.iter().cloned().chain([secret]).collect();
        Self { secrets, ..self }
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The event that a request with these headers and this body tells of.
    ///
    /// The body must be the one that was received, byte for byte: JSON that was parsed and written again is
    /// another message.
    ///
    /// # Errors
    ///
    /// Fails if it is no message of Clerk's, is older than five minutes, or does not say what an event of its
    /// kind must. To the sender all of these are a 400.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<WebhookEvent, WebhookError> {
        let signed = Signed::read(headers)?;
        if !self.secrets.iter().any(|secret| signed.is_signed_with(secret, body)) {
            return Err(WebhookErrorKind::Signature.into());
        }
        if !is_recent(signed.timestamp, self.clock.now()) {
            return Err(WebhookErrorKind::Timestamp.into());
        }
        WebhookEvent::read(&signed, body)
    }
}

fn is_recent(timestamp: u64, now: SystemTime) -> bool {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    now.abs_diff(timestamp) <= TOLERANCE
}

impl fmt::Debug for WebhookVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookVerifier").field("clock", &self.clock).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
