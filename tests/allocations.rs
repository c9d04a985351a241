//! How often a request allocates. Unlike its time, the count does not vary.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};
use http_body::{Body, Frame};
use http_body_util::Empty;
use tower::{Layer, Service, layer::util::Stack};
use tower_clerk::{
    Authenticate, AuthenticateLayer, Authorization, Credential, Policy, PublishableKey,
    RequireAuthorization, Reverification, SessionCheck, SessionResolver,
    testing::{Membership, SessionsApi},
};

/// The service behind the layer, which does nothing.
#[derive(Clone, Copy)]
struct Inner;

impl Service<Request<()>> for Inner {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        black_box(&request);
        ready(Ok(Response::new(Empty::new())))
    }
}

/// The allocations of one request, beyond those of the request without the layer.
fn allocations<L>(layer: &L, credential: Option<(&HeaderName, &str)>) -> u64
where
    L: Layer<Inner, Service: Service<Request<()>, Error = Infallible>>,
{
    let request = || {
        let mut request = Request::new(());
        if let Some((name, value)) = credential {
            request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
        }
        request
    };
    let (mut bare, mut service) = (Inner, layer.layer(Inner));
    let bare = count(|| call(&mut bare, request()));
    // Caches do their housekeeping now and then; the least is what a request costs by itself.
    let counts = (0..100).map(|_| count(|| call(&mut service, request())));
    counts.min().unwrap() - bare
}

fn count(f: impl FnOnce()) -> u64 {
    allocation_counter::measure(f).count_total
}

fn call<S: Service<Request<()>, Error = Infallible>>(service: &mut S, request: Request<()>) {
    let mut response = pin!(service.call(request));
    let Poll::Ready(response) = response.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    else {
        panic!("it must answer at once")
    };
    drop(black_box(response));
}

async fn warm(resolver: &SessionResolver, token: &str) {
    let credential = Credential::session_token(token.as_bytes());
    resolver.resolve(credential, &Policy::new()).await.unwrap();
}

#[tokio::test]
async fn a_hit_allocates_for_the_extensions_and_for_nothing_else() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    let token = clerk.mint(&session).expires_in(Duration::from_secs(3600)).sign();
    let bearer = format!("Bearer {token}");
    let cookie = format!("theme=dark; __session={token}; locale=en");

    let get = clerk.resolver();
    warm(&get, &token).await;
    let layer = AuthenticateLayer::new(get).unwrap();
    // The map, its table, and a box each for `Session` and `Claims`.
    assert_eq!(allocations(&layer, Some((&header::AUTHORIZATION, &bearer))), 4);
    // One more, for the name of the cookie.
    assert_eq!(allocations(&layer, Some((&header::COOKIE, &cookie))), 5);

    // The suffix changes nothing, nor does it that clerk-js writes both pairs.
    let key: PublishableKey = clerk.publishable_key().parse().unwrap();
    let suffix = key.cookie_suffix();
    let both = format!(
        "__client_uat=1; __client_uat_{suffix}=1; __session={token}; __session_{suffix}={token}"
    );
    for cookies in [cookie, format!("__session_{suffix}={token}"), both] {
        assert_eq!(allocations(&layer, Some((&header::COOKIE, &cookies))), 5, "{cookies}");
    }

    let networkless = clerk.resolver_builder().check(SessionCheck::Networkless).build().unwrap();
    warm(&networkless, &token).await;
    let layer = AuthenticateLayer::new(networkless).unwrap();
    // `Claims`, and the mark that there is no session.
    assert_eq!(allocations(&layer, Some((&header::AUTHORIZATION, &bearer))), 4);
}

