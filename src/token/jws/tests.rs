use std::path::Path;

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
        RSA_PSS_SHA256, RsaEncoding,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::*;
use crate::{
    JwkSet,
    claims::NumericDate,
    token::{
        header::Class,
        test_signer::{TestSigner, session_claims},
    },
};

fn verify(token: &str, keys: &KeySet) -> Result<VerifiedJws, TokenErrorKind> {
    parse(token.as_bytes())?.verify(keys).map_err(|_| TokenErrorKind::Signature)
}

fn parse(token: &[u8]) -> Result<CompactJws<'_>, TokenErrorKind> {
    CompactJws::parse(token)
}

fn our_keys() -> KeySet {
    KeySet::from_jwk_set(&TestSigner::ours().jwk_set())
}

fn signed_header(header: &str) -> Result<VerifiedJws, TokenErrorKind> {
    verify(&TestSigner::ours().sign_text(header, "{}"), &our_keys())
}

fn header_with(name: &str, value: Value) -> String {
    let mut header = TestSigner::ours().header();
    header[name] = value;
    header.to_string()
}

#[test]
fn a_good_token_gives_its_payload_after_its_signature() {
    let signer = TestSigner::ours();
    let verified = verify(&signer.sign(&session_claims()), &our_keys()).unwrap();
    assert_eq!(verified.payload, session_claims().to_string().into_bytes());
    assert_eq!(verified.header.class, Class::Session);
}

