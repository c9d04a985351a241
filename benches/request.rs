//! What an authenticated request costs, around a trivial inner service and in process.
//!
//! `cargo bench --all-features --bench request`. Compare rows of one run with one another.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::{convert::Infallible, hint::black_box, time::Duration};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderValue, Request, Response, header};
use http_body_util::Empty;
use tokio::runtime::Runtime;
use tower::{Layer, Service, service_fn};
use tower_clerk::{
    AuthenticateLayer, PublishableKey, SessionCheck, SessionResolver,
    extract::{BearerToken, Or, SessionCookie},
    testing::SessionsApi,
};

/// The service that everything is measured around.
fn inner()
-> impl Service<Request<()>, Response = Response<Empty<Bytes>>, Error = Infallible, Future: Unpin>
+ Clone {
    service_fn(|request: Request<()>| {
        black_box(&request);
        std::future::ready(Ok::<_, Infallible>(Response::new(Empty::new())))
    })
}

fn bearer(token: &str) -> HeaderValue {
    format!("Bearer {token}").parse().unwrap()
}

fn request(name: header::HeaderName, value: &HeaderValue) -> Request<()> {
    let mut request = Request::new(());
    request.headers_mut().insert(name, value.clone());
    request
}

/// One request through a service that answers at once.
fn call<S>(runtime: &Runtime, service: &mut S, request: Request<()>)
where
    S: Service<Request<()>, Error = Infallible>,
{
    let _context = runtime.enter();
    let response = futures_now(service.call(request));
    drop(black_box(response));
}

fn futures_now<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("a hit never waits"),
    }
}

struct Scene {
    runtime: Runtime,
    clerk: SessionsApi,
}

impl Scene {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let clerk = runtime.block_on(SessionsApi::start());
        Self { runtime, clerk }
    }

    /// A token of about 1 KB, good for a day.
    fn token(&self, user: &str) -> String {
        let session = self.clerk.sign_in(user);
        self.clerk
            .mint(&session)
            .expires_in(Duration::from_secs(24 * 60 * 60))
            .claim("custom", "x".repeat(240))
            .sign()
    }

    fn resolver(&self, check: SessionCheck) -> SessionResolver {
        let builder =
            self.clerk.resolver_builder().check(check).ttl(Duration::from_secs(24 * 60 * 60));
        builder.build().unwrap()
    }

    fn warm(&self, resolver: &SessionResolver, token: &str) {
        let credential = tower_clerk::Credential::session_token(token.as_bytes());
        let policy = tower_clerk::Policy::new();
        self.runtime.block_on(resolver.resolve(credential, &policy)).unwrap();
    }
}

fn requests(c: &mut Criterion) {
    let scene = Scene::new();
    let token = scene.token("user_ada");
    let value = bearer(&token);
    let resolver = scene.resolver(SessionCheck::Get);
    scene.warm(&resolver, &token);
    let layer = AuthenticateLayer::new(resolver.clone()).unwrap();
    let mut group = c.benchmark_group("request");

    let mut bare = inner();
    group.bench_function("bare", |b| {
        b.iter(|| call(&scene.runtime, &mut bare, request(header::AUTHORIZATION, &value)));
    });

    let mut service = layer.layer(inner());
    group.bench_function("hit, one session", |b| {
        b.iter(|| call(&scene.runtime, &mut service, request(header::AUTHORIZATION, &value)));
    });

    let values: Vec<_> = (0..1024)
        .map(|n| {
            let token = scene.token(&format!("user_{n}"));
            scene.warm(&resolver, &token);
            bearer(&token)
        })
        .collect();
    let mut turn = values.iter().cycle();
    group.bench_function("hit, 1,024 sessions in turn", |b| {
        b.iter(|| {
            let value = turn.next().unwrap();
            call(&scene.runtime, &mut service, request(header::AUTHORIZATION, value));
        });
    });
    let mut turn = values.iter().cycle();
    group.bench_function("bare, 1,024 tokens in turn", |b| {
        b.iter(|| {
            let value = turn.next().unwrap();
            call(&scene.runtime, &mut bare, request(header::AUTHORIZATION, value));
        });
    });

    let key: PublishableKey = scene.clerk.publishable_key().parse().unwrap();
    let suffix = key.cookie_suffix();
    let cookies: HeaderValue = format!(
        "theme=dark; __client_uat_{suffix}=1700000000; __session_{suffix}={token}; _ga=GA1.1.1234567890.1700000000; locale=en"
    )
    .parse()
    .unwrap();
    let extractor = Or::new(BearerToken, SessionCookie::of_instance(&key));
    let mut with_cookie = layer.extractor(extractor).unwrap().layer(inner());
    group.bench_function("bare, cookie", |b| {
        b.iter(|| call(&scene.runtime, &mut bare, request(header::COOKIE, &cookies)));
    });
    group.bench_function("hit, cookie among five", |b| {
        b.iter(|| call(&scene.runtime, &mut with_cookie, request(header::COOKIE, &cookies)));
    });

    let networkless = scene.resolver(SessionCheck::Networkless);
    scene.warm(&networkless, &token);
    let mut networkless = AuthenticateLayer::new(networkless).unwrap().layer(inner());
    group.bench_function("hit, networkless", |b| {
        b.iter(|| call(&scene.runtime, &mut networkless, request(header::AUTHORIZATION, &value)));
    });

    group.bench_function("bare, no credential", |b| {
        b.iter(|| call(&scene.runtime, &mut bare, Request::new(())));
    });
    group.bench_function("refusal without a credential", |b| {
        b.iter(|| call(&scene.runtime, &mut service, Request::new(())));
    });

    let session = scene.clerk.sign_in("user_new");
    let mint = |n: u64| {
        let mint = scene.clerk.mint(&session).expires_in(Duration::from_secs(86_400));
        bearer(&mint.claim("n", n).claim("custom", "x".repeat(240)).sign())
    };
    let first = mint(0);
    scene.warm(&resolver, &first.to_str().unwrap()["Bearer ".len()..]);
    let mut number = 0;
    group.sample_size(20);
    group.bench_function("new token of a known session", |b| {
        b.iter_batched(
            || {
                number += 1;
                request(header::AUTHORIZATION, &mint(number))
            },
            |request| call(&scene.runtime, &mut service, request),
            BatchSize::NumIterations(64),
        );
    });
    group.finish();
}

criterion_group!(benches, requests);
criterion_main!(benches);
