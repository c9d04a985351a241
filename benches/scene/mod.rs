//! What the benchmarks share: an emulator, tokens of it, and a trivial service.

use std::{
    convert::Infallible,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::Empty;
use tokio::runtime::Runtime;
use tower::{Service, service_fn};
use tower_clerk::{
    Claims, Credential, Policy, SessionCheck, SessionResolver, testing::SessionsApi,
};

pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) struct Scene {
    pub(crate) runtime: Runtime,
    pub(crate) clerk: SessionsApi,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let clerk = runtime.block_on(SessionsApi::start());
        Self { runtime, clerk }
    }

    /// A token of about 1 KB, good for a day.
    pub(crate) fn token(&self, user: &str) -> String {
        let session = self.clerk.sign_in(user);
        self.clerk.mint(&session).expires_in(DAY).claim("custom", "x".repeat(240)).sign()
    }

    /// A resolver on the system's clock, for which nothing grows old during the benchmark.
    pub(crate) fn resolver(&self, check: SessionCheck, capacity: u64) -> SessionResolver {
        let builder = self.clerk.resolver_builder().clock(tower_clerk::Clock::system());
        builder.check(check).ttl(DAY).capacity(capacity).build().unwrap()
    }

    /// Resolves a token, so that it is known from here on.
    pub(crate) fn warm(&self, resolver: &SessionResolver, token: &str) {
        let credential = Credential::session_token(token.as_bytes());
        self.runtime.block_on(resolver.resolve(credential, &Policy::new())).unwrap();
    }

    /// What a known token says.
    pub(crate) fn claims(&self, resolver: &SessionResolver, token: &str) -> Claims {
        let credential = Credential::session_token(token.as_bytes());
        let resolved = self.runtime.block_on(resolver.resolve(credential, &Policy::new()));
        resolved.unwrap().claims().unwrap().clone()
    }

    /// One request through a service that answers at once.
    pub(crate) fn call<S>(&self, service: &mut S, request: Request<()>)
    where
        S: Service<Request<()>, Error = Infallible>,
    {
        let _context = self.runtime.enter();
        let mut response = pin!(service.call(request));
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(response) = response.as_mut().poll(&mut context) else {
            panic!("a hit never waits")
        };
        drop(black_box(response));
    }
}

/// The service that everything is measured around.
pub(crate) fn inner()
-> impl Service<Request<()>, Response = Response<Empty<Bytes>>, Error = Infallible, Future: Unpin>
+ Clone {
    service_fn(|request: Request<()>| {
        black_box(&request);
        std::future::ready(Ok::<_, Infallible>(Response::new(Empty::new())))
    })
}

pub(crate) fn bearer(token: &str) -> HeaderValue {
    format!("Bearer {token}").parse().unwrap()
}

pub(crate) fn request(name: HeaderName, value: &HeaderValue) -> Request<()> {
    let mut request = Request::new(());
    request.headers_mut().insert(name, value.clone());
    request
}
