use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::token::{pem::rsa_key, test_signer::TestSigner};

/// A key of 1024 bits.
const WEAK: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC96TRrUobyem7YEkZNqMNnLt7i
v7/35zY227+JFFyQwniU3Nmf8sBp8IjnYjkGhn7Y3pcjaHsbhFbO/xOQkh/sBWGm
zCkAhSN9w3sdxjXMn6MLZMZp6l5GJcGcQ8iQu/ujjs3GZqa/pmkJRD8ajVNFzL1z
J9Z35tvYZrlVEq41nwIDAQAB
-----END PUBLIC KEY-----";
/// A key on P-256.
const ELLIPTIC: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE+FQCAVjjKJFWN9s1FkIKTSD50eNS
tRNdXYH5C0U5K1F/LSXvvDePb4vz9rQX/PGrIRWdJaRPm0b1olgyI4EEMA==
-----END PUBLIC KEY-----";

fn usable(jwk: Jwk) -> bool {
    !KeySet::from_jwk_set(&JwkSet { keys: vec![jwk] }).is_empty()
}

fn with(change: impl FnOnce(&mut Jwk)) -> Jwk {
    let mut jwk = TestSigner::ours().jwk();
    change(&mut jwk);
    jwk
}

fn modulus(change: impl FnOnce(&mut Vec<u8>)) -> Jwk {
    with(|jwk| {
        let mut n = URL_SAFE_NO_PAD.decode(jwk.n.as_ref().unwrap()).unwrap();
        change(&mut n);
        jwk.n = Some(URL_SAFE_NO_PAD.encode(n));
    })
}

#[test]
fn a_usable_key_may_leave_out_what_it_is_for() {
    assert!(usable(with(|_| {})));
    assert!(usable(with(|jwk| jwk.alg = None)));
    assert!(usable(with(|jwk| jwk.public_key_use = None)));
    assert!(usable(with(|jwk| jwk.key_ops = Some(vec!["verify".into()]))));
}

#[test]
fn an_unusable_key_is_passed_over() {
    let text = |text: &str| Some(text.to_owned());
    for (why, jwk) in [
        ("another type", with(|jwk| jwk.kty = "EC".into())),
        ("the type in lower case", with(|jwk| jwk.kty = "rsa".into())),
        ("another algorithm", with(|jwk| jwk.alg = text("RS512"))),
        ("for encryption", with(|jwk| jwk.public_key_use = text("enc"))),
        ("not for verifying", with(|jwk| jwk.key_ops = Some(vec!["encrypt".into()]))),
        ("no name", with(|jwk| jwk.kid = None)),
        ("no modulus", with(|jwk| jwk.n = None)),
        ("an empty modulus", with(|jwk| jwk.n = text(""))),
        ("no exponent", with(|jwk| jwk.e = None)),
        ("an empty exponent", with(|jwk| jwk.e = text(""))),
        ("exponent 1", with(|jwk| jwk.e = text("AQ"))),
        ("an even exponent", with(|jwk| jwk.e = text("AQAA"))),
        ("not base64url", with(|jwk| jwk.n = text("***"))),
        ("1024 bits", modulus(|n| n.truncate(128))),
        ("2047 bits", modulus(|n| n[0] = 0x7f)),
        ("leading zeros", modulus(|n| n[0] = 0)),
        ("16 KiB", modulus(|n| n.resize(16 * 1024, 0xff))),
        ("an even modulus", modulus(|n| *n.last_mut().unwrap() &= 0xfe)),
    ] {
        assert!(!usable(jwk), "{why}");
    }
    let set = JwkSet { keys: vec![with(|jwk| jwk.kty = "EC".into()), with(|_| {})] };
    assert!(KeySet::from_jwk_set(&set).has(Some("ins_ours")));
}

#[test]
fn a_named_key_serves_its_name_only() {
    let set = KeySet::from_jwk_set(&TestSigner::ours().jwk_set());
    assert!(set.has(Some("ins_ours")));
    assert!(!set.has(Some("ins_Ours")) && !set.has(Some("")) && !set.has(None));
}

#[test]
fn two_keys_of_one_name_both_serve_while_one_replaces_the_other() {
    let (old, new) = (TestSigner::foreign().called("ins_ours"), TestSigner::ours());
    let set = KeySet::from_jwk_set(&JwkSet { keys: vec![old.jwk(), new.jwk()] });
    assert_eq!(set.named(Some("ins_ours")).count(), 2);
}

#[test]
fn a_pem_is_read_in_each_of_its_guises() {
    let pem = TestSigner::ours().pem();
    let body: String =
        pem.lines().filter(|line| !line.starts_with("---")).collect::<Vec<_>>().join("\n");
    for guise in [
        pem.clone(),
        pem.trim().to_owned(),
        pem.replace('\n', "\r\n"),
        pem.replace('\n', "\\n"),
        pem.replace('\n', " "),
        body.clone(),
        body.replace('\n', ""),
        body.replace('\n', "\\n"),
        format!("\n  {body}  \n"),
    ] {
        let set = KeySet::Single(rsa_key(&guise).unwrap());
        assert!(set.has(None) && set.has(Some("anything")));
    }
}

#[test]
fn junk_for_a_pem_is_refused() {
    let pem = TestSigner::ours().pem();
    let der =
        STANDARD.decode(pem.lines().filter(|line| !line.starts_with("---")).collect::<String>());
    let der = der.unwrap();
    let with_trailer = STANDARD.encode([&der[..], &[0]].concat());
    // The lowest byte of the modulus lies before the exponent's five.
    let mut even = der.clone();
    let last = even.len() - 6;
    even[last] &= 0xfe;
    for junk in [
        "",
        " ",
        "junk",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----",
        WEAK,
        ELLIPTIC,
        &pem[..pem.len() / 2],
        &pem.replace("PUBLIC", "PRIVATE"),
        &pem.replace("PUBLIC KEY", "CERTIFICATE"),
        &format!("{pem}{pem}"),
        &with_trailer,
        &STANDARD.encode(&even),
        &STANDARD.encode(&der[24..]),
        &STANDARD.encode(&der[..der.len() - 1]),
    ] {
        let error = rsa_key(junk).unwrap_err();
        assert!(error.to_string().contains("BEGIN PUBLIC KEY"), "{junk}");
    }
}
