//! Keys and tokens for tests, signed for real.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaEncoding},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

use crate::{Jwk, JwkSet};

pub(crate) const ISSUER: &str = "https://clerk.example.com";
pub(crate) const PARTY: &str = "https://app.example.com";
/// When the tokens of [`session_claims`] are issued.
pub(crate) const ISSUED: u64 = 1_700_000_000;

pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[derive(Clone)]
pub(crate) struct TestSigner {
    key: Arc<KeyPair>,
    kid: &'static str,
}

impl TestSigner {
    /// Our instance's.
    pub(crate) fn ours() -> Self {
        static KEY: OnceLock<Arc<KeyPair>> = OnceLock::new();
        Self { key: Arc::clone(KEY.get_or_init(generate)), kid: "ins_ours" }
    }

    /// Somebody else's.
    pub(crate) fn foreign() -> Self {
        static KEY: OnceLock<Arc<KeyPair>> = OnceLock::new();
        Self { key: Arc::clone(KEY.get_or_init(generate)), kid: "ins_foreign" }
    }

    /// The same key by another name.
    pub(crate) fn called(self, kid: &'static str) -> Self {
        Self { kid, ..self }
    }

    pub(crate) fn jwk(&self) -> Jwk {
        let (n, e) = self.components();
        Jwk {
            kty: "RSA".into(),
            kid: Some(self.kid.into()),
            alg: Some("RS256".into()),
            public_key_use: Some("sig".into()),
            key_ops: None,
            n: Some(URL_SAFE_NO_PAD.encode(n)),
            e: Some(URL_SAFE_NO_PAD.encode(e)),
        }
    }

    pub(crate) fn jwk_set(&self) -> JwkSet {
        JwkSet { keys: vec![self.jwk()] }
    }

    pub(crate) fn pem(&self) -> String {
        let spki = self.key.public_key().as_der().unwrap();
        let body = STANDARD.encode(spki.as_ref());
        let lines: Vec<&str> =
            body.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "alg": "RS256", "kid": self.kid, "typ": "JWT", "cat": "cl_B7d4PD111AAA" })
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_text(&self.header().to_string(), &claims.to_string())
    }

    pub(crate) fn sign_with(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    pub(crate) fn sign_text(&self, header: &str, payload: &str) -> String {
        self.sign_by(&RSA_PKCS1_SHA256, header, payload)
    }

    pub(crate) fn sign_by(
        &self,
        encoding: &'static dyn RsaEncoding,
        header: &str,
        payload: &str,
    ) -> String {
        let input =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let mut signature = vec![0; self.key.public_modulus_len()];
        let random = SystemRandom::new();
        self.key.sign(encoding, &random, input.as_bytes(), &mut signature).unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Modulus and exponent, from where a PKCS #1 key of 2048 bits has them.
    fn components(&self) -> (Vec<u8>, Vec<u8>) {
        let der = self.key.public_key().as_ref();
        assert_eq!((der.len(), &der[der.len() - 5..]), (270, &[2, 3, 1, 0, 1][..]));
        (der[9..265].to_vec(), vec![1, 0, 1])
    }
}

/// A session token's claims, as Clerk issues them.
pub(crate) fn session_claims() -> Value {
    json!({
        "iss": ISSUER,
        "sub": "user_1",
        "sid": "sess_1",
        "azp": PARTY,
        "iat": ISSUED,
        "nbf": ISSUED - 10,
        "exp": ISSUED + 60,
        "fva": [1, -1],
        "sts": "active",
        "v": 2,
        "jti": "jti_1",
    })
}

/// The same, with some of them changed; `null` takes one out.
pub(crate) fn session_claims_with(changes: Value) -> Value {
    let mut claims = session_claims();
    let (Value::Object(all), Value::Object(changes)) = (&mut claims, changes) else {
        panic!("claims are an object")
    };
    for (name, value) in changes {
        if value.is_null() {
            all.remove(&name);
        } else {
            all.insert(name, value);
        }
    }
    claims
}

fn generate() -> Arc<KeyPair> {
    Arc::new(KeyPair::generate(KeySize::Rsa2048).unwrap())
}
