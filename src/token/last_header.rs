use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::{TokenErrorKind, header::JoseHeader};

/// The header that was last seen over a good signature. Nearly all tokens of an instance have the
/// same one, which need not be read each time; where two take turns, both are.
#[derive(Debug, Default)]
pub(super) struct LastHeader(ArcSwapOption<JoseHeader>);

impl LastHeader {
    pub(super) fn read(&self, encoded: &[u8]) -> Result<Arc<JoseHeader>, TokenErrorKind> {
        match &*self.0.load() {
            Some(last) if *last.encoded == *encoded => Ok(Arc::clone(last)),
            _ => JoseHeader::read(encoded).map(Arc::new),
        }
    }

    /// Only for a header that is signed: anyone could crowd out the usual one otherwise.
    pub(super) fn keep(&self, header: &Arc<JoseHeader>) {
        let is_last = self.0.load().as_ref().is_some_and(|last| Arc::ptr_eq(last, header));
        if !is_last {
            self.0.store(Some(Arc::clone(header)));
        }
    }
}
