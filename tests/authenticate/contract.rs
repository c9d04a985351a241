//! Tower's contract, poll by poll.

use http::{Response, StatusCode};
use http_body_util::Empty;
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{Layer, Service, ServiceBuilder, limit::ConcurrencyLimit};
use tower_clerk::AuthenticateLayer;
use tower_test::mock;

use crate::doubles::{Gate, HIT, MISS, REFUSED_HIT, REFUSED_MISS, Strict, request};

type Mock = mock::Mock<http::Request<()>, Response<Empty<bytes::Bytes>>>;

fn layer(gate: &Gate) -> AuthenticateLayer {
    AuthenticateLayer::new(gate.clone()).unwrap()
}

/// Polls it ready, as a caller must before each call.
fn assert_is_ready<S: Service<http::Request<()>>>(service: &mut S) {
    let mut ready = task::spawn(std::future::poll_fn(|cx| service.poll_ready(cx)));
    assert!(assert_ready!(ready.poll()).is_ok());
}

fn assert_is_busy<S: Service<http::Request<()>>>(service: &mut S) {
    let mut ready = task::spawn(std::future::poll_fn(|cx| service.poll_ready(cx)));
    assert_pending!(ready.poll().map(|ready| ready.is_ok()));
}

#[test]
fn it_is_ready_when_the_inner_service_is() {
    let (mut service, mut handle): (mock::Spawn<_>, mock::Handle<_, _>) =
        mock::spawn_with(|inner: Mock| layer(&Gate::closed()).layer(inner));

    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert!(service.is_woken(), "the inner service's waker is the caller's");
    assert_ready_ok!(service.poll_ready());
}

#[test]
fn it_fails_to_be_ready_as_the_inner_service_does() {
    let (mut service, mut handle): (mock::Spawn<_>, mock::Handle<_, _>) =
        mock::spawn_with(|inner: Mock| layer(&Gate::closed()).layer(inner));

    handle.send_error("out of order");
    assert_eq!(assert_ready_err!(service.poll_ready()).to_string(), "out of order");
}

#[test]
fn a_hit_calls_the_very_service_that_was_polled_ready() {
    let (strict, diary) = Strict::new();
    let mut service = layer(&Gate::closed()).layer(strict);
    for _ in 0..3 {
        assert_is_ready(&mut service);
        let mut response = task::spawn(service.call(request(HIT)));
        assert_ready_ok!(response.poll());
    }
    assert_eq!(diary.calls(), [0, 0, 0]);
    assert_eq!(service.get_ref().number(), 0);
}

#[test]
fn a_miss_takes_the_ready_service_along_and_leaves_a_clone() {
    let gate = Gate::closed();
    let (strict, diary) = Strict::new();
    let mut service = layer(&gate).layer(strict);

    assert_is_ready(&mut service);
    let mut response = task::spawn(service.call(request(MISS)));
    assert_pending!(response.poll());
    assert_eq!(service.get_ref().number(), 1);

    gate.open(1);
    assert!(response.is_woken());
    assert_ready_ok!(response.poll());
    assert_eq!(diary.calls(), [0]);

    assert_is_ready(&mut service);
    gate.open(1);
    assert_ready_ok!(task::spawn(service.call(request(MISS))).poll());
    assert_eq!(diary.calls(), [0, 1]);
}

#[test]
fn a_service_is_called_once_its_caller_is_known_and_not_before() {
    let gate = Gate::closed();
    let (mut service, mut handle): (mock::Spawn<_>, mock::Handle<_, _>) =
        mock::spawn_with(|inner: Mock| layer(&gate).layer(inner));

    assert_ready_ok!(service.poll_ready());
    let mut response = task::spawn(service.call(request(MISS)));
    assert_pending!(response.poll());
    assert_pending!(handle.poll_request());

    gate.open(1);
    assert_pending!(response.poll());
    let (seen, reply) = assert_ready!(handle.poll_request()).unwrap();
    assert!(seen.extensions().get::<tower_clerk::Session>().is_some());
    reply.send_response(Response::new(Empty::new()));
    assert_ready_ok!(response.poll());
}

