use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    claims::{NumericDate, Text},
    credential::MAX_TOKEN_LEN,
    json_object::JsonObject,
};

/// What the value of a cookie says of itself, which nobody has vouched for: good for choosing among
/// cookies, and for nothing else. Whichever is chosen is verified.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unverified {
    /// `None` in what is too long to be read, and is told so when it is verified.
    pub(super) issuer: Option<Box<str>>,
    pub(super) issued_at: Option<NumericDate>,
    pub(super) expires_at: Option<NumericDate>,
}

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    iss: Text<'a>,
    #[serde(borrow)]
    iat: Option<&'a RawValue>,
    #[serde(borrow)]
    exp: Option<&'a RawValue>,
}

impl Unverified {
    /// `None` for what is no JWT by its form, or names no issuer: another framework's cookie.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let mut parts = value.split(|&b| b == b'.');
        let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let has_form = parts.next().is_none() && !header.is_empty();
        if !has_form || ![header, payload, signature].into_iter().flatten().all(is_base64url) {
            return None;
        }
        if value.len() > MAX_TOKEN_LEN {
            return Some(Self::default());
        }
        let json = URL_SAFE_NO_PAD.decode(payload).ok()?;
        let JsonObject(members) = serde_json::from_slice::<JsonObject<Members<'_>>>(&json).ok()?;
        if members.iss.is_empty() {
            return None;
        }
        let date = |number: Option<&RawValue>| NumericDate::parse(number?.get());
        Some(Self {
            issuer: Some(members.iss.to_box()),
            issued_at: date(members.iat),
            expires_at: date(members.exp),
        })
    }
}

fn is_base64url(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_payload(payload: &str) -> String {
        format!("eyJhbGciOiJSUzI1NiJ9.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn what_a_token_says_of_itself_is_read() {
        let token = with_payload(r#"{"exp":160.5,"iat":100,"iss":"https:\/\/a.example","x":[{}]}"#);
        let read = Unverified::read(token.as_bytes()).unwrap();
        assert_eq!(read.issuer.as_deref(), Some("https://a.example"));
        assert_eq!(read.issued_at, NumericDate::parse("100"));
        assert_eq!(read.expires_at, NumericDate::parse("160.5"));
        for nonsense in [r#""100""#, "null", "-1", "[]"] {
            let token = with_payload(&format!(r#"{{"iss":"a","iat":{nonsense}}}"#));
            let read = Unverified::read(token.as_bytes()).unwrap();
            assert_eq!((read.issued_at, read.expires_at), (None, None), "{nonsense}");
        }
    }

    #[test]
    fn what_is_no_jwt_or_names_no_issuer_is_somebody_elses() {
        let good = with_payload(r#"{"iss":"a"}"#);
        assert!(Unverified::read(good.as_bytes()).is_some());
        for other in [
            String::new(),
            "s%3Aabc".into(),
            "x".into(),
            "a.b.c".into(),
            "..".into(),
            "a.b.c.d".into(),
            format!("\"{good}\""),
            format!("{good}="),
            format!("{good}.x"),
            format!("{good},{good}"),
            format!("Bearer {good}"),
            format!("{good}é"),
            format!(".{}", good.split_once('.').unwrap().1),
            with_payload(""),
            with_payload("{}"),
            with_payload("[\"a\",1,2]"),
            with_payload(r#"{"iss":null}"#),
            with_payload(r#"{"iss":""}"#),
            with_payload(r#"{"iss":7}"#),
            with_payload(r#"{"iss":"a""#),
        ] {
            assert_eq!(Unverified::read(other.as_bytes()), None, "{other:?}");
        }
    }

    #[test]
    fn what_is_too_long_to_be_a_token_is_not_read_and_not_passed_over() {
        let long = with_payload(&format!(r#"{{"iss":"a","x":"{}"}}"#, "a".repeat(8192)));
        assert_eq!(Unverified::read(long.as_bytes()), Some(Unverified::default()));
        assert_eq!(Unverified::read("a".repeat(8193).as_bytes()), None);
    }
}
