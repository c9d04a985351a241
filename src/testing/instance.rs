//! The Clerk instance that is emulated: its keys and its name.

use aws_lc_rs::digest;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

/// What is fixed for the life of an emulator.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) secret_key: String,
    pub(super) publishable_key: String,
    pub(super) issuer: String,
    environment: Environment,
}

/// What kind of instance a secret key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Environment {
    Development,
    Production,
}

impl Instance {
    /// The instance of this secret key, at a host of its own.
    pub(super) fn new(secret_key: String, host: &str) -> Self {
        let (environment, prefix) = if secret_key.starts_with("sk_live_") {
            (Environment::Production, "pk_live_")
        } else {
            (Environment::Development, "pk_test_")
        };
        Self {
            secret_key,
            publishable_key: format!("{prefix}{}", STANDARD_NO_PAD.encode(format!("{host}$"))),
            issuer: format!("https://{host}"),
            environment,
        }
    }

    /// Whether sessions can be created through the API.
    pub(super) fn is_development(&self) -> bool {
        self.environment == Environment::Development
    }

    /// The calls that Clerk allows within ten seconds.
    pub(super) fn quota(&self) -> usize {
        match self.environment {
            Environment::Development => 100,
            Environment::Production => 1000,
        }
    }

    /// What the names of the instance's cookies end in.
    pub(super) fn cookie_suffix(&self) -> String {
        let hash =
            digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.publishable_key.as_bytes());
        URL_SAFE_NO_PAD.encode(&hash.as_ref()[..6])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_publishable_key_names_the_host_and_gives_the_cookies_suffix() {
        let instance = Instance::new("sk_live_x".to_owned(), "clerk.inspired.puma-74.lcl.dev");
        assert_eq!(instance.publishable_key, "pk_live_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA");
        assert_eq!(instance.issuer, "https://clerk.inspired.puma-74.lcl.dev");
        assert_eq!(instance.cookie_suffix(), "MqCvchyS");
    }
}
