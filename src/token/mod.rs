//! Networkless verification of session tokens, usable without the layer.
//!
//! A [`TokenVerifier`] judges by the rules that Clerk gives for [manual verification], in a
//! fixed order: form, algorithm, key and signature before any claim, so that an error tells a
//! forger nothing.
//!
//! ```
//! use tower_clerk::{Instance, TokenVerifier, token::TokenErrorKind};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Usually from the environment variable `CLERK_JWT_KEY`.
//! let key = "-----BEGIN PUBLIC KEY-----
//! # MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApqi9q4cdFdMaUjsSdfxc
//! # mHWzT16xSGeLEQnPH6Ai5w0LgV695KmL6QWwT4WNBG3U3y6ngnmTV5uRuco/nYWU
//! # uBz/yfpTWw3g6DktejWHTlCoEEQ/+wZjxAwLIjxCAtlEvKFC5q7Drqha2lCAJ92G
//! # v/LlzbW9yhbaFBEqB4vkwAPnVlO9A999TwCXa5k6F0NLvKySWNE/IaautqNm7Ft5
//! # u3/MNA+A3vVWrXT6Ks6aDg2+a2at2Jt3NFztlwI0mvEI1CW3bcvyMX/mq2V4Nhzl
//! # ykEYLoAYrOEAyBk5KC0T24ZNaZ1ufmI3CKN6PnNajlzXFOJjZ8iX298uNSqV4YYI
//! # gQIDAQAB
//! -----END PUBLIC KEY-----";
//! let instance = Instance::builder()
//!     .jwt_key(key)
//!     .authorized_parties(["https://app.example.com"])?
//!     .build()?;
//! let verifier = TokenVerifier::new(&instance)?;
//!
//! let error = verifier.verify("not a token").await.unwrap_err();
//! assert_eq!(error.kind(), TokenErrorKind::Malformed);
//! assert_eq!(error.reason(), "token-invalid");
//! # Ok(())
//! # }
//! ```
//!
//! [manual verification]: https://clerk.com/docs/guides/sessions/manual-jwt-verification

mod authenticator;
mod base64url;
mod error;
mod fetch;
mod header;
mod jws;
mod key_set;
mod keys;
mod pem;
mod policy;
mod published;
mod remote_keys;
mod rules;
mod verifier;

pub(crate) use self::verifier::{DEFAULT_CLOCK_SKEW, clock_skew};
pub(crate) use self::{
    authenticator::{Authenticated, Authenticator},
    fetch::{FetchError, FetchKeys},
    keys::Keys,
    policy::Parties,
    remote_keys::KeysReport,
};
pub use self::{
    error::{TokenError, TokenErrorKind},
    policy::Policy,
    verifier::{TokenVerifier, TokenVerifierBuilder},
};

#[cfg(test)]
pub(crate) mod test_signer;
