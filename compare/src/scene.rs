//! An emulated Clerk, and the tokens it issues.

use std::time::Duration;

use http::{HeaderName, HeaderValue, header};
use tokio::runtime::Runtime;
use tower_clerk::{SessionId, testing::SessionsApi};

/// Nothing expires while it is measured.
pub(crate) const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// The one header that matters.
pub(crate) type Header = (HeaderName, HeaderValue);

pub(crate) struct Scene {
    pub(crate) runtime: Runtime,
    pub(crate) clerk: SessionsApi,
}

impl Scene {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime can be started");
        let clerk = runtime.block_on(SessionsApi::start());
        Self { runtime, clerk }
    }

    /// A token of a session that begins with it, in the `Authorization` header.
    pub(crate) fn bearer(&self, user: &str) -> Header {
        self.bearer_of(&self.clerk.sign_in(user), 0)
    }

    /// The token of this number, which no other token of the session is equal to.
    pub(crate) fn bearer_of(&self, session: &SessionId, number: u32) -> Header {
        let token = self.token(session, number);
        (header::AUTHORIZATION, value(&format!("Bearer {token}")))
    }

    /// The same in Clerk's cookie, between others.
    pub(crate) fn cookies(&self, user: &str) -> Header {
        let token = self.token(&self.clerk.sign_in(user), 0);
        let cookies = format!(
            "theme=dark; __client_uat=1700000000; __session={token}; _ga=GA1.1.1234567890.1700000000; locale=en"
        );
        (header::COOKIE, value(&cookies))
    }

    pub(crate) fn token_length(&self) -> usize {
        self.token(&self.clerk.sign_in("user_ada"), 0).len()
    }

    /// About 1 KB. Clerk assembled each at a time of its own, so that each has a header of its own.
    pub(crate) fn token(&self, session: &SessionId, number: u32) -> String {
        let ago = Duration::from_secs(u64::from(number % 3_600));
        let mint = self.clerk.mint(session).expires_in(LONG);
        let mint = mint.assembled_at(self.clerk.clock().now() - ago);
        mint.claim("number", number).claim("custom", "x".repeat(240)).sign()
    }
}

pub(crate) fn value(text: &str) -> HeaderValue {
    text.parse().expect("it is of printable characters")
}
