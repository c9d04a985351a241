use http::request::Parts;

use super::{CredentialError, ExtractCredential};
use crate::Credential;

/// Looks in `A`, and in `B` only where `A` found nothing at all, not even [somebody else's](ExtractCredential::is_somebody_elses).
#[derive(Debug, Clone)]
pub struct Or<A, B> {
    first: A,
    second: B,
}

impl<A, B> Or<A, B> {
    /// `first`, or else `second`.
    #[must_use]
    pub fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<A: ExtractCredential, B: ExtractCredential> ExtractCredential for Or<A, B> {
    fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Credential<'a>>, CredentialError> {
        match self.first.extract(parts)? {
            Some(credential) => Ok(Some(credential)),
            None if self.first.is_somebody_elses(parts) => Ok(None),
            None => self.second.extract(parts),
        }
    }

    fn is_somebody_elses(&self, parts: &Parts) -> bool {
        self.first.is_somebody_elses(parts) || self.second.is_somebody_elses(parts)
    }

    fn yields_session_ids(&self) -> bool {
        self.first.yields_session_ids() || self.second.yields_session_ids()
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, header};

    use super::*;
    use crate::extract::{BearerToken, QueryToken, SessionCookie};

    /// {"alg":"RS256"}, {"iss":"https://clerk.example.com"}, and a signature.
    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2NsZXJrLmV4YW1wbGUuY29tIn0.c2ln";

    fn finds(place: &impl ExtractCredential) -> bool {
        let request = Request::get("/").header(header::AUTHORIZATION, "Bearer vk_1");
        let request = request.header(header::COOKIE, format!("__session={TOKEN}"));
        place.extract(&request.body(()).unwrap().into_parts().0).unwrap().is_some()
    }

    #[test]
    fn a_key_of_somebody_elses_keeps_the_cookie_from_being_read_wherever_it_was_looked_for() {
        let cookie = SessionCookie::unsuffixed;
        let (query, keys) =
            (|| QueryToken::new("token"), || BearerToken::ignoring(["vk_"]).unwrap());
        assert!(finds(&Or::new(query(), cookie())), "the negative control");
        assert!(!finds(&Or::new(keys(), cookie())));
        assert!(!finds(&Or::new(Or::new(keys(), query()), cookie())));
        assert!(!finds(&Or::new(Or::new(query(), keys()), cookie())));
    }
}
