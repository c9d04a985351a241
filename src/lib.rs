//! Tower middleware that authenticates [Clerk](https://clerk.com) sessions.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod client;
mod clock;
mod config_error;
mod id;
mod jwk_set;
mod session;

pub use client::{SecretKey, SessionsClient};
pub use clock::Clock;
pub use config_error::ConfigError;
pub use id::{ClientId, OrganizationId, ParseIdError, SessionId, UserId};
pub use jwk_set::{Jwk, JwkSet};
pub use session::{Session, SessionActivity, SessionStatus, SessionTask};
