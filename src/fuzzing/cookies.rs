use std::{
    collections::BTreeMap,
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::header::COOKIE;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::request;
use crate::{
    Clock, Credential, Instance, PublishableKey,
    claims::NumericDate,
    extract::{CredentialErrorKind, ExtractCredential, SessionCookie},
};

const LIVE: &str = "pk_live_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA";
const TEST: &str = "pk_test_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA";
const ISSUER: &str = "https://clerk.inspired.puma-74.lcl.dev";
const NOW: Duration = Duration::from_secs(1_700_000_000);

/// A token, the name of its cookie, and the second before which it must not have been issued.
type Found = Option<(Vec<u8>, String, Option<u64>)>;

/// Which cookies are read, and as whose.
#[derive(Debug, Clone, Copy)]
enum Reader {
    Unsuffixed,
    Live,
    Test,
    SuffixedOnly,
}

/// The `Cookie` fields are read as a naive reader reads them, however many there are, and what it
/// finds reads the same when it is sent again among others.
pub fn cookie_header(fields: &[&[u8]]) {
    for reader in [Reader::Unsuffixed, Reader::Live, Reader::Test, Reader::SuffixedOnly] {
        let parts = request(&COOKIE, fields);
        let received: Vec<_> =
            parts.headers.get_all(COOKIE).iter().map(|it| it.as_bytes()).collect();
        if has_twins(&received) {
            return;
        }
        let found = found(reader, &received);
        assert_eq!(found, naive(reader, &received), "{reader:?}");
        assert_eq!(found, self::found(reader, &[&received.join(&b"; "[..])]), "in one field");

        if let Ok(Some((token, name, since))) = found {
            let uat = since.map_or(String::new(), |since| format!("__client_uat={since}; "));
            let uat = uat.replace('=', &format!("{}=", name.trim_start_matches("__session")));
            let again = [b"a=b;", uat.as_bytes(), name.as_bytes(), b"=", &token, b"; c"].concat();
            assert_eq!(self::found(reader, &[&again]), Ok(Some((token, name, since))));
        }
    }
}

fn found(reader: Reader, fields: &[&[u8]]) -> Result<Found, CredentialErrorKind> {
    static COOKIES: LazyLock<[SessionCookie; 4]> = LazyLock::new(|| {
        let instance = |text: &str| {
            let key = text.parse::<PublishableKey>().expect("Clerk's own example");
            Instance::builder().publishable_key(key).build().expect("a key contradicts nothing")
        };
        [
            SessionCookie::unsuffixed(),
            SessionCookie::of(&instance(LIVE)),
            SessionCookie::of(&instance(TEST)),
            SessionCookie::suffixed_only(&instance(LIVE)).expect("it has a suffix"),
        ]
        .map(|cookie| cookie.clock(Clock::fixed(SystemTime::UNIX_EPOCH + NOW)))
    });
    // It recognizes nothing yet.
    let cookie = COOKIES[reader as usize].clone().recognizing_nothing();
    let parts = request(&COOKIE, fields);
    let extract = || {
        let found = cookie.extract(&parts).map_err(|error| error.kind())?;
        Ok(found.map(|credential| match credential {
            Credential::SessionToken(token) => (
                token.as_bytes().to_vec(),
                token.cookie().expect("it came in one").to_string(),
                token.not_issued_before().map(seconds),
            ),
            Credential::SessionId(id) => panic!("{id} was not sent"),
        }))
    };
    let found = extract();
    assert_eq!(found, extract(), "the second time, values are recognized");
    found
}

/// Whether two values end alike, as signed tokens never do: once one is recognized, so is the other.
fn has_twins(fields: &[&[u8]]) -> bool {
    let pairs = fields.iter().flat_map(|field| field.split(|byte| *byte == b';'));
    let values = pairs.filter_map(|pair| pair.splitn(2, |byte| *byte == b'=').nth(1));
    let mut seen = BTreeMap::new();
    values.map(<[u8]>::trim_ascii).filter(|value| value.len() > 15).any(|value| {
        let end = (value.len(), &value[value.len() - 16..]);
        seen.insert(end, value).is_some_and(|other| other != value)
    })
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::MAX).as_secs()
}

