//! The refusal of somebody who is known, and may not.

use std::{error::Error, fmt, time::SystemTime};

use super::{Rejection, RejectionKind};
use crate::{Authorization, Claims, authorization::Lack};

impl Claims {
    /// Refuses a caller who [may not](Claims::has), in terms that can be answered over HTTP and gRPC.
    ///
    /// # Errors
    ///
    /// [`Forbidden`](RejectionKind::Forbidden). Where the caller need only prove again who they are, the
    /// [answer](Rejection::to_response) asks for that. Returned from a handler on axum, or as a status from a method on tonic, it is
    /// written as the layer writes its own ([`rejection_response`](crate::AuthenticateLayer::rejection_response)).
    pub fn require(&self, authorization: &Authorization) -> Result<(), Rejection> {
        self.require_at(authorization, SystemTime::now())
    }

    /// The same, as of `now`.
    ///
    /// # Errors
    ///
    /// As [`Claims::require`].
    pub fn require_at(
        &self,
        authorization: &Authorization,
        now: SystemTime,
    ) -> Result<(), Rejection> {
        authorization.lack(self, now).map_or(Ok(()), |lack| {
            let rejection = Rejection::lacking(lack);
            Err(rejection.behind(self.admitted_by()))
        })
    }
}

impl Rejection {
    /// Of somebody who may not, without a word about why.
    pub(crate) fn forbidden() -> Self {
        Self::new(RejectionKind::Forbidden, "authorization-insufficient")
    }

    fn lacking(lack: Lack<'_>) -> Self {
        match lack {
            Lack::SessionToken => Self::forbidden()
                .with_source(Lacking("a session token: one from a template grants nothing".into())),
            Lack::Condition(condition) => {
                Self::forbidden().with_source(Lacking(condition.to_string()))
            }
            Lack::Reverification(reverification) => {
                Self::reverify(reverification).with_source(Lacking(reverification.to_string()))
            }
        }
    }
}

/// What the caller lacks, for the operator's eyes.
#[derive(Debug)]
struct Lacking(String);

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the caller lacks {}", self.0)
    }
}

impl Error for Lacking {}