#[test]
fn a_refused_request_never_reaches_the_service() {
    let gate = Gate::closed();
    let (mut service, mut handle): (mock::Spawn<_>, mock::Handle<_, _>) =
        mock::spawn_with(|inner: Mock| layer(&gate).layer(inner));
    gate.open(1);

    for authorization in [REFUSED_HIT, REFUSED_MISS, "Bearer", ""] {
        assert_ready_ok!(service.poll_ready());
        let mut response = task::spawn(service.call(request(authorization)));
        let response = assert_ready_ok!(response.poll());
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{authorization:?}");
        assert_pending!(handle.poll_request());
    }
}

#[test]
fn readiness_is_held_while_clerk_is_asked() {
    let gate = Gate::closed();
    let mut first = layer(&gate).layer(ConcurrencyLimit::new(Strict::new().0, 1));
    let mut second = first.clone();

    assert_is_ready(&mut first);
    let mut response = task::spawn(first.call(request(MISS)));
    assert_pending!(response.poll());
    assert_is_busy(&mut first);
    assert_is_busy(&mut second);

    gate.open(1);
    assert_ready_ok!(response.poll());
    drop(response);
    // In the order in which they came.
    assert_is_ready(&mut first);
    assert_is_busy(&mut second);
    drop(first);
    assert_is_ready(&mut second);
}

#[test]
fn a_refusal_gives_the_slot_back() {
    let gate = Gate::closed();
    gate.open(1);
    let mut first = layer(&gate).layer(ConcurrencyLimit::new(Strict::new().0, 1));
    let mut second = first.clone();

    assert_is_ready(&mut first);
    let mut response = task::spawn(first.call(request(REFUSED_MISS)));
    assert_eq!(assert_ready_ok!(response.poll()).status(), StatusCode::UNAUTHORIZED);
    assert_is_ready(&mut second);
}

#[test]
fn dropping_the_response_to_come_frees_the_slot() {
    let gate = Gate::closed();
    let inside = layer(&gate).layer(ConcurrencyLimit::new(Strict::new().0, 1));
    let outside =
        ServiceBuilder::new().concurrency_limit(1).layer(layer(&gate)).service(Strict::new().0);
    assert_drop_frees_the_slot(inside);
    assert_drop_frees_the_slot(outside);
}

fn assert_drop_frees_the_slot<S>(mut first: S)
where
    S: Service<http::Request<()>> + Clone,
{
    let mut second = first.clone();
    assert_is_ready(&mut first);
    let mut response = task::spawn(first.call(request(MISS)));
    assert_pending!(response.poll().map(|response| response.is_ok()));
    assert_is_busy(&mut second);
    drop(response);
    assert_is_ready(&mut second);
}

#[test]
fn errors_of_the_inner_service_pass_untouched() {
    let gate = Gate::closed();
    gate.open(1);
    for authorization in [HIT, MISS] {
        let (mut service, mut handle): (mock::Spawn<_>, mock::Handle<_, _>) =
            mock::spawn_with(|inner: Mock| layer(&gate).layer(inner));
        assert_ready_ok!(service.poll_ready());
        let mut response = task::spawn(service.call(request(authorization)));
        assert_pending!(response.poll());
        let (_, reply) = assert_ready!(handle.poll_request()).unwrap();
        reply.send_error(TheInnersOwn);
        let error = assert_ready_err!(response.poll());
        assert!(error.is::<TheInnersOwn>(), "{error:?}");
    }
}

#[derive(Debug)]
struct TheInnersOwn;

impl std::fmt::Display for TheInnersOwn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the inner service's own error")
    }
}

impl std::error::Error for TheInnersOwn {}
