use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, Request};
use serde_json::json;

use super::*;

/// Of `clerk.inspired.puma-74.lcl.dev`.
const LIVE: &str = "pk_live_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA";
const TEST: &str = "pk_test_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA";
const ISSUER: &str = "https://clerk.inspired.puma-74.lcl.dev";
const NOW: u64 = 1_700_000_000;

/// The token, the name of its cookie and the second before which it must not have been issued.
type Found = Option<(String, String, Option<u64>)>;

fn jwt(payload: &serde_json::Value) -> String {
    let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.c2lnbmF0dXJlLW9mLWFueWJvZHk", part(&json!({"alg": "RS256"})), part(payload))
}

/// A token of ours: `ada` is the older, `bob` the newer; both have expired after a minute.
fn token(name: &str) -> String {
    let issued =
        |iss: &str, iat: u64| jwt(&json!({ "exp": iat + 60, "iat": iat, "iss": iss, "sub": name }));
    match name {
        "ada" => issued(ISSUER, NOW - 50),
        "bob" => issued(ISSUER, NOW - 40),
        "old" => issued(ISSUER, NOW - 600),
        "timeless" => jwt(&json!({ "iss": ISSUER })),
        "eve" => issued("https://clerk.other.example", NOW),
        "proxied" => issued("https://app.example.com/__clerk", NOW - 30),
        "firebase" => issued("https://session.firebase.google.com/app", NOW),
        "issuerless" => jwt(&json!({ "iat": NOW, "sub": "x" })),
        _ => panic!("{name}"),
    }
}

/// With `{name}` for tokens and `_own` for the suffix of the key.
fn fill_in(text: &str, key: &PublishableKey) -> String {
    let names = ["ada", "bob", "old", "timeless", "eve", "proxied", "firebase", "issuerless"];
    let own = format!("_{}", key.cookie_suffix());
    let text = text.replace("_own", &own);
    names.iter().fold(text, |text, name| text.replace(&format!("{{{name}}}"), &token(name)))
}