#[tokio::test]
async fn what_a_token_grants_is_decoded_once_and_then_asked_without_an_allocation() {
    let clerk = SessionsApi::start().await;
    let session = clerk.sign_in("user_ada");
    clerk.edit(&session, |session| {
        let mut member = Membership::new("org_1".parse().unwrap());
        member.permissions = (0..100).map(|n| format!("org:reports:read_{n}")).collect();
        session.organization = Some(member);
    });
    let token = clerk.mint(&session).expires_in(Duration::from_secs(3600)).sign();
    let resolver = clerk.resolver();
    let credential = || Credential::session_token(token.as_bytes());
    let resolved = resolver.resolve(credential(), &Policy::new()).await.unwrap();
    let claims = resolved.claims().cloned().unwrap();
    let all = Authorization::role("org:member")
        .and_then(|role| Ok(role.and(Authorization::permission("org:reports:read_77")?)))
        .and_then(|both| Ok(both.and(Authorization::plan("org:free")?)))
        .unwrap()
        .and(Authorization::reverification(Reverification::Strict));
    let none = Authorization::role("org:admin").unwrap();

    assert!(count(|| assert!(claims.has(&all))) > 0, "the first use decodes");
    for resolved in [None, Some(resolver.resolve(credential(), &Policy::new()).await.unwrap())] {
        // The same token later on, by another request.
        let claims = resolved.map_or_else(|| claims.clone(), |it| it.claims().cloned().unwrap());
        assert_eq!(count(|| assert!(claims.has(&all))), 0);
        assert_eq!(count(|| assert!(!claims.has(&none))), 0);
    }

    let layer = AuthenticateLayer::new(resolver).unwrap();
    let require = RequireAuthorization::new(all);
    let bearer = format!("Bearer {token}");
    let bearer = Some((&header::AUTHORIZATION, &*bearer));
    assert_eq!(allocations(&Stack::new(require, layer), bearer), 4, "those of a hit");
}

#[tokio::test]
async fn an_answer_that_is_there_at_once_pays_nothing_for_streams_that_end() {
    let clerk = SessionsApi::start().await;
    let token = clerk.mint(&clerk.sign_in("user_ada")).expires_in(HOUR).sign();
    let resolver = clerk.resolver();
    warm(&resolver, &token).await;
    let layer = AuthenticateLayer::new(resolver).unwrap();
    for content_type in ["application/json", "application/grpc"] {
        let of_layer = |layer: &AuthenticateLayer, answer: Answer| {
            let bearer = format!("Bearer {token}");
            let mut service = layer.layer(answer);
            let request = || {
                let request = Request::post("/").version(http::Version::HTTP_2);
                let request = request.header(header::CONTENT_TYPE, content_type);
                request.header(header::AUTHORIZATION, &bearer).body(()).unwrap()
            };
            (0..100)
                .map(|_| {
                    let request = request();
                    count(|| call_whole(&mut service, request))
                })
                .min()
                .unwrap()
        };
        let ending = layer.clone().end_streams().unwrap();
        let at_once = Answer { frames: 2, waits: false };
        assert_eq!(of_layer(&ending, at_once), of_layer(&layer, at_once), "{content_type}");
        let later = Answer { frames: 2, waits: true };
        assert!(of_layer(&ending, later) > of_layer(&layer, later), "the negative control");
    }
}

/// Answers with so many frames, and then waits for good or ends.
#[derive(Debug, Clone, Copy)]
struct Answer {
    frames: u8,
    waits: bool,
}

impl Service<Request<()>> for Answer {
    type Response = Response<Self>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        black_box(&request);
        ready(Ok(Response::new(*self)))
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.frames.checked_sub(1) {
            Some(left) => {
                self.frames = left;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"frame")))))
            }
            None if self.waits => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

/// Calls the service and reads its answer for as long as there is something to read.
fn call_whole(service: &mut Authenticate<Answer>, request: Request<()>) {
    let cx = &mut Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(response)) = pin!(service.call(request)).poll(cx) else {
        panic!("it must answer at once")
    };
    let mut body = pin!(response.into_body());
    while let Poll::Ready(Some(frame)) = body.as_mut().poll_frame(cx) {
        drop(black_box(frame));
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_refusal_without_a_credential_allocates_for_its_answer_alone() {
    let clerk = SessionsApi::start().await;
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    assert_eq!(allocations(&layer, None), REFUSAL);
}

const REFUSAL: u64 = 5;
