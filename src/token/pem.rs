//! An RSA public key as people come by it: from a dashboard, through files and variables.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::key_set::RsaKey;
use crate::{
    ConfigError,
    pasted::{trimmed, unquoted},
};

/// Reads one key from a PEM ([RFC 7468]): `PUBLIC KEY`, or only its base64 body.
///
/// Quotes around it, a byte order mark, line ends of any kind, literal ones included, and base64
/// around the whole are what environment variables and secret stores do to a PEM, and no fault.
///
/// [RFC 7468]: https://www.rfc-editor.org/rfc/rfc7468
pub(super) fn rsa_key(text: &str) -> Result<RsaKey, ConfigError> {
    let text = trimmed(text);
    let text = unquoted(text).unwrap_or(text);
    let text = text.replace("\\r", "\r").replace("\\n", "\n");
    match wrapped_in_base64(&text) {
        Some(inner) => read(&inner),
        None => read(&text),
    }
}

fn read(text: &str) -> Result<RsaKey, ConfigError> {
    let text = trimmed(text);
    let key = match text.strip_prefix("-----BEGIN PUBLIC KEY-----") {
        Some(rest) => rest.strip_suffix("-----END PUBLIC KEY-----").and_then(der),
        None => der(text),
    };
    key.and_then(|der| RsaKey::from_spki(&der)).ok_or_else(|| {
        let malformed = ConfigError::malformed(
            "the PEM key",
            "an RSA public key of 2048 bits or more (`-----BEGIN PUBLIC KEY-----`): copy the JWKS public key from Clerk's dashboard",
        );
        match seems(text) {
            Some(what) => malformed.hint(what),
            None => malformed,
        }
    })
}

fn wrapped_in_base64(text: &str) -> Option<String> {
    let inner = String::from_utf8(der(text)?).ok()?;
    trimmed(&inner).starts_with("-----BEGIN ").then_some(inner)
}

fn der(base64: &str) -> Option<Vec<u8>> {
    let body: String = base64.split_whitespace().collect();
    STANDARD.decode(body).ok()
}

/// What it is instead.
fn seems(text: &str) -> Option<&'static str> {
    let label = text.strip_prefix("-----BEGIN ").and_then(|rest| rest.split("-----").next());
    Some(match label {
        Some("PUBLIC KEY") if !text.ends_with("-----END PUBLIC KEY-----") => {
            "this one is cut off, and does not end in `-----END PUBLIC KEY-----`"
        }
        Some("PUBLIC KEY") => {
            "this one is damaged, shorter than 2048 bits, or of another kind of key"
        }
        Some("RSA PUBLIC KEY") => {
            "this one is in PKCS #1; `openssl rsa -RSAPublicKey_in -pubout` makes a `PUBLIC KEY` of it"
        }
        Some("CERTIFICATE") => {
            "this is a certificate; `openssl x509 -pubkey -noout` shows the key in it"
        }
        Some(label) if label.ends_with("PRIVATE KEY") => {
            "this is a private key, which verifies nothing and should not be here"
        }
        Some(_) => "this is a PEM of something else",
        None if text.is_empty() => "there is nothing",
        None if text.starts_with('{') => {
            "this is a JSON Web Key; give it as a JWK Set, or copy the PEM that is shown beside it"
        }
        None if text.starts_with("sk_") => "this is the secret key of Clerk's API",
        None if text.starts_with("pk_") => "this is the publishable key",
        None if text.starts_with("ssh-rsa ") => "this is a key of SSH",
        None if text.starts_with("https://") => "this is a URL; keys are not fetched from there",
        None => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::test_signer::TestSigner;

    #[test]
    fn a_pem_is_read_whatever_came_of_it_on_its_way() {
        let pem = TestSigner::ours().pem();
        let key = rsa_key(&pem).unwrap();
        let trimmed = pem.trim();
        let body = trimmed.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>();
        for written in [
            trimmed.to_owned(),
            format!("\"{trimmed}\""),
            format!("'{pem}'\n"),
            format!("\u{feff}{pem}"),
            format!("\"\u{feff}{pem}\""),
            pem.replace('\n', "\r\n"),
            pem.replace('\n', "\\n"),
            pem.replace('\n', "\\r\\n"),
            format!("\"{}\"", pem.replace('\n', "\\n")),
            trimmed.replace('\n', " "),
            body.join("\n"),
            body.concat(),
            STANDARD.encode(&pem),
            format!("{}\n", STANDARD.encode(trimmed)),
            STANDARD.encode(pem.replace('\n', "\r\n")),
            STANDARD.encode(format!("\u{feff}{pem}")),
            format!("\"{}\"", STANDARD.encode(&pem)),
        ] {
            assert_eq!(rsa_key(&written).unwrap(), key, "{written}");
        }
    }

    #[test]
    fn what_is_no_public_key_is_called_what_it_is() {
        let pem = TestSigner::ours().pem();
        let labelled = |label: &str| pem.replace("PUBLIC KEY", label);
        for (written, said) in [
            (labelled("RSA PUBLIC KEY"), "PKCS #1"),
            (labelled("CERTIFICATE"), "a certificate"),
            (labelled("PRIVATE KEY"), "a private key"),
            (labelled("RSA PRIVATE KEY"), "a private key"),
            (labelled("ENCRYPTED PRIVATE KEY"), "a private key"),
            (STANDARD.encode(labelled("PRIVATE KEY")), "a private key"),
            (labelled("OPENSSH KEY"), "a PEM of something else"),
            (pem[..200].to_owned(), "cut off"),
            (pem.replacen("MII", "MIJ", 1), "damaged"),
            (serde_json::to_string(&TestSigner::ours().jwk()).unwrap(), "a JSON Web Key"),
            ("sk_test_hush".to_owned(), "secret key"),
            ("pk_test_Y2xlcms".to_owned(), "publishable key"),
            ("https://clerk.example.com/.well-known/jwks.json".to_owned(), "a URL"),
            ("ssh-rsa AAAA".to_owned(), "SSH"),
            ("\"\"".to_owned(), "nothing"),
        ] {
            let message = rsa_key(&written).unwrap_err().to_string();
            assert!(message.contains(said), "{message}");
            assert!(!message.contains("hush") && !message.contains("MII"), "{message}");
        }
        let message = rsa_key("junk").unwrap_err().to_string();
        assert!(message.contains("copy the JWKS public key from Clerk's dashboard"), "{message}");
    }
}
