use std::sync::Arc;

use crate::{Claims, sessions::Slot, token::Authenticated};

/// What a verified token says, and what is known of the session it names.
#[derive(Debug, Clone)]
pub(super) struct VerifiedToken {
    pub(super) authenticated: Authenticated,
    /// None for a token made from a template, which names no session.
    pub(super) slot: Option<Arc<Slot>>,
}

impl VerifiedToken {
    pub(super) fn claims(&self) -> &Claims {
        &self.authenticated.claims
    }
}