/// What a token says of itself.
#[derive(Deserialize)]
struct Said<'a> {
    iss: String,
    #[serde(borrow)]
    iat: Option<&'a RawValue>,
    #[serde(borrow)]
    exp: Option<&'a RawValue>,
}

/// Goes by the rules, one after the other, over lists of all that is there.
fn naive(reader: Reader, fields: &[&[u8]]) -> Result<Found, CredentialErrorKind> {
    let suffix = match reader {
        Reader::Unsuffixed => "_",
        Reader::Live | Reader::SuffixedOnly => "_MqCvchyS",
        Reader::Test => "_vWCgMp3A",
    };
    let values = |name: String| {
        let pairs = fields.iter().flat_map(|field| field.split(|byte| *byte == b';'));
        let of_name = pairs.filter_map(move |pair| {
            let parts: Vec<&[u8]> = pair.splitn(2, |byte| *byte == b'=').collect();
            (parts.len() == 2 && parts[0].trim_ascii() == name.as_bytes())
                .then(|| parts[1].trim_ascii())
        });
        of_name.filter(|value| !value.is_empty()).collect::<Vec<_>>()
    };
    let sessions = |suffix: &str| {
        let mut sessions = values(format!("__session{suffix}"));
        sessions.retain(|value| issuer(value).is_some());
        sessions
    };
    let [mut plain, mut suffixed] = [sessions(""), sessions(suffix)];
    let [mut plain_uat, mut suffixed_uat] =
        ["", suffix].map(|suffix| values(format!("__client_uat{suffix}")));
    match reader {
        Reader::Unsuffixed => (suffixed, suffixed_uat) = (vec![], vec![]),
        Reader::SuffixedOnly => (plain, plain_uat) = (vec![], vec![]),
        Reader::Live | Reader::Test => {
            if plain.iter().any(|value| is_ours(value)) {
                plain.retain(|value| is_ours(value));
            }
        }
    }

    let iat = |sessions: &[&[u8]]| sessions.first().and_then(|it| time(it, |it| it.iat));
    let is_plain = match reader {
        Reader::Unsuffixed => true,
        Reader::SuffixedOnly => false,
        _ if plain.first().is_some_and(|value| !is_ours(value)) => false,
        _ if suffixed.is_empty() && suffixed_uat.is_empty() => true,
        _ if uat(&plain_uat) != Some(0)
            && uat(&suffixed_uat) != Some(0)
            && iat(&plain).unwrap_or_default() > iat(&suffixed).unwrap_or_default() =>
        {
            true
        }
        _ if uat(&suffixed_uat) == Some(0)
            && !plain_uat.is_empty()
            && uat(&plain_uat) != Some(0) =>
        {
            true
        }
        Reader::Test
            if uat(&suffixed_uat) != Some(0)
                && uat(&plain_uat) == Some(0)
                && suffixed
                    .first()
                    .and_then(|it| time(it, |it| it.exp))
                    .is_some_and(|it| it <= NOW) =>
        {
            true
        }
        _ => !suffixed.is_empty() && suffixed_uat.is_empty() && !plain.is_empty(),
    };
    let (suffix, sessions, uats) =
        if is_plain { ("", plain, plain_uat) } else { (suffix, suffixed, suffixed_uat) };
    match sessions[..] {
        [] => Ok(None),
        _ if uat(&uats) == Some(0) => Ok(None),
        [first, ..] if sessions.iter().any(|it| *it != first) => {
            Err(CredentialErrorKind::Ambiguous)
        }
        [first, ..] => Ok(Some((first.to_vec(), format!("__session{suffix}"), uat(&uats)))),
    }
}