fn key(text: &str) -> PublishableKey {
    text.parse().unwrap()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn reader(key_text: &str) -> SessionCookie {
    SessionCookie::of(&instance(key_text, &[])).clock(Clock::fixed(at(NOW)))
}

fn instance(key_text: &str, further_issuers: &[&str]) -> Instance {
    let instance = Instance::builder().publishable_key(key(key_text));
    instance.further_issuers(further_issuers).unwrap().build().unwrap()
}

fn extract(reader: &SessionCookie, fields: &[&[u8]]) -> Result<Found, CredentialError> {
    let mut request = Request::new(());
    for field in fields {
        let value = HeaderValue::from_bytes(field).unwrap();
        request.headers_mut().append(header::COOKIE, value);
    }
    let (parts, ()) = request.into_parts();
    Ok(reader.extract(&parts)?.map(|credential| match credential {
        Credential::SessionToken(token) => (
            String::from_utf8(token.as_bytes().to_vec()).unwrap(),
            token.cookie().unwrap().to_owned(),
            token
                .not_issued_before()
                .map(|time| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()),
        ),
        other => panic!("{other:?}"),
    }))
}

/// What comes of cookies: nothing, a refusal, or the token of this name from the cookie with this suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Absent,
    Refused,
    Plain(&'static str),
    Own(&'static str),
}
use Is::{Absent, Own, Plain, Refused};

#[track_caller]
fn assert_is(reader: &SessionCookie, key_text: &str, cookies: &str, expected: Is) {
    let key = key(key_text);
    let field = fill_in(cookies, &key);
    // The second time, values are recognized.
    for _ in 0..2 {
        let is = match extract(reader, &[field.as_bytes()]) {
            Err(_) => Refused,
            Ok(None) => Absent,
            Ok(Some((found, cookie, _))) => {
                let name = match expected {
                    Plain(name) | Own(name) => name,
                    Absent | Refused => panic!("{cookies}: {found} in {cookie}"),
                };
                assert_eq!(found, token(name), "{cookies}");
                if cookie == "__session" { Plain(name) } else { Own(name) }
            }
        };
        assert_eq!(is, expected, "{cookies}");
    }
}

/// Each of the rules by which one of the pairs is chosen, and none of those before it.
#[test]
fn the_pair_that_counts_is_the_one_that_clerks_sdk_takes() {
    for (cookies, expected) in [
        // The plain session is another instance's.
        ("__session={eve}", Absent),
        ("__session={eve}; __session_own={ada}", Own("ada")),
        ("__session={eve}; __client_uat=5; __client_uat_own=0", Absent),
        // There is no suffixed cookie.
        ("__session={ada}", Plain("ada")),
        ("__session={ada}; __client_uat=5", Plain("ada")),
        ("__session={ada}; __client_uat=0", Absent),
        ("__session={ada}; __client_uat_own=; __session_own=", Plain("ada")),
        // Both are signed in, and the plain one is newer.
        ("__session={bob}; __session_own={ada}", Plain("bob")),
        ("__session={bob}; __session_own={ada}; __client_uat_own=5; __client_uat=5", Plain("bob")),
        ("__session={bob}; __session_own={timeless}; __client_uat_own=5", Plain("bob")),
        ("__session={bob}; __client_uat_own=5", Plain("bob")),
        ("__session={ada}; __session_own={bob}; __client_uat_own=5", Own("bob")),
        ("__session={timeless}; __client_uat_own=5", Absent),
        ("__session={bob}; __session_own={ada}; __client_uat=0; __client_uat_own=5", Own("ada")),
        ("__session={bob}; __session_own={ada}; __client_uat=x; __client_uat_own=5", Plain("bob")),
        // The suffixed one is signed out and the plain one is not.
        ("__session={ada}; __client_uat=5; __client_uat_own=0", Plain("ada")),
        ("__session={ada}; __session_own={bob}; __client_uat=5; __client_uat_own=0", Plain("ada")),
        ("__session={ada}; __client_uat_own=0", Absent),
        ("__session={ada}; __client_uat=0; __client_uat_own=0", Absent),
        // A suffixed session without its time.
        ("__session={ada}; __session_own={bob}", Plain("ada")),
        ("__session={ada}; __session_own={bob}; __client_uat=5", Plain("ada")),
        ("__session={ada}; __session_own={bob}; __client_uat=0", Absent),
        ("__session={ada}; __session_own={ada}", Plain("ada")),
        ("__session_own={bob}", Own("bob")),
        ("__session_own={bob}; __client_uat=0", Own("bob")),
        // Else the suffixed one.
        ("__session={ada}; __session_own={ada}; __client_uat=5; __client_uat_own=5", Own("ada")),
        ("__session={ada}; __session_own={ada}; __client_uat=0; __client_uat_own=5", Own("ada")),
        ("__session={ada}; __session_own={ada}; __client_uat=5; __client_uat_own=0", Plain("ada")),
        ("__session={ada}; __session_own={ada}; __client_uat_own=x", Own("ada")),
        ("__client_uat=5; __client_uat_own=5", Absent),
    ] {
        for key in [LIVE, TEST] {
            assert_is(&reader(key), key, cookies, expected);
        }
    }
}

/// An older clerk-js signs out without the suffix.
#[test]
fn a_plain_sign_out_counts_on_a_development_instance_once_the_suffixed_token_has_expired() {
    for (cookies, live, test) in [
        ("__session_own={old}; __client_uat=0; __client_uat_own=5", Own("old"), Absent),
        ("__session_own={old}; __client_uat=0", Own("old"), Absent),
        (
            "__session={ada}; __session_own={old}; __client_uat=0; __client_uat_own=5",
            Own("old"),
            Absent,
        ),
        ("__session_own={ada}; __client_uat=0; __client_uat_own=5", Own("ada"), Own("ada")),
        ("__session_own={old}; __client_uat=5; __client_uat_own=5", Own("old"), Own("old")),
        (
            "__session_own={timeless}; __client_uat=0; __client_uat_own=5",
            Own("timeless"),
            Own("timeless"),
        ),
    ] {
        assert_is(&reader(LIVE), LIVE, cookies, live);
        assert_is(&reader(TEST), TEST, cookies, test);
    }
    let clock = Clock::fixed(at(NOW));
    let reader = SessionCookie::of(&instance(TEST, &[])).clock(clock.clone());
    let cookies = "__session_own={ada}; __client_uat=0; __client_uat_own=5";
    clock.advance(Duration::from_secs(9));
    assert_is(&reader, TEST, cookies, Own("ada"));
    clock.advance(Duration::from_secs(1));
    assert_is(&reader, TEST, cookies, Absent);
}

/// Pages on `localhost` share cookies, whatever their ports are.
#[test]
fn another_app_on_the_same_localhost_signs_nobody_out_of_ours() {
    let theirs = "__session={eve}; __client_uat=0; ";
    for own in ["__session_own={old}; __client_uat_own=5", "__session_own={old}"] {
        for key in [LIVE, TEST] {
            assert_is(&reader(key), key, &format!("{theirs}{own}"), Own("old"));
        }
    }
    for ours in ["__session={ada}; __client_uat=0; ", "__session=x; __client_uat=0; "] {
        let cookies = format!("{ours}__session_own={{old}}; __client_uat_own=5");
        assert_is(&reader(TEST), TEST, &cookies, Absent);
        assert_is(&reader(LIVE), LIVE, &cookies, Own("old"));
    }
}

/// In the words of those who reported it.
#[test]
fn what_others_keep_under_our_names_turns_nobody_away() {
    for (cookies, expected) in [
        ("__session=x; __session_own={ada}; __session=y", Own("ada")),
        ("__client_uat_own=0; __session={eve}", Absent),
        ("__session=s%3Aabc", Absent),
        ("__session=eyJhbGciOiJSUzI1NiJ9", Absent),
        ("__session={issuerless}", Absent),
        ("__session={firebase}", Absent),
        ("__session={firebase}; __session={ada}", Plain("ada")),
        ("__session={ada}; __session={firebase}; __session={eve}", Plain("ada")),
        ("__session={eve}; __session={firebase}", Absent),
        ("__session=x; __session={ada}; __session=y; __session={issuerless}", Plain("ada")),
        ("__session={firebase}; __session_own={ada}; __client_uat_own=5", Own("ada")),
        ("__session_own=x; __session_own={ada}; __client_uat_own=5", Own("ada")),
        ("__session_own=x; __session={ada}", Plain("ada")),
        ("__session_vWCgMp3B={bob}; __client_uat_vWCgMp3B=0; __session={ada}", Plain("ada")),
    ] {
        for key in [LIVE, TEST] {
            assert_is(&reader(key), key, cookies, expected);
        }
    }
}

#[test]
fn only_differing_tokens_under_the_name_that_counts_are_refused() {
    for (cookies, expected) in [
        ("__session={ada}; __session={bob}", Refused),
        ("__session={ada}; __session={ada}", Plain("ada")),
        ("__session_own={ada}; __session_own={bob}; __client_uat_own=5", Refused),
        ("__session_own={ada}; __session_own={eve}; __client_uat_own=5", Refused),
        ("__session={ada}; __session={old}; __session_own={bob}; __client_uat_own=5", Own("bob")),
        ("__session={bob}; __session_own={ada}; __session_own={old}", Plain("bob")),
        ("__session={bob}; __session={ada}; __session_own={old}", Refused),
        ("__session={ada}; __session={bob}; __client_uat=0", Absent),
    ] {
        for key in [LIVE, TEST] {
            assert_is(&reader(key), key, cookies, expected);
        }
    }
}

#[test]
fn the_time_of_the_pair_that_counts_dates_the_sign_in() {
    let since = |cookies: &str| {
        let field = fill_in(cookies, &key(LIVE));
        extract(&reader(LIVE), &[field.as_bytes()]).unwrap().unwrap().2
    };
    assert_eq!(since("__session={ada}; __client_uat=1700000000"), Some(NOW));
    assert_eq!(
        since("__session={ada}; __session_own={ada}; __client_uat=7; __client_uat_own=5"),
        Some(5)
    );
    assert_eq!(
        since("__session={bob}; __session_own={ada}; __client_uat=7; __client_uat_own=5"),
        Some(7)
    );
    for nonsense in ["x", "-1", "1.5", "+1", "99999999999999999999999", "253402300800", ""] {
        assert_eq!(since(&format!("__session={{ada}}; __client_uat={nonsense}")), None);
    }
    assert_eq!(since("__session={ada}; __client_uat=0; __client_uat=5"), None, "they differ");
    assert_eq!(since("__session={ada}; __client_uat=5; __client_uat=5"), Some(5));
}

#[test]
fn tokens_of_a_proxied_frontend_api_are_ours_once_the_reader_is_told() {
    assert_is(&reader(LIVE), LIVE, "__session={proxied}", Absent);
    assert_is(&reader(LIVE), LIVE, "__session_own={proxied}; __client_uat_own=5", Own("proxied"));
    let told = SessionCookie::of(&instance(LIVE, &["https://app.example.com/__clerk"]));
    assert_is(&told, LIVE, "__session={proxied}", Plain("proxied"));
    assert_is(&told, LIVE, "__session={ada}", Plain("ada"));
    assert_is(&told, LIVE, "__session={eve}", Absent);
    let untold = SessionCookie::of(&instance(LIVE, &["https://other.example.com"]));
    assert_is(&untold, LIVE, "__session={proxied}", Absent);
    assert_is(&untold, LIVE, "__session={ada}", Plain("ada"));
}

#[test]
fn without_a_publishable_key_there_is_only_the_plain_pair() {
    let reader = SessionCookie::unsuffixed();
    for (cookies, expected) in [
        ("__session={ada}; __session_own={bob}; __client_uat_own=0", Plain("ada")),
        ("__session_own={ada}", Absent),
        ("__session={eve}", Plain("eve")),
        ("__session=x; __session={eve}; __session={issuerless}", Plain("eve")),
        ("__session={eve}; __session={ada}", Refused),
        ("__session={eve}; __client_uat=0", Absent),
    ] {
        assert_is(&reader, LIVE, cookies, expected);
    }
    let told = Instance::builder().frontend_api(ISSUER).unwrap().build().unwrap();
    let told = SessionCookie::of(&told);
    assert_is(&told, LIVE, "__session={eve}; __session={ada}", Plain("ada"));
    assert_is(&told, LIVE, "__session={eve}", Plain("eve"));
}

#[test]
fn a_sibling_subdomain_that_plants_a_newer_plain_pair_is_not_heard_where_only_the_suffix_is_read() {
    let reader =
        SessionCookie::suffixed_only(&instance(LIVE, &[])).unwrap().clock(Clock::fixed(at(NOW)));
    let planted = "__session={bob}; __client_uat=5; ";
    for (own, expected) in [
        ("__session_own={ada}; __client_uat_own=5", Own("ada")),
        ("__session_own={ada}", Own("ada")),
        ("__session_own={ada}; __client_uat_own=0", Absent),
        ("__session_own={ada}; __session_own={old}", Refused),
        ("", Absent),
    ] {
        assert_is(&reader, LIVE, &format!("{planted}{own}"), expected);
    }
    let cookies = format!("{planted}__session_own={{ada}}; __client_uat_own=5");
    assert_is(&self::reader(LIVE), LIVE, &cookies, Plain("bob"));
    let nameless = Instance::builder().build().unwrap();
    let error = SessionCookie::suffixed_only(&nameless).unwrap_err();
    assert!(error.to_string().contains("CLERK_PUBLISHABLE_KEY"), "{error}");
}

#[test]
fn absent_empty_and_foreign_cookies_are_no_credential() {
    for field in [
        &b""[..],
        b"__session",
        b"__session=",
        b"__session= ; x=y",
        b"__session_vWCgMp3A=x",
        b"__Session=x",
        b"x__session=x",
        b"x=__session=y",
        b"\xff\xfe=\xff",
        b";;;=;",
    ] {
        assert_eq!(extract(&reader(LIVE), &[field]).unwrap(), None, "{field:?}");
    }
}

#[test]
fn fields_and_blanks_may_be_split_as_rfc_6265_and_rfc_9113_have_it() {
    let key = key(LIVE);
    for fields in [
        &["a=b; __session={ada} ;c=d"][..],
        &["a=b;__session = {ada}"],
        &["a=b", "__session={ada}"],
        &["__session={ada}", "__session={ada}"],
    ] {
        let fields: Vec<_> = fields.iter().map(|field| fill_in(field, &key)).collect();
        let fields: Vec<_> = fields.iter().map(String::as_bytes).collect();
        let found = extract(&reader(LIVE), &fields).unwrap().unwrap();
        assert_eq!(found.0, token("ada"));
    }
    let split = ["__session={ada}", "__session={bob}"].map(|field| fill_in(field, &key));
    assert!(extract(&reader(LIVE), &split.each_ref().map(|field| field.as_bytes())).is_err());
}
