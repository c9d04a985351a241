mod choice;
mod client_uat;
mod familiar;
mod names;
mod unverified;

use std::sync::Arc;

use http::{header, request::Parts};

use self::{
    choice::{Pair, plain_counts},
    client_uat::ClientUat,
    familiar::Familiar,
    names::CookieNames,
    unverified::Unverified,
};
use super::{CredentialError, ExtractCredential};
use crate::{
    Clock, ConfigError, Credential, Instance, PublishableKey, credential::PresentedToken,
    issuer::Issuer,
};

/// Clerk's session cookie, `__session_<suffix>` of one instance or `__session`, each with the time
/// of the last sign-in or sign-out beside it (`__client_uat…`).
///
/// Clerk writes both pairs; which of them counts is decided as in Clerk's own SDKs: the suffixed one,
/// unless the plain one is newer or the only one. What others keep under the same names turns nobody
/// away: a value that is no JWT or names no issuer is not ours and passed over, and so is, under the
/// plain name, a token of another issuer, where the reader knows its own
/// ([`of`](SessionCookie::of) an [instance](crate::Instance)).
/// Another instance's suffix is never read.
///
/// Values are not verified here, but only read to choose among them. Where two tokens under the name
/// that counts differ, they are refused. A `__client_uat` of `0` makes its session count as absent; a
/// token issued before it is refused; nonsense there, as two times that differ, is ignored. All
/// `Cookie` fields are read, since HTTP/2 may split them ([RFC 9113 §8.2.3]).
///
/// # Security
///
/// Browsers send cookies on their own. Set the instance's
/// [authorized parties](crate::InstanceBuilder::authorized_parties) wherever cookies are read.
///
/// A sibling subdomain can write plain cookies of its own, and so have its visitors act as the user it
/// chooses: [`suffixed_only`](SessionCookie::suffixed_only) keeps out those who do not know the suffix.
///
/// [RFC 9113 §8.2.3]: https://www.rfc-editor.org/rfc/rfc9113#section-8.2.3
#[derive(Debug, Clone)]
pub struct SessionCookie {
    plain: Option<CookieNames>,
    suffixed: Option<CookieNames>,
    /// None where they are not known.
    issuers: Vec<Issuer>,
    is_development: bool,
    clock: Clock,
    familiar: Arc<Familiar>,
}

impl SessionCookie {
    /// Reads `__session` only, which every instance of Clerk on the domain writes.
    #[must_use]
    pub fn unsuffixed() -> Self {
        Self {
            plain: Some(CookieNames::plain()),
            suffixed: None,
            issuers: Vec::new(),
            is_development: false,
            clock: Clock::system(),
            familiar: Arc::new(Familiar::new()),
        }
    }

    /// Reads the instance's cookies, with its suffix and without. The suffix is that of its publishable key; without one only
    /// `__session` is read.
    #[must_use]
    pub fn of(instance: &Instance) -> Self {
        let names = |key: &PublishableKey| CookieNames::suffixed(&key.cookie_suffix());
        Self {
            suffixed: instance.publishable_key().map(names),
            issuers: instance.parts().issuers.clone(),
            is_development: instance.is_live() == Some(false),
            ..Self::unsuffixed()
        }
    }

    /// Reads the instance's cookies that have its suffix, and no others. Some older versions of clerk-js write none.
    ///
    /// # Errors
    ///
    /// Fails where the instance has no publishable key, which the suffix is made from.
    pub fn suffixed_only(instance: &Instance) -> Result<Self, ConfigError> {
        if instance.publishable_key().is_none() {
            return Err(ConfigError::contradiction(
                "the suffix of an instance's cookies is made from its publishable key: set \
                 `CLERK_PUBLISHABLE_KEY`, or give the instance one",
            ));
        }
        Ok(Self { plain: None, ..Self::of(instance) })
    }

    /// Reads the time from this clock: the system's unless set. It matters on development instances,
    /// where a plain sign-out goes by whether the suffixed token has expired.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The same, without memory of what was found to be ours.
    #[cfg(any(fuzzing, test))]
    pub(crate) fn recognizing_nothing(self) -> Self {
        Self { familiar: Arc::new(Familiar::new()), ..self }
    }

    fn accepts(&self, issuer: &str) -> bool {
        self.issuers.is_empty() || self.issuers.iter().any(|accepted| accepted.as_str() == issuer)
    }

    fn owner_of(&self, value: &[u8]) -> Owner {
        if self.familiar.knows(value) {
            return Owner::Ours;
        }
        match Unverified::read(value) {
            None => Owner::Other,
            Some(Unverified { issuer: None, .. }) => Owner::Ours,
            Some(Unverified { issuer: Some(issuer), .. }) if self.accepts(&issuer) => {
                self.familiar.remember(value);
                Owner::Ours
            }
            Some(_) => Owner::AnotherInstance,
        }
    }

