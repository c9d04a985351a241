//! Signatures of messages ([Standard Webhooks]), made and checked.
//!
//! [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

use aws_lc_rs::{constant_time, hmac};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName};

use super::{WebhookError, WebhookSecret};

/// The headers of a message, by the names that Svix gives them and by those of the standard.
const NAMES: [Names; 2] = [
    Names { id: "svix-id", timestamp: "svix-timestamp", signature: "svix-signature" },
    Names { id: "webhook-id", timestamp: "webhook-timestamp", signature: "webhook-signature" },
];

struct Names {
    id: &'static str,
    timestamp: &'static str,
    signature: &'static str,
}

/// The longest identifier that is read, in bytes. Svix's own have about 31.
const LONGEST_ID: usize = 256;
/// The largest timestamp that is read: the end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

/// What a message says of itself, in its headers.
pub(super) struct Signed<'h> {
    pub(super) id: &'h str,
    /// In seconds since 1970.
    pub(super) timestamp: u64,
    timestamp_text: &'h str,
    signatures: &'h str,
}

impl<'h> Signed<'h> {
    /// Reads the headers of the first naming that occurs at all.
    pub(super) fn read(headers: &'h HeaderMap) -> Result<Self, WebhookError> {
        let occurs = |names: &&Names| {
            [names.id, names.timestamp, names.signature]
                .iter()
                .any(|name| headers.contains_key(*name))
        };
        let names = NAMES.iter().find(occurs).unwrap_or(&NAMES[0]);
        let id = only(headers, names.id)?;
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'.';
        if id.len() > LONGEST_ID || !id.bytes().all(is_plain) {
            // With a full stop, what is signed could be taken apart in more ways than one.
            return Err(WebhookError::header(names.id));
        }
        let timestamp_text = only(headers, names.timestamp)?;
        let timestamp = seconds(timestamp_text);
        Ok(Self {
            id,
            timestamp: timestamp.ok_or(WebhookError::header(names.timestamp))?,
            timestamp_text,
            signatures: only(headers, names.signature)?,
        })
    }

    /// Whether the secret has made one of the signatures. Those of other versions do not count.
    pub(super) fn is_signed_with(&self, secret: &WebhookSecret, body: &[u8]) -> bool {
        let tag = tag(secret, self.id, self.timestamp_text, body);
        let fits = |signature: &str| {
            let presented =
                signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
            presented.is_some_and(|presented| {
                constant_time::verify_slices_are_equal(tag.as_ref(), &presented).is_ok()
            })
        };
        self.signatures.split(' ').any(fits)
    }
}

/// The one header of this name, which says something.
fn only<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<&'h str, WebhookError> {
    let malformed = WebhookError::header(name);
    let mut values = headers.get_all(HeaderName::from_static(name)).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(malformed) };
    let text = value.to_str().map(str::trim).ok().filter(|text| !text.is_empty());
    text.ok_or(malformed)
}

/// Digits and nothing else, written in the one way that there is.
fn seconds(text: &str) -> Option<u64> {
    let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let seconds = is_canonical.then(|| text.parse().ok()).flatten();
    seconds.filter(|seconds| *seconds <= LAST_SECOND)
}

fn tag(secret: &WebhookSecret, id: &str, timestamp: &str, body: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(secret.key());
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        context.update(part);
    }
    context.sign()
}

/// What the signature header says of a message that this secret signs.
#[cfg(any(feature = "testing", fuzzing, test))]
pub(crate) fn sign(secret: &WebhookSecret, id: &str, timestamp: u64, body: &[u8]) -> String {
    let tag = tag(secret, id, &timestamp.to_string(), body);
    format!("v1,{}", STANDARD.encode(tag))
}
