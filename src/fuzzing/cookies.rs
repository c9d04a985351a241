use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use http::header::COOKIE;

use super::request;
use crate::{
    Credential, PublishableKey,
    extract::{CredentialErrorKind, ExtractCredential, SessionCookie},
};

const PUBLISHABLE_KEY: &str = "pk_live_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA";
const SUFFIX: &str = "_MqCvchyS";

/// A token, the name of its cookie, and the second before which it must not have been issued.
type Found = Option<(Vec<u8>, String, Option<u64>)>;

/// The `Cookie` fields are read as a naive reader reads them, however many there are, and what it
/// finds reads the same when it is sent again among others.
pub fn cookie_header(fields: &[&[u8]]) {
    for suffixes in [&["", SUFFIX][..], &[""]] {
        let parts = request(&COOKIE, fields);
        let received: Vec<_> =
            parts.headers.get_all(COOKIE).iter().map(|it| it.as_bytes()).collect();
        let found = found(suffixes, &received);
        assert_eq!(found, naive(suffixes, &received));
        assert_eq!(found, self::found(suffixes, &[&received.join(&b"; "[..])]), "in one field");

        if let Ok(Some((token, name, since))) = found {
            let uat = since.map_or(String::new(), |since| format!("__client_uat={since}; "));
            let uat = uat.replace('=', &format!("{}=", name.trim_start_matches("__session")));
            let again = [b"a=b;", uat.as_bytes(), name.as_bytes(), b"=", &token, b"; c"].concat();
            assert_eq!(self::found(suffixes, &[&again]), Ok(Some((token, name, since))));
        }
    }
}

fn found(suffixes: &[&str], fields: &[&[u8]]) -> Result<Found, CredentialErrorKind> {
    let key: PublishableKey = PUBLISHABLE_KEY.parse().expect("Clerk's own example");
    let reader = match suffixes {
        [""] => SessionCookie::unsuffixed(),
        _ => SessionCookie::of_instance(&key),
    };
    let parts = request(&COOKIE, fields);
    let found = reader.extract(&parts).map_err(|error| error.kind())?;
    Ok(found.map(|credential| match credential {
        Credential::SessionToken(token) => (
            token.as_bytes().to_vec(),
            token.cookie().expect("it came in one").to_string(),
            token.not_issued_before().map(seconds),
        ),
        Credential::SessionId(id) => panic!("{id} was not sent"),
    }))
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::MAX).as_secs()
}

/// Looks each name up in the whole list, the last suffix first.
fn naive(suffixes: &[&str], fields: &[&[u8]]) -> Result<Found, CredentialErrorKind> {
    let values = |name: &str| {
        let pairs = fields.iter().flat_map(|field| field.split(|byte| *byte == b';'));
        let of_name = pairs.filter_map(|pair| {
            let parts: Vec<&[u8]> = pair.splitn(2, |byte| *byte == b'=').collect();
            (parts.len() == 2 && parts[0].trim_ascii() == name.as_bytes())
                .then(|| parts[1].trim_ascii())
        });
        of_name.filter(|value| !value.is_empty()).map(<[u8]>::to_vec).collect::<BTreeSet<_>>()
    };
    let session = |suffix: &str| format!("__session{suffix}");
    let client_uat = |suffix: &str| format!("__client_uat{suffix}");

    let doubled =
        |suffix: &&str| values(&session(suffix)).len() > 1 || values(&client_uat(suffix)).len() > 1;
    if suffixes.iter().any(doubled) {
        return Err(CredentialErrorKind::Ambiguous);
    }
    for suffix in suffixes.iter().rev() {
        let Some(token) = values(&session(suffix)).pop_first() else { continue };
        let uat = values(&client_uat(suffix)).pop_first();
        let uat = uat.filter(|uat| uat.iter().all(u8::is_ascii_digit));
        let uat = uat.and_then(|uat| String::from_utf8(uat).ok()?.parse::<u128>().ok());
        return Ok(match uat {
            Some(0) => None,
            Some(uat) if uat < 253_402_300_800 => {
                Some((token, session(suffix), Some(u64::try_from(uat).expect("small"))))
            }
            _ => Some((token, session(suffix), None)),
        });
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn cookies_are_read_as_by_a_naive_reader(fields in fields()) {
            let fields: Vec<_> = fields.iter().map(String::as_bytes).collect();
            cookie_header(&fields);
        }

        #[test]
        fn no_bytes_confuse_the_reader(
            field in proptest::collection::vec(any::<u8>(), 0..20),
            other in "(__session=a)?",
        ) {
            cookie_header(&[&field, other.as_bytes()]);
            cookie_header(&[&[other.as_bytes(), &field].concat()]);
        }
    }

    fn fields() -> impl Strategy<Value = Vec<String>> {
        let name = "(__session|__client_uat)(_MqCvchyS)?";
        let odd_name = " ?(__session_vWCgMp3A|__Session|theme|x__session|)";
        let value = "a|b|0|1700000000";
        let odd_value = "(|1|253402300799|253402300800|[0-9]{25}|\\+1|\"a\"|é| a )";
        let pair = (
            prop_oneof![5 => name, 1 => odd_name],
            prop_oneof![5 => "=", 1 => "( = |==|)"],
            prop_oneof![3 => value, 1 => odd_value],
        );
        let pair = pair.prop_map(|(name, equals, value)| [name, equals, value].concat());
        let field = proptest::collection::vec(pair, 0..5).prop_map(|pairs| pairs.join("; "));
        proptest::collection::vec(field, 0..3)
    }
}
