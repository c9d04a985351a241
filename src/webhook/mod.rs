//! What Clerk tells a service of its own accord: verified webhooks.
//!
//! Clerk sends an event as an HTTP POST, signed with the secret of the endpoint that is set up in its
//! dashboard. [`WebhookVerifier`] says whether a request is one, and what it tells. It wants the body
//! exactly as it was received: verify first, then parse.
//!
//! ```
//! use http::HeaderMap;
//! use tower_clerk::webhook::{EventKind, WebhookError, WebhookSecret, WebhookVerifier};
//!
//! fn handle(verifier: &WebhookVerifier, headers: &HeaderMap, body: &[u8]) -> Result<(), WebhookError> {
//!     let event = verifier.verify(headers, body)?;
//!     if *event.kind() == EventKind::UserDeleted {
//!         println!("{:?} is gone", event.user_id());
//!     }
//!     Ok(())
//! }
//!
//! let secret: WebhookSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX".parse()?;
//! let verifier = WebhookVerifier::new(secret);
//! assert!(handle(&verifier, &HeaderMap::new(), b"{}").is_err(), "nobody has signed it");
//! # Ok::<(), tower_clerk::ConfigError>(())
//! ```
//!
//! The signature is that of [Standard Webhooks][spec], in the headers `svix-id`, `svix-timestamp` and
//! `svix-signature`, or in `webhook-id` and its companions.
//!
//! # What an event proves
//!
//! That Clerk sent it, at some time within the last five minutes. It may come late, twice, out of order, or not
//! at all: [`id`](WebhookEvent::id) is the same each time that one event is sent, and
//! [`timestamp`](WebhookEvent::timestamp) says when it happened.
//!
//! [spec]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

mod error;
mod event;
mod kind;
mod payload;
mod secret;
mod signature;
mod verifier;

#[cfg(any(feature = "testing", fuzzing, test))]
pub(crate) use self::signature::sign;
pub use self::{
    error::{WebhookError, WebhookErrorKind},
    event::WebhookEvent,
    kind::EventKind,
    secret::WebhookSecret,
    verifier::WebhookVerifier,
};