/// None where it is nonsense, or several differ.
fn uat(values: &[&[u8]]) -> Option<u64> {
    let text = str::from_utf8(values.first()?).ok()?;
    let agree = values.iter().all(|value| *value == text.as_bytes());
    let digits = text.chars().all(|c| c.is_ascii_digit());
    let seconds = text.parse::<u128>().ok().filter(|it| agree && digits && *it < 253_402_300_800);
    seconds.and_then(|seconds| u64::try_from(seconds).ok())
}

fn is_ours(value: &[u8]) -> bool {
    issuer(value).is_some_and(|issuer| issuer == ISSUER)
}

/// None for what is no token; what is too long to be read is taken for ours.
fn issuer(value: &[u8]) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let parts: Vec<_> = str::from_utf8(value).ok()?.split('.').collect();
    if parts.len() != 3 || parts[0].is_empty() || !parts.concat().chars().all(plain) {
        return None;
    }
    if value.len() > 8192 {
        return Some(ISSUER.to_owned());
    }
    said(value, |said| Some(said.iss)).filter(|issuer| !issuer.is_empty())
}

fn time(value: &[u8], which: fn(Said<'_>) -> Option<&RawValue>) -> Option<Duration> {
    let number = said(value, |said| which(said).map(|it| it.get().to_owned()))?;
    let time = NumericDate::parse(&number)?.to_system_time();
    time.duration_since(SystemTime::UNIX_EPOCH).ok()
}

fn said<T>(value: &[u8], look: impl FnOnce(Said<'_>) -> Option<T>) -> Option<T> {
    let json = URL_SAFE_NO_PAD.decode(value.split(|byte| *byte == b'.').nth(1)?).ok()?;
    let is_object = json.trim_ascii_start().first() == Some(&b'{');
    look(serde_json::from_slice::<Said<'_>>(&json).ok().filter(|_| is_object)?)
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash, Hasher};

    use proptest::prelude::*;

    use super::*;

    proptest! {
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
        let name = "(__session|__client_uat)(_MqCvchyS|_vWCgMp3A)?";
        let odd_name = " ?(__session_vWCgMp3B|__Session|theme|x__session|)";
        let odd_value = "(a|1|253402300799|253402300800|[0-9]{25}|\\+1|\"a\"|é| a |a\\.b\\.c)";
        let value = prop_oneof![
            6 => token(),
            4 => "0|1700000000|".prop_map(String::from),
            1 => odd_value.prop_map(String::from),
        ];
        let pair =
            (prop_oneof![9 => name, 1 => odd_name], prop_oneof![9 => "=", 1 => "( = |==|)"], value);
        let pair = pair.prop_map(|(name, equals, value)| [name, equals, value].concat());
        let field = proptest::collection::vec(pair, 0..6).prop_map(|pairs| pairs.join("; "));
        proptest::collection::vec(field, 0..3)
    }

    /// Tokens of ours and of others, older and newer, expired and not, and without what others have.
    fn token() -> impl Strategy<Value = String> {
        let member = |name: &'static str, values: Vec<&'static str>| {
            proptest::sample::select(values).prop_map(move |value| match value {
                "" => String::new(),
                value => format!("\"{name}\":{value},"),
            })
        };
        let iss = vec![r#""https://clerk.inspired.puma-74.lcl.dev""#; 6];
        let iss = [iss, vec![r#""https://clerk.example.com""#, r#""""#, "1", ""]].concat();
        let members = (
            member("iss", iss),
            member("iat", vec!["1", "2", "2.5", "0", "null", "\"1\"", ""]),
            member("exp", vec!["1", "1700000000", "1700000000.5", "1700000001", "-1", ""]),
        );
        members.prop_map(|(iss, iat, exp)| {
            let payload = URL_SAFE_NO_PAD.encode(format!("{{{iat}{exp}{iss}\"x\":[]}}"));
            let mut signature = DefaultHasher::new();
            payload.hash(&mut signature);
            format!("e30.{payload}.{:016x}", signature.finish())
        })
    }
}
