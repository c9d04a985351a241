//! Tower middleware that authenticates [Clerk](https://clerk.com) sessions.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod claims;
pub mod client;
mod clock;
mod config_error;
mod credential;
pub mod extract;
mod id;
mod jwk_set;
mod publishable_key;
pub mod token;
#[cfg(feature = "testing")]
pub mod testing;

pub use claims::Claims;
mod session;

pub use client::{SecretKey, SessionsClient};
pub use clock::Clock;
pub use config_error::ConfigError;
pub use credential::{Credential, OwnedCredential, PresentedToken};
pub use id::{ClientId, OrganizationId, ParseIdError, SessionId, UserId};
pub use jwk_set::{Jwk, JwkSet};
pub use publishable_key::PublishableKey;
pub use token::TokenVerifier;
pub use session::{Session, SessionActivity, SessionStatus, SessionTask};
