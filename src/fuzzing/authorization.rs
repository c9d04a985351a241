use http::header::AUTHORIZATION;

use super::request;
use crate::{
    Credential,
    extract::{BearerToken, CredentialErrorKind, ExtractCredential, Or, SessionCookie},
};

/// A cookie that would be taken, since it names an issuer.
const WEAKER: &str =
    "__session=eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2NsZXJrLmV4YW1wbGUuY29tIn0.";

/// The `Authorization` fields are read as a naive reader reads them; what it finds reads the same
/// when it is sent again; and no cookie is looked at where there is anything of ours, good or bad.
pub fn authorization_header(fields: &[&[u8]]) {
    let mut parts = request(&AUTHORIZATION, fields);
    let received: Vec<_> = parts
        .headers
        .get_all(AUTHORIZATION)
        .iter()
        .map(|value| value.as_bytes().to_vec())
        .collect();
    let found = BearerToken::new().extract(&parts);
    let told = found.as_ref().map(Option::as_ref).map(|it| it.map(token)).map_err(|it| it.kind());
    let expected = naive(&received);
    assert_eq!(told, expected.as_ref().map(Option::as_deref).map_err(|kind| *kind));

    if let Ok(Some(token)) = &expected {
        let again = [&b"bEARER "[..], token].concat();
        let again = request(&AUTHORIZATION, &[b"", &again]);
        let found =
            BearerToken::new().extract(&again).expect("one good field").expect("a credential");
        assert_eq!(self::token(&found), token);
    }

    parts.headers.insert(http::header::COOKIE, http::HeaderValue::from_static(WEAKER));
    let both = Or::new(BearerToken::new(), SessionCookie::unsuffixed()).extract(&parts);
    let told = both.as_ref().map(|it| it.as_ref().map(self::token)).map_err(|it| it.kind());
    match &expected {
        Ok(None) => assert_eq!(told, Ok(WEAKER.strip_prefix("__session=").map(str::as_bytes))),
        Ok(Some(token)) => assert_eq!(told, Ok(Some(&token[..]))),
        Err(kind) => assert_eq!(told, Err(*kind)),
    }
}

fn token<'a>(credential: &'a Credential<'_>) -> &'a [u8] {
    match credential {
        Credential::SessionToken(token) => token.as_bytes(),
        Credential::SessionId(id) => panic!("{id} was not sent"),
    }
}

fn naive(fields: &[Vec<u8>]) -> Result<Option<Vec<u8>>, CredentialErrorKind> {
    let fields: Vec<&Vec<u8>> = fields.iter().filter(|field| !field.is_empty()).collect();
    let mut tokens = Vec::new();
    for field in &fields {
        let words: Vec<&[u8]> = field.splitn(2, |byte| *byte == b' ').collect();
        let scheme = words[0];
        let first_word = field.split(|byte| b" \t".contains(byte)).next().unwrap_or_default();
        if first_word.iter().filter(|byte| **byte == b'.').count() > 1 {
            if first_word != &field[..] {
                return Err(CredentialErrorKind::Malformed);
            }
            tokens.push(first_word.to_vec());
            continue;
        }
        let is_scheme = !scheme.is_empty()
            && scheme.iter().all(|byte| {
                char::from(*byte).is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte)
            });
        if !is_scheme {
            return Err(CredentialErrorKind::Malformed);
        }
        if scheme.eq_ignore_ascii_case(b"bearer") {
            let rest = words.get(1).copied().unwrap_or_default();
            let blank = rest.iter().take_while(|byte| **byte == b' ').count();
            tokens.push(rest[blank..].to_vec());
        }
    }
    if tokens.iter().any(Vec::is_empty) {
        return Err(CredentialErrorKind::Malformed);
    }
    match tokens.pop() {
        Some(_) if fields.len() > 1 => Err(CredentialErrorKind::Ambiguous),
        token => Ok(token),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn authorization_is_read_as_by_a_naive_reader(fields in fields()) {
            let fields: Vec<_> = fields.iter().map(String::as_bytes).collect();
            authorization_header(&fields);
        }

        #[test]
        fn no_bytes_confuse_the_reader(field in proptest::collection::vec(any::<u8>(), 0..20)) {
            authorization_header(&[&field]);
        }
    }

    fn fields() -> impl Strategy<Value = Vec<String>> {
        let field = (
            "([Bb]earer|BEARER|Basic|bearerx|[!-~]{0,3}|é|[a.]{3,5})",
            "[ \t,=]{0,2}",
            "[!-~ ]{0,8}",
        )
            .prop_map(|(scheme, gap, rest)| [scheme, gap, rest].concat());
        proptest::collection::vec(field, 0..4)
    }
}
