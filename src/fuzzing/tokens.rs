use std::{sync::LazyLock, time::SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::signed::{GENUINE, KID, MACHINE, MODULUS, SESSION_V2};
use crate::{
    Jwk, JwkSet,
    token::{Authenticator, Keys, TokenErrorKind},
};

/// Only a token that was signed yields claims, and they are its payload as it came. Of every other
/// one, the refusal tells what is wrong with its form, header or signature and nothing of its
/// payload: another payload is refused in the same words.
pub fn token(token: &[u8]) {
    let outcome = authenticate(token);
    let signed = |it: &&&str| it.as_bytes() == token;
    if let Some(genuine) = GENUINE.iter().find(signed) {
        let claims = outcome.expect("a genuine token yields claims");
        let [_, payload, _] = parts(genuine.as_bytes()).expect("a genuine token has its form");
        assert_eq!(claims.as_bytes(), payload);
        return;
    }
    let kind = outcome.expect_err("only a genuine token yields claims");
    if MACHINE.as_bytes() == token {
        assert_eq!(kind, TokenErrorKind::Category);
        return;
    }
    assert!(
        token.len() <= 8192 || matches!(kind, TokenErrorKind::TooLong | TokenErrorKind::Category)
    );
    let opaque = ["ak_", "mt_", "oat_"].iter().any(|prefix| token.starts_with(prefix.as_bytes()));
    assert_eq!(kind == TokenErrorKind::Category, opaque);
    if kind == TokenErrorKind::TooLong {
        let header = token.split(|byte| *byte == b'.').next().unwrap_or_default();
        assert!(token.len() > 8192 || header.len() > 1024);
    } else if !matches!(kind, TokenErrorKind::Category | TokenErrorKind::Malformed) {
        assert_well_formed(token, kind);
        assert_eq!(authenticate(&with_payload(token, b"{}")), Err(kind));
        assert_eq!(authenticate(&with_payload(token, b"\xff")), Err(kind));
    }
}

/// The same of a token put together from these parts, and from these and those of a genuine one.
pub fn token_of(header: &[u8], payload: &[u8], signature: &[u8]) {
    token(&assemble([header, payload, signature]));
    let [signed_header, signed_payload, signed_by] =
        parts(SESSION_V2.as_bytes()).expect("a genuine token has its form");
    token(&assemble([header, &signed_payload, &signed_by]));
    token(&assemble([&signed_header, payload, &signed_by]));
    token(&assemble([&signed_header, &signed_payload, signature]));
}

fn authenticate(token: &[u8]) -> Result<String, TokenErrorKind> {
    static OURS: LazyLock<Authenticator> = LazyLock::new(|| {
        let key = Jwk {
            kty: "RSA".into(),
            kid: Some(KID.into()),
            alg: Some("RS256".into()),
            public_key_use: Some("sig".into()),
            key_ops: None,
            n: Some(MODULUS.into()),
            e: Some("AQAB".into()),
        };
        let keys = Keys::from_jwk_set(&JwkSet { keys: vec![key] }).expect("a usable key");
        Authenticator::new(keys, "https://clerk.example.com".parse().into_iter().collect())
    });
    let outcome = OURS
        .authenticate_now(token, SystemTime::UNIX_EPOCH)
        .expect("keys that are fixed need no fetch");
    let authenticated = outcome.map_err(|error| error.kind())?;
    Ok(serde_json::to_string(&authenticated.claims).expect("claims are JSON"))
}

fn assert_well_formed(token: &[u8], kind: TokenErrorKind) {
    assert!(token.len() <= 8192);
    let parts = parts(token).expect("three parts of base64url");
    assert_eq!(
        assemble(parts.each_ref().map(Vec::as_slice)),
        token,
        "there is one way to write it"
    );
    // Members without a meaning may hold what is too deep or too large for a value.
    let Ok(header) = serde_json::from_slice::<Value>(&parts[0]) else { return };
    assert!(header.is_object());
    let is_rs256 = header["alg"] == "RS256" && header.get("crit").is_none();
    assert_eq!(is_rs256, kind != TokenErrorKind::Algorithm);
    if is_rs256 {
        let named = header["kid"] == KID;
        let expected = if named { TokenErrorKind::Signature } else { TokenErrorKind::UnknownKey };
        assert_eq!(kind, expected);
    }
}

fn parts(token: &[u8]) -> Option<[Vec<u8>; 3]> {
    let parts = token.split(|byte| *byte == b'.').map(|part| URL_SAFE_NO_PAD.decode(part).ok());
    parts.collect::<Option<Vec<_>>>()?.try_into().ok()
}

fn assemble(parts: [&[u8]; 3]) -> Vec<u8> {
    parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".").into_bytes()
}

fn with_payload(token: &[u8], payload: &[u8]) -> Vec<u8> {
    let [header, _, signature] = parts(token).expect("it was parsed before");
    let other = assemble([&header, payload, &signature]);
    if other == token { assemble([&header, b"", &signature]) } else { other }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::signed, *};

    #[test]
    fn the_tokens_that_were_signed_are_judged_as_such() {
        for signed in GENUINE.iter().chain([&MACHINE]) {
            token(signed.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn a_signed_token_bears_no_change(
            signed in proptest::sample::select(&GENUINE[..]),
            place in any::<proptest::sample::Index>(),
            removed in 0_usize..3,
            inserted in "[A-Za-z0-9_.=-]{0,2}|\\PC",
        ) {
            let mut changed = signed.to_owned();
            let start = place.index(changed.len());
            let end = (start + removed).min(changed.len());
            changed.replace_range(start..end, &inserted);
            token(changed.as_bytes());
        }

        #[test]
        fn nothing_unsigned_yields_claims(
            header in header(),
            payload in proptest::sample::select(vec!["", "{}", r#"{"sub":"user_1"}"#, "\u{0}"]),
            signature in proptest::collection::vec(any::<u8>(), 0..4),
        ) {
            token_of(header.as_bytes(), payload.as_bytes(), &signature);
        }

        #[test]
        fn no_bytes_pass_for_a_token(
            prefix in "(ak_|mt_|oat_|eyJ)?",
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            token(&[prefix.as_bytes(), &bytes].concat());
        }
    }

    fn header() -> impl Strategy<Value = String> {
        let member = prop_oneof![
            r#""alg":("RS256"|"none"|"HS256"|1|null|"RS\\u003256")"#,
            r#""kid":("ins_fuzz"|"ins_other"|1|"\.\./"|"\\u0000"|"\PC{0,3}")"#,
            r#""typ":("JWT"|"at\+jwt"|"x"|null)"#,
            r#""cat":("cl_B7d4PD111AAA"|"cl_B7d4PD222AAA"|"x"|7)"#,
            r#""(crit|jku|x)":(\["exp"\]|"https://x"|\{\})"#,
        ];
        let members = proptest::collection::vec(member, 0..4);
        (members, any::<bool>()).prop_map(|(mut members, usual)| {
            if usual {
                members.extend([r#""alg":"RS256""#.into(), format!(r#""kid":"{}""#, signed::KID)]);
            }
            format!("{{{}}}", members.join(","))
        })
    }
}