    /// The pair that counts and its names.
    fn choose<'a>(&self, found: &Found<'a>) -> Option<(&CookieNames, Pair<'a>)> {
        let suffixed = found.suffixed.ours();
        let Some(plain_names) = &self.plain else {
            return self.suffixed.as_ref().map(|names| (names, suffixed));
        };
        let Some(suffixed_names) = &self.suffixed else {
            return Some((plain_names, found.plain.either()));
        };
        let (plain, now) = (found.plain.ours(), || self.clock.now());
        if !found.plain.is_of_another_instance()
            && plain_counts(&plain, &suffixed, self.is_development, now)
        {
            Some((plain_names, plain))
        } else {
            Some((suffixed_names, suffixed))
        }
    }
}

impl ExtractCredential for SessionCookie {
    fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Credential<'a>>, CredentialError> {
        let mut found = Found::default();
        for field in parts.headers.get_all(header::COOKIE) {
            for (name, value) in pairs(field.as_bytes()) {
                if name.starts_with(b"__") {
                    found.note(self, name, value);
                }
            }
        }
        let Some((names, pair)) = self.choose(&found) else { return Ok(None) };
        let Some(token) = pair.session else { return Ok(None) };
        if pair.client_uat.is_zero() {
            return Ok(None);
        }
        if pair.is_ambiguous {
            return Err(CredentialError::ambiguous());
        }
        let token = PresentedToken::new(token).in_cookie(Arc::clone(&names.session));
        Ok(Some(Credential::SessionToken(match pair.client_uat.time() {
            Some(last_change) => token.if_not_issued_before(last_change),
            None => token,
        })))
    }
}

/// Whose a value is, by what it says itself.
enum Owner {
    Ours,
    AnotherInstance,
    /// It is no token of any instance.
    Other,
}

#[derive(Debug, Default)]
struct Found<'a> {
    plain: Cookies<'a>,
    suffixed: Cookies<'a>,
}

impl<'a> Found<'a> {
    fn note(&mut self, reader: &SessionCookie, name: &[u8], value: &'a [u8]) {
        if let Some(names) = &reader.plain {
            if name == names.session.as_bytes() {
                return match reader.owner_of(value) {
                    Owner::Ours => self.plain.ours.note(value),
                    Owner::AnotherInstance => self.plain.of_another_instance.note(value),
                    Owner::Other => {}
                };
            } else if name == names.client_uat.as_bytes() {
                return self.plain.client_uat.note(value);
            }
        }
        if let Some(names) = &reader.suffixed {
            if name == names.session.as_bytes() {
                match reader.owner_of(value) {
                    // The suffix is nobody else's, whatever the token says.
                    Owner::Ours | Owner::AnotherInstance => self.suffixed.ours.note(value),
                    Owner::Other => {}
                }
            } else if name == names.client_uat.as_bytes() {
                self.suffixed.client_uat.note(value);
            }
        }
    }
}

/// The cookies of one suffix, as far as they are there.
#[derive(Debug, Default)]
struct Cookies<'a> {
    ours: Values<'a>,
    of_another_instance: Values<'a>,
    client_uat: ClientUat<'a>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Values<'a> {
    first: Option<&'a [u8]>,
    differ: bool,
}

impl<'a> Cookies<'a> {
    fn ours(&self) -> Pair<'a> {
        self.pair_of(self.ours)
    }

    /// Then its time of sign-in is not ours either.
    fn is_of_another_instance(&self) -> bool {
        self.ours.first.is_none() && self.of_another_instance.first.is_some()
    }

    /// Where there is none of ours, a token of another instance, so that it is refused as such.
    fn either(&self) -> Pair<'a> {
        self.pair_of(if self.ours.first.is_some() { self.ours } else { self.of_another_instance })
    }

    fn pair_of(&self, values: Values<'a>) -> Pair<'a> {
        Pair { session: values.first, is_ambiguous: values.differ, client_uat: self.client_uat }
    }
}

impl<'a> Values<'a> {
    fn note(&mut self, value: &'a [u8]) {
        match self.first {
            None => self.first = Some(value),
            Some(first) => self.differ |= first != value,
        }
    }
}

/// The pairs of one `Cookie` field (RFC 6265 §5.4), undecoded.
fn pairs(mut field: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        while !field.is_empty() {
            let end = memchr::memchr(b';', field).unwrap_or(field.len());
            let pair = &field[..end];
            field = field.get(end + 1..).unwrap_or_default();
            if let Some(equals) = memchr::memchr(b'=', pair) {
                return Some((pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii()));
            }
        }
        None
    })
}

#[cfg(test)]
mod tests;
