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
fn a_miss_gives_the_ready_service_back_and_calls_a_clone_of_its_own() {
    let gate = Gate::closed();
    let (strict, diary) = Strict::new();
    let mut service = layer(&gate).layer(strict);

    assert_is_ready(&mut service);
    let mut response = task::spawn(service.call(request(MISS)));
    assert_pending!(response.poll());
    assert_eq!(service.get_ref().number(), 1, "what was polled ready is gone");

    gate.open(1);
    assert!(response.is_woken());
    assert_ready_ok!(response.poll());
    assert_eq!(diary.calls(), [2], "the request's own");

    assert_is_ready(&mut service);
    assert_ready_ok!(task::spawn(service.call(request(HIT))).poll());
    assert_eq!(diary.calls(), [2, 1]);
}

#[test]
fn a_refusal_gives_the_ready_service_back() {
    let gate = Gate::closed();
    gate.open(1);
    for authorization in [REFUSED_HIT, REFUSED_MISS, "Bearer", ""] {
        let (strict, diary) = Strict::new();
        let mut service = layer(&gate).layer(strict);
        assert_is_ready(&mut service);
        assert_ready_ok!(task::spawn(service.call(request(authorization))).poll());
        assert_eq!(service.get_ref().number(), 1, "{authorization:?}");
        assert!(diary.calls().is_empty());
    }
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
fn who_waits_for_clerk_holds_no_permit() {
    let gate = Gate::closed();
    let mut first = layer(&gate).layer(ConcurrencyLimit::new(Strict::new().0, 1));
    let mut second = first.clone();

    assert_is_ready(&mut first);
    let mut response = task::spawn(first.call(request(MISS)));
    assert_pending!(response.poll());

    assert_is_ready(&mut second);
    let mut known = task::spawn(second.call(request(HIT)));
    assert_ready_ok!(known.poll());
    drop(known);

    // Now the other way round: the permit is taken when the verdict comes.
    assert_is_ready(&mut second);
    gate.open(1);
    assert_pending!(response.poll());
    assert_ready_ok!(task::spawn(second.call(request(HIT))).poll());
    assert!(response.is_woken());
    assert_ready_ok!(response.poll());
}

#[test]
fn a_limit_of_one_is_not_stuck_after_a_refusal() {
    let gate = Gate::closed();
    gate.open(1);
    for authorization in [REFUSED_HIT, REFUSED_MISS, "Bearer", ""] {
        let mut first = layer(&gate).layer(ConcurrencyLimit::new(Strict::new().0, 1));
        let mut second = first.clone();

        assert_is_ready(&mut first);
        assert_is_busy(&mut second);
        let mut response = task::spawn(first.call(request(authorization)));
        assert_eq!(assert_ready_ok!(response.poll()).status(), StatusCode::UNAUTHORIZED);
        // Neither the response nor the first service is gone.
        assert_is_ready(&mut second);
    }
}

#[test]
fn a_granted_request_waits_for_the_inner_service_to_be_ready() {
    let gate = Gate::closed();
    let (mut service, mut handle): (mock::Spawn<_>, mock::Handle<_, _>) =
        mock::spawn_with(|inner: Mock| layer(&gate).layer(inner));

    assert_ready_ok!(service.poll_ready());
    let mut response = task::spawn(service.call(request(MISS)));
    assert_pending!(response.poll());

    handle.allow(0);
    gate.open(1);
    assert_pending!(response.poll());
    assert_pending!(handle.poll_request());

    handle.allow(1);
    assert!(response.is_woken(), "the inner service's waker is the response's");
    assert_pending!(response.poll());
    let (_, reply) = assert_ready!(handle.poll_request()).unwrap();
    reply.send_response(Response::new(Empty::new()));
    assert_ready_ok!(response.poll());
}

#[test]
fn a_session_that_is_revoked_while_the_inner_service_is_busy_does_not_get_in() {
    let gate = Gate::closed();
    let (mut service, mut handle): (mock::Spawn<_>, mock::Handle<_, _>) =
        mock::spawn_with(|inner: Mock| layer(&gate).layer(inner));

    assert_ready_ok!(service.poll_ready());
    let mut response = task::spawn(service.call(request(MISS)));
    assert_pending!(response.poll());
    handle.allow(0);
    gate.open(1);
    assert_pending!(response.poll());

    gate.revoke();
    handle.allow(1);
    let response = assert_ready_ok!(response.poll());
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_pending!(handle.poll_request());
}

#[test]
fn what_makes_the_inner_service_fail_while_clerk_is_asked_is_the_responses_error() {
    let gate = Gate::closed();
    let (mut service, mut handle): (mock::Spawn<_>, mock::Handle<_, _>) =
        mock::spawn_with(|inner: Mock| layer(&gate).layer(inner));

    assert_ready_ok!(service.poll_ready());
    let mut response = task::spawn(service.call(request(MISS)));
    assert_pending!(response.poll());
    handle.send_error(TheInnersOwn);
    gate.open(1);
    let error = assert_ready_err!(response.poll());
    assert!(error.is::<TheInnersOwn>(), "{error:?}");
}

#[test]
fn dropping_the_response_to_come_frees_the_slot_outside() {
    let gate = Gate::closed();
    let mut first =
        ServiceBuilder::new().concurrency_limit(1).layer(layer(&gate)).service(Strict::new().0);
    let mut second = first.clone();
    assert_is_ready(&mut first);
    let mut response = task::spawn(first.call(request(MISS)));
    assert_pending!(response.poll());
    assert_is_busy(&mut second);
    drop(response);
    assert_is_ready(&mut second);
}

#[test]
fn dropping_the_response_to_come_leaves_the_queue_inside() {
    let gate = Gate::closed();
    gate.open(1);
    let mut first = layer(&gate).layer(ConcurrencyLimit::new(Strict::new().0, 1));
    let (mut second, mut third) = (first.clone(), first.clone());
    assert_is_ready(&mut first);
    let mut response = task::spawn(first.call(request(MISS)));
    assert_is_ready(&mut second);
    assert_pending!(response.poll());
    assert_is_busy(&mut third);
    drop((response, second));
    assert_is_ready(&mut third);
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
