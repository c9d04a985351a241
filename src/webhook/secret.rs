//! The secret that Clerk signs an endpoint's webhooks with.

use std::{fmt, str::FromStr};

use aws_lc_rs::hmac;
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::{
    config_error::ConfigError,
    environment::{self, LookUp},
    pasted::{QUOTED, trimmed, unquoted},
};

/// The signing secret of a webhook endpoint, `whsec_…`, as Clerk's dashboard shows it.
///
/// # Security
///
/// Whoever has it can end your users' sessions here. It can be given and not be had back: it is
/// neither printed nor serialized.
///
/// ```
/// use tower_clerk::webhook::WebhookSecret;
///
/// let secret: WebhookSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX".parse()?;
/// assert_eq!(format!("{secret:?}"), "WebhookSecret(whsec_…)");
/// assert!("whsec_".parse::<WebhookSecret>().is_err());
/// # Ok::<(), tower_clerk::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct WebhookSecret(hmac::Key);

const PREFIX: &str = "whsec_";
/// The shortest secret that Standard Webhooks allows, in bytes. Clerk's have as many.
const SHORTEST: usize = 24;
/// The longest secret that is read, in bytes.
const LONGEST: usize = 512;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl WebhookSecret {
    /// The secret in `CLERK_WEBHOOK_SIGNING_SECRET`.
    ///
    /// # Errors
    ///
    /// When the variable is missing or holds no secret.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::looked_up(&mut environment::process)
    }

    fn looked_up(look_up: LookUp<'_>) -> Result<Self, ConfigError> {
        let text = environment::required(look_up, "CLERK_WEBHOOK_SIGNING_SECRET")?;
        Self::parse(&text, "`CLERK_WEBHOOK_SIGNING_SECRET`")
    }

    fn parse(text: &str, what: &'static str) -> Result<Self, ConfigError> {
        let secret = trimmed(text).strip_prefix(PREFIX).and_then(|text| BASE64.decode(text).ok());
        match secret.filter(|secret| (SHORTEST..=LONGEST).contains(&secret.len())) {
            Some(secret) => Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &secret))),
            None => Err(malformed(text, what)),
        }
    }

    pub(super) fn key(&self) -> &hmac::Key {
        &self.0
    }
}

fn malformed(text: &str, what: &'static str) -> ConfigError {
    let malformed = ConfigError::malformed(
        what,
        "the signing secret of the endpoint as Clerk's dashboard shows it, `whsec_` and at least 24 \
         bytes in base64",
    );
    if unquoted(text).is_some() {
        malformed.hint(QUOTED)
    } else if trimmed(text).starts_with("sk_") {
        malformed.hint("this is a secret key of the API")
    } else {
        malformed
    }
}

impl FromStr for WebhookSecret {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text, "the webhook's signing secret")
    }
}

impl TryFrom<&str> for WebhookSecret {
    type Error = ConfigError;

    fn try_from(text: &str) -> Result<Self, ConfigError> {
        text.parse()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(whsec_…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(text: &str) -> Result<WebhookSecret, ConfigError> {
        WebhookSecret::looked_up(&mut |name| {
            assert_eq!(name, "CLERK_WEBHOOK_SIGNING_SECRET");
            Ok(Some(text.to_owned()))
        })
    }

    #[test]
    fn a_secret_is_what_the_dashboard_shows() {
        for good in [
            "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            " whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\n",
            "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGA==",
            "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGA",
            "whsec_//////////////////////////////////++",
        ] {
            assert!(good.parse::<WebhookSecret>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "whsec_",
            "whsec_AA==",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY=",
            "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFR-_",
            "whsec_AAECAwQFBgcICQoL DA0ODxAREhMUFRYX",
            "WHSEC_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            "sk_test_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            &format!("whsec_{}", "A".repeat(1000)),
        ] {
            assert!(bad.parse::<WebhookSecret>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_was_pasted_along_is_trimmed_and_quotes_are_named() {
        let secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
        assert!(format!("\u{feff}{secret}\r\n").parse::<WebhookSecret>().is_ok());
        for (pasted, hint) in
            [(format!("\"{secret}\""), "quotes"), ("sk_test_x".to_owned(), "secret key of the API")]
        {
            let told = pasted.parse::<WebhookSecret>().unwrap_err().to_string();
            assert!(told.contains(hint), "{told}");
        }
    }

    #[test]
    fn a_wrong_secret_is_named_and_not_repeated() {
        let told = held("whsec_aHVzaA==").unwrap_err();
        let told = told.to_string();
        assert!(
            told.contains("`CLERK_WEBHOOK_SIGNING_SECRET`") && !told.contains("aHVz"),
            "{told}"
        );
        let missing = held("").unwrap_err().to_string();
        assert!(missing.contains("CLERK_WEBHOOK_SIGNING_SECRET"), "{missing}");
        let secret = held("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX").unwrap();
        assert_eq!(format!("{secret:?}"), "WebhookSecret(whsec_…)");
    }
}
