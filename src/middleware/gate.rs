//! Who may pass: what becomes of a request before the inner service sees it.

use std::sync::Arc;

use bytes::Bytes;
use http::{Extensions, Response, request::Parts};

use super::{
    absence::{Absence, Cause},
    events::Source,
    layer::Settings,
    preflight::is_preflight,
};
use crate::{
    Claims, Credential, Freshness, Rejection, Resolved, Session, SessionWatch,
    admitted_by::{AdmittedBy, ResolverId},
    resolve::Resolving,
};

/// What becomes of a request.
pub(super) enum Verdict {
    /// It may pass; its extensions say as whose.
    Granted,
    Refused(Rejection),
    /// Clerk must be asked first.
    Asking(Resolving),
}

/// The name of the cookie that the credential came in.
#[derive(Debug, Clone)]
pub(super) struct CookieRead(pub(super) Arc<str>);

impl Settings {
    /// The verdict on a request, as far as there is one without waiting.
    pub(super) fn admit(&self, parts: &mut Parts) -> Verdict {
        strip(&mut parts.extensions);
        if self.exempt.as_ref().is_some_and(|exempt| exempt(parts)) {
            return self.pass(Cause::Exempt, parts);
        }
        if self.preflight && is_preflight(parts) {
            return self.pass(Cause::Preflight, parts);
        }
        let credential = match self.extractor.extract(parts) {
            Ok(Some(credential)) => credential,
            Ok(None) if self.anonymous => return self.pass(Cause::Anonymous, parts),
            Ok(None) => return Verdict::Refused(Rejection::missing_credential()),
            Err(error) => return Verdict::Refused(error.into()),
        };
        let cookie = match &credential {
            Credential::SessionToken(token) => token.cookie_name().cloned(),
            Credential::SessionId(_) => None,
        };
        let verdict = match self.resolver.cached(&credential, &self.policy) {
            Some(answer) => {
                let granted =
                    answer.and_then(|resolved| self.grant(resolved, &mut parts.extensions));
                granted.map_or_else(Verdict::Refused, |()| Verdict::Granted)
            }
            None => {
                let credential = credential.to_owned();
                Verdict::Asking(self.resolver.resolve(credential, self.policy.clone()))
            }
        };
        if let Some(name) = cookie {
            parts.extensions.insert(CookieRead(name));
        }
        verdict
    }

    /// Lets a request pass as this caller's.
    ///
    /// A resolver that says yes and names nobody is mistaken, and admits nobody.
    pub(super) fn grant(
        &self,
        resolved: Resolved,
        extensions: &mut Extensions,
    ) -> Result<(), Rejection> {
        let admitted_by = self.admitted_by(resolved.resolver);
        if self.watch {
            let watch = self.watch(&resolved)?;
            extensions.insert(watch.of_request_admitted_by(admitted_by.clone()));
        }
        let Resolved { session, claims, freshness, .. } = resolved;
        let stale = freshness.filter(Freshness::is_stale);
        if stale.is_some() {
            self.events.admitted_stale(self.resolver.name());
        }
        let cause = match (&session, &claims) {
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some(Cause::WithoutToken),
            (None, Some(_)) if stale.is_some() => Some(Cause::Undescribed),
            (None, Some(_)) => Some(Cause::Networkless),
            (None, None) => return Err(Rejection::misconfigured("nothing-resolved")),
        };
        if let Some(cause) = cause {
            extensions.insert(Absence::new(cause, admitted_by.clone()));
        }
        if let Some(session) = session {
            extensions.insert(session);
        }
        if let Some(claims) = claims {
            extensions.insert(claims.of_request_admitted_by(admitted_by));
        }
        if let Some(freshness) = stale {
            extensions.insert(freshness);
        }
        Ok(())
    }

    /// Watches whom the resolver let in.
    pub(super) fn watch(&self, resolved: &Resolved) -> Result<SessionWatch, Rejection> {
        let watch = self.resolver.watch(resolved, &self.policy);
        watch.ok_or_else(|| Rejection::misconfigured("nothing-watched"))
    }

    /// Whether a request that was granted, and then waited, is refused by what is known now. What
    /// would have to be asked of Clerk does not refuse it.
    pub(super) fn refused_since(&self, parts: &Parts) -> Option<Rejection> {
        match self.extractor.extract(parts) {
            Ok(Some(credential)) => self.resolver.cached(&credential, &self.policy)?.err(),
            Ok(None) => None,
            Err(error) => Some(error.into()),
        }
    }

    pub(super) fn refuse(
        &self,
        rejection: Rejection,
        parts: &Parts,
        source: Source,
    ) -> Response<Bytes> {
        self.note_refusal(&rejection, parts, source);
        self.refusals.write(rejection, self.refusals.protocol(parts))
    }

    pub(super) fn note_refusal(&self, rejection: &Rejection, parts: &Parts, source: Source) {
        let protocol = self.refusals.protocol(parts);
        self.events.refused(rejection, protocol, self.resolver.name(), source);
    }

    /// Lets a request pass as nobody's.
    fn pass(&self, cause: Cause, parts: &mut Parts) -> Verdict {
        parts.extensions.insert(Absence::new(cause, self.admitted_by(None)));
        Verdict::Granted
    }

    fn admitted_by(&self, resolver: Option<ResolverId>) -> AdmittedBy {
        AdmittedBy { resolver, refusals: self.refusals.erased() }
    }
}

/// Removes whatever somebody else may have put where only the layer's word counts.
fn strip(extensions: &mut Extensions) {
    if !extensions.is_empty() {
        extensions.remove::<Session>();
        extensions.remove::<Claims>();
        extensions.remove::<Freshness>();
        extensions.remove::<Absence>();
        extensions.remove::<CookieRead>();
        extensions.remove::<SessionWatch>();
    }
}