#[test]
fn three_canonical_base64url_parts_make_a_token_and_nothing_else_does() {
    let good = TestSigner::ours().sign(&session_claims());
    let (header, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    // 256 bytes end in a character that carries four bits: its other two must be zero.
    let last = signature.as_bytes()[signature.len() - 1] as char;
    let uncanonical = match last {
        'A' => 'B',
        'Q' => 'R',
        'g' => 'h',
        _ => 'x',
    };
    let uncanonical = format!("{}{uncanonical}", &signature[..signature.len() - 1]);
    for bad in [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        header.into(),
        format!("{header}.{payload}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}"),
        format!("{good}="),
        format!("{good}=="),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{good}\0"),
        format!("{header}. {payload}.{signature}"),
        format!("{header}.{payload}.{}", signature.replace(['-', '_'], "+")),
        format!("{header}.{payload}.{uncanonical}"),
        format!("é{good}"),
        format!(".{payload}.{signature}"),
    ] {
        assert_eq!(verify(&bad, &our_keys()).unwrap_err(), TokenErrorKind::Malformed, "{bad:?}");
    }
    assert_eq!(
        verify(&format!("{header}.{payload}."), &our_keys()).unwrap_err(),
        TokenErrorKind::Signature
    );
}

#[test]
fn eight_kibibytes_are_the_longest_token() {
    let header = TestSigner::ours().header().to_string();
    let signed = |spaces: usize, payload: usize| {
        let header = format!("{header}{}", " ".repeat(spaces));
        TestSigner::ours().sign_text(&header, &"a".repeat(payload))
    };
    // A part's length is never one more than a multiple of four: both parts have to give.
    let almost = (MAX_TOKEN_LEN - signed(0, 0).len()) / 4 * 3 - 3;
    let of_length = |length: usize| {
        let sizes = (0..4).flat_map(|spaces| (0..8).map(move |more| (spaces, almost + more)));
        sizes.map(|(spaces, payload)| signed(spaces, payload)).find(|it| it.len() == length)
    };
    verify(&of_length(MAX_TOKEN_LEN).unwrap(), &our_keys()).unwrap();
    for too_long in [of_length(MAX_TOKEN_LEN + 1).unwrap(), signed(0, 1 << 20)] {
        assert_eq!(verify(&too_long, &our_keys()).unwrap_err(), TokenErrorKind::TooLong);
    }
}

#[test]
fn a_header_is_a_json_object_without_duplicates() {
    for bad in [
        "",
        "{",
        "[]",
        "null",
        "\"RS256\"",
        r#"{"alg":"RS256","kid":"ins_ours"}x"#,
        r#"{"alg":"RS256","kid":"ins_ours","alg":"RS256"}"#,
        r#"{"alg":"none","kid":"ins_ours","alg":"RS256"}"#,
        r#"{"alg":"RS256","kid":"ins_ours","kid":"ins_ours"}"#,
        r#"{"alg":"RS256","kid":"ins_ours","x":1,"x":1}"#,
        r#"{"alg":"RS256","kid":"ins_ours","oiat":null,"oiat":1}"#,
        r#"{"alg":"RS256","kid":"ins_ours","m":1,"m":1}"#,
        r#"{"alg":"RS256","kid":"ins_ours","cat":null,"cat":null}"#,
        r#"{"alg":"RS256","kid":"ins_ours","x":1,"\u0078":1}"#,
        r#"{"alg":"RS256","kid":"ins_ours","typ":null}"#,
        r#"{"alg":"RS256","kid":"ins_ours","typ":1}"#,
        r#"{"alg":"RS256","kid":"ins_ours","typ":"jwt"}"#,
        r#"{"alg":"RS256","kid":"ins_ours","typ":"JWE"}"#,
        r#"{"alg":"RS256","kid":"ins_ours","typ":""}"#,
        r#"{"alg":"RS256","kid":null}"#,
        r#"{"alg":"RS256","kid":1}"#,
        r#"{"alg":"RS256","kid":["ins_ours"]}"#,
        r#"{"alg":"RS256","kid":{}}"#,
    ] {
        assert_eq!(signed_header(bad).unwrap_err(), TokenErrorKind::Malformed, "{bad}");
    }
    signed_header(r#"{"alg":"RS256","kid":"ins_ours"}"#).unwrap();
    signed_header(r#"{"\u0061lg":"RS256","kid":"ins_\u006furs"}"#).unwrap();
}

#[test]
fn only_rs256_is_an_algorithm() {
    for alg in [
        json!("none"),
        json!("None"),
        json!("NONE"),
        json!(""),
        json!("HS256"),
        json!("RS384"),
        json!("RS512"),
        json!("PS256"),
        json!("ES256"),
        json!("EdDSA"),
        json!("rs256"),
        json!("RS256 "),
        json!(null),
        json!(256),
        json!(["RS256"]),
        json!({ "RS256": 1 }),
    ] {
        let outcome = signed_header(&header_with("alg", alg.clone()));
        assert_eq!(outcome.unwrap_err(), TokenErrorKind::Algorithm, "{alg}");
    }
    let without = signed_header(r#"{"kid":"ins_ours"}"#);
    assert_eq!(without.unwrap_err(), TokenErrorKind::Algorithm);
}

#[test]
fn a_genuine_signature_of_another_algorithm_does_not_pass_for_rs256() {
    let signer = TestSigner::ours();
    let header = signer.header().to_string();
    let others: [&'static dyn RsaEncoding; 3] =
        [&RSA_PKCS1_SHA384, &RSA_PKCS1_SHA512, &RSA_PSS_SHA256];
    for other in others {
        let token = signer.sign_by(other, &header, "{}");
        assert_eq!(verify(&token, &our_keys()).unwrap_err(), TokenErrorKind::Signature);
    }
}

#[test]
fn a_key_of_another_algorithm_verifies_nothing_however_honest_the_token() {
    let elliptic = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = elliptic.public_key().as_ref().to_vec();
    let mut elliptic_jwk = serde_json::to_value(TestSigner::ours().jwk()).unwrap();
    elliptic_jwk["kty"] = "EC".into();
    elliptic_jwk["crv"] = "P-256".into();
    elliptic_jwk["alg"] = "ES256".into();
    elliptic_jwk["x"] = URL_SAFE_NO_PAD.encode(&point[1..33]).into();
    elliptic_jwk["y"] = URL_SAFE_NO_PAD.encode(&point[33..]).into();
    let set: JwkSet = serde_json::from_value(json!({ "keys": [elliptic_jwk] })).unwrap();
    for (alg, expected) in
        [("ES256", TokenErrorKind::Algorithm), ("RS256", TokenErrorKind::Signature)]
    {
        let header = URL_SAFE_NO_PAD.encode(header_with("alg", alg.into()));
        let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode("{}"));
        let signature = elliptic.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
        for keys in [our_keys(), KeySet::from_jwk_set(&set)] {
            assert_eq!(verify(&token, &keys).unwrap_err(), expected);
        }
    }
    let others: [(&str, &'static dyn RsaEncoding); 3] =
        [("RS384", &RSA_PKCS1_SHA384), ("RS512", &RSA_PKCS1_SHA512), ("PS256", &RSA_PSS_SHA256)];
    for (alg, encoding) in others {
        let mut jwk = TestSigner::ours().jwk();
        jwk.alg = Some(alg.into());
        let token = TestSigner::ours().sign_by(encoding, &header_with("alg", alg.into()), "{}");
        for keys in [our_keys(), KeySet::from_jwk_set(&JwkSet { keys: vec![jwk] })] {
            assert_eq!(verify(&token, &keys).unwrap_err(), TokenErrorKind::Algorithm, "{alg}");
        }
    }
}

#[test]
fn a_mac_keyed_with_the_public_key_is_no_signature() {
    let signer = TestSigner::ours();
    for alg in ["HS256", "RS256"] {
        let header = header_with("alg", alg.into());
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode("{}"));
        let key = hmac::Key::new(hmac::HMAC_SHA256, signer.pem().as_bytes());
        let tag = hmac::sign(&key, input.as_bytes());
        let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag));
        let refused = verify(&token, &our_keys()).unwrap_err();
        assert!(matches!(refused, TokenErrorKind::Algorithm | TokenErrorKind::Signature));
    }
}

#[test]
fn extensions_that_must_be_understood_are_not() {
    for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!(null), json!("exp"), json!({})] {
        let outcome = signed_header(&header_with("crit", crit.clone()));
        assert_eq!(outcome.unwrap_err(), TokenErrorKind::Algorithm, "{crit}");
    }
}

#[test]
fn a_token_does_not_bring_its_own_key() {
    let foreign = TestSigner::foreign();
    let mut header = foreign.clone().called("ins_ours").header();
    header["jwk"] = serde_json::to_value(foreign.jwk()).unwrap();
    header["jku"] = "https://attacker.example.com/jwks".into();
    header["x5u"] = "https://attacker.example.com/cert".into();
    header["x5c"] = json!(["AAAA"]);
    let forged = foreign.sign_with(&header, &session_claims());
    assert_eq!(verify(&forged, &our_keys()).unwrap_err(), TokenErrorKind::Signature);

    let genuine = TestSigner::ours().sign_with(&header, &session_claims());
    verify(&genuine, &our_keys()).unwrap();
}

#[test]
fn any_string_may_be_a_key_id() {
    for kid in ["", "../../etc/passwd", "a\0b\r\n", "' OR 1=1", &"k".repeat(600), "\u{1F511}"] {
        let header = header_with("kid", kid.into());
        let token = TestSigner::ours().sign_text(&header, "{}");
        let jws = parse(token.as_bytes()).unwrap();
        assert_eq!(jws.kid(), Some(kid));
    }
}

#[test]
fn the_header_tells_the_class() {
    let class = |header: &str| signed_header(header).unwrap().header.class;
    for (cat, expected) in [
        (json!("cl_B7d4PD111AAA"), Class::Session),
        (json!("cl_B7d4PD222AAA"), Class::Template),
        (json!("cl_B7d4PD333AAA"), Class::Other),
        (json!("cl_I7d4PD111III"), Class::Unstated),
        (json!("cl_unheard_of"), Class::Other),
        (json!(""), Class::Other),
        (json!(null), Class::Other),
        (json!(["cl_B7d4PD111AAA"]), Class::Other),
    ] {
        assert_eq!(class(&header_with("cat", cat.clone())), expected, "{cat}");
    }
    assert_eq!(class(r#"{"alg":"RS256","kid":"ins_ours"}"#), Class::Unstated);
    assert_eq!(class(&header_with("typ", "at+jwt".into())), Class::Other);
    assert_eq!(class(&header_with("typ", "application/at+jwt".into())), Class::Other);
}

#[test]
fn the_header_tells_when_the_claims_were_assembled_and_nonsense_of_it_vetoes_nothing() {
    let assembled_at = |header: &str| signed_header(header).unwrap().header.assembled_at;
    for (oiat, expected) in [
        ("1700000000", NumericDate::parse("1700000000")),
        ("1700000000.5", NumericDate::parse("1700000000.5")),
        ("\"1700000000\"", None),
        ("null", None),
        ("-1", None),
        ("1e300", None),
        ("true", None),
        ("[1700000000]", None),
        ("{}", None),
    ] {
        let header = format!(r#"{{"alg":"RS256","kid":"ins_ours","oiat":{oiat}}}"#);
        assert_eq!(assembled_at(&header), expected, "{oiat}");
    }
    assert_eq!(assembled_at(r#"{"alg":"RS256","kid":"ins_ours"}"#), None);
}

#[test]
fn a_header_is_no_place_for_four_hundred_names() {
    let escaped = |n: u32| format!(r#""\u{:04x}":1"#, 0x100 + n);
    let names = |count| (0..count).map(escaped).collect::<Vec<_>>().join(",");
    let header = |count| format!(r#"{{"alg":"RS256","kid":"ins_ours",{}}}"#, names(count));
    signed_header(&header(60)).unwrap();
    for count in [80, 400] {
        assert_eq!(signed_header(&header(count)).unwrap_err(), TokenErrorKind::TooLong);
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    let good = TestSigner::ours().sign(&session_claims());
    let keys = our_keys();
    for position in 0..good.len() {
        let mut changed = good.clone().into_bytes();
        changed[position] = if changed[position] == b'A' { b'E' } else { b'A' };
        let verified = parse(&changed).is_ok_and(|jws| jws.verify(&keys).is_ok());
        assert!(!verified, "byte {position}");
    }
}

/// Project Wycheproof's vectors are not part of the repository.
fn wycheproof() -> Option<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = ["../shared", "../../shared"].iter().find_map(|shared| {
        let file = root.join(shared).join("vectors/wycheproof_json_web_signature.json");
        std::fs::read_to_string(file).ok()
    });
    Some(serde_json::from_str(&text?).unwrap())
}

#[test]
fn project_wycheproof_and_we_agree_on_rs256() {
    let Some(vectors) = wycheproof() else {
        println!("skipped: Project Wycheproof's vectors are not here");
        return;
    };
    let (mut accepted, mut refused) = (0, 0);
    for group in vectors["testGroups"].as_array().unwrap() {
        let key = ["public", "private"].iter().find_map(|name| group.get(name)).unwrap();
        let set: JwkSet = serde_json::from_value(json!({ "keys": [key] })).unwrap();
        let keys = KeySet::from_jwk_set(&set);
        for case in group["tests"].as_array().unwrap() {
            let jws = match &case["jws"] {
                Value::String(compact) => compact.clone(),
                json => json.to_string(),
            };
            let expected = case["result"] == "valid" && key["alg"] == "RS256";
            let outcome = verify(&jws, &keys);
            assert_eq!(outcome.is_ok(), expected, "{}: {outcome:?}", case["tcId"]);
            *if expected { &mut accepted } else { &mut refused } += 1;
        }
    }
    assert!(accepted >= 8 && refused >= 225, "{accepted} accepted, {refused} refused");
}
