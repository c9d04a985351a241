use std::{
    fmt::{Debug, Display},
    str::FromStr,
};

use http::{HeaderValue, Uri};
use serde::{Serialize, de::DeserializeOwned};

use crate::{ClientId, OrganizationId, SessionId, UserId};

const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A text is an identifier of at most one kind. Whatever is one is printed as it was read, by serde
/// as well, and can neither leave its segment of a path nor its header.
pub fn identifier(text: &str) {
    let kinds = [
        is_id::<SessionId>(text, "sess_"),
        is_id::<UserId>(text, "user_"),
        is_id::<ClientId>(text, "client_"),
        is_id::<OrganizationId>(text, "org_"),
    ];
    assert!(kinds.iter().filter(|is_id| **is_id).count() <= 1);
}

fn is_id<T>(text: &str, prefix: &str) -> bool
where
    T: FromStr + Display + Debug + PartialEq + Serialize + DeserializeOwned,
{
    let json = serde_json::to_string(text).expect("a string");
    let expected = text.len() <= 128
        && text.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty())
        && text.chars().all(|c| ALPHABET.contains(c));
    let parsed = text.parse::<T>().ok();
    assert_eq!(parsed.is_some(), expected, "{text:?}");
    assert_eq!(parsed, serde_json::from_str(&json).ok());

    if let Some(id) = parsed {
        assert_eq!(id.to_string(), text);
        assert_eq!(serde_json::to_string(&id).expect("a string"), json);
        let path = format!("/v1/sessions/{id}");
        let uri: Uri = format!("https://api.clerk.com{path}").parse().expect("a URI");
        assert_eq!((uri.host(), uri.path(), uri.query()), (Some("api.clerk.com"), &*path, None));
        HeaderValue::from_str(text).expect("a header's value");
    }
    expected
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_identifier_is_printed_as_it_was_read(
            text in "(sess|user|client|org|sess_user)?_[A-Za-z0-9_-]{0,6}([A-Za-z0-9]{110,125})?",
        ) {
            identifier(&text);
        }

        #[test]
        fn only_plain_words_are_identifiers(text in "(sess_|user_)?[a/.%?#:@ \\\\\r\n\0é-]{0,6}") {
            identifier(&text);
        }
    }
}
