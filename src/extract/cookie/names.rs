use std::sync::Arc;

/// The two cookies of one suffix.
#[derive(Debug, Clone)]
pub(super) struct CookieNames {
    pub(super) session: Arc<str>,
    pub(super) client_uat: Arc<str>,
}

impl CookieNames {
    pub(super) fn plain() -> Self {
        Self::new("")
    }

    pub(super) fn suffixed(suffix: &str) -> Self {
        Self::new(&format!("_{suffix}"))
    }

    fn new(suffix: &str) -> Self {
        Self {
            session: format!("__session{suffix}").into(),
            client_uat: format!("__client_uat{suffix}").into(),
        }
    }
}
