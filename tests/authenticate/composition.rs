//! Tower's own middleware, inside and outside of the layer, over a service that panics when it is called
//! without having been polled ready.

use std::{fmt::Debug, time::Duration};

use http::{Request, Response, StatusCode};
use tower::{
    BoxError, Service, ServiceBuilder, ServiceExt, buffer::BufferLayer,
    limit::ConcurrencyLimitLayer, load_shed::LoadShedLayer, timeout::TimeoutLayer,
};
use tower_clerk::{
    AuthenticateLayer,
    testing::{Fault, Operation, SessionsApi},
};

use crate::doubles::{Gate, HIT, MISS, REFUSED_HIT, REFUSED_MISS, Strict, request};

const LONG: Duration = Duration::from_secs(60);

fn layer() -> AuthenticateLayer {
    let gate = Gate::closed();
    gate.open(1000);
    AuthenticateLayer::new(gate).unwrap()
}

/// Calls it in each way, twice, by itself and through clones as servers do.
async fn assert_serves<S, B>(name: &str, mut service: S)
where
    S: Service<Request<()>, Response = Response<B>> + Clone,
    S::Error: Into<BoxError>,
{
    for authorization in [HIT, MISS, REFUSED_HIT, REFUSED_MISS, HIT, MISS] {
        let expected = match authorization {
            HIT | MISS => StatusCode::OK,
            _ => StatusCode::UNAUTHORIZED,
        };
        let ready = service.ready().await.map_err(Into::into).unwrap();
        let response = ready.call(request(authorization)).await.map_err(Into::into).unwrap();
        assert_eq!(response.status(), expected, "{name}, {authorization}");

        let cloned = service.clone().oneshot(request(authorization)).await;
        assert_eq!(
            cloned.map_err(Into::into).unwrap().status(),
            expected,
            "{name}, {authorization}"
        );
    }
}

macro_rules! composes {
    ($($name:ident: $middleware:expr;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let (strict, diary) = Strict::new();
            let inside = ServiceBuilder::new().layer(layer()).layer($middleware).service(strict);
            assert_serves("inside", inside).await;
            assert_eq!(diary.calls().len(), 8, "the inner service is called, and only for the admitted");

            let (strict, diary) = Strict::new();
            let outside = ServiceBuilder::new().layer($middleware).layer(layer()).service(strict);
            assert_serves("outside", outside).await;
            assert_eq!(diary.calls().len(), 8, "the inner service is called, and only for the admitted");
        }
    )*};
}

composes! {
    a_concurrency_limit_composes: ConcurrencyLimitLayer::new(1);
    a_buffer_composes: BufferLayer::new(2);
    load_shedding_composes: LoadShedLayer::new();
    a_timeout_composes: TimeoutLayer::new(LONG);
}

#[tokio::test]
async fn all_of_them_compose_at_once() {
    let (strict, diary) = Strict::new();
    let service = ServiceBuilder::new()
        .buffer(2)
        .load_shed()
        .concurrency_limit(2)
        .timeout(LONG)
        .layer(layer())
        .timeout(LONG)
        .load_shed()
        .concurrency_limit(2)
        .buffer(2)
        .service(strict);
    assert_serves("all", service).await;
    assert_eq!(diary.calls().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_ends_the_wait_for_clerk_and_frees_the_slot() {
    let gate = Gate::closed();
    let service = ServiceBuilder::new()
        .concurrency_limit(1)
        .timeout(Duration::from_millis(10))
        .layer(AuthenticateLayer::new(gate.clone()).unwrap())
        .service(Strict::new().0);
    let error = service.clone().oneshot(request(MISS)).await.unwrap_err();
    assert!(error.is::<tower::timeout::error::Elapsed>(), "{error}");

    gate.open(1);
    assert_eq!(service.oneshot(request(MISS)).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_inside_does_not_count_the_wait_for_clerk() {
    let gate = Gate::closed();
    let service = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(gate.clone()).unwrap())
        .timeout(Duration::from_millis(10))
        .service(Strict::new().0);
    let waiting = tokio::spawn(service.oneshot(request(MISS)));
    tokio::time::advance(LONG).await;
    gate.open(1);
    assert_eq!(waiting.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn load_is_shed_while_clerk_is_asked() {
    let gate = Gate::closed();
    let service = ServiceBuilder::new()
        .load_shed()
        .concurrency_limit(1)
        .layer(AuthenticateLayer::new(gate.clone()).unwrap())
        .service(Strict::new().0);
    let mut waiting = tokio_test::task::spawn(service.clone().oneshot(request(MISS)));
    tokio_test::assert_pending!(waiting.poll());
    let error = service.clone().oneshot(request(HIT)).await.unwrap_err();
    assert!(error.is::<tower::load_shed::error::Overloaded>(), "{error}");

    gate.open(1);
    assert_eq!(waiting.await.unwrap().status(), StatusCode::OK);
    assert_eq!(service.oneshot(request(HIT)).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn callers_who_leave_neither_cancel_nor_harm_those_who_stay() {
    let clerk = SessionsApi::start().await;
    let token = format!("Bearer {}", clerk.token(&clerk.sign_in("user_ada")));
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    let service = ServiceBuilder::new().layer(layer).service(Strict::new().0);
    clerk.fail(Operation::Get, Fault::delay(Duration::from_millis(200)).times(1));

    let mut callers: Vec<_> = (0..20)
        .map(|_| tokio_test::task::spawn(service.clone().oneshot(request(&token))))
        .collect();
    for caller in &mut callers {
        tokio_test::assert_pending!(caller.poll());
    }
    let staying = callers.split_off(19);
    drop(callers);
    for caller in staying {
        assert_eq!(caller.await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(clerk.requests().count(Operation::Get), 1);
}

#[tokio::test]
async fn what_was_asked_for_somebody_who_left_serves_the_next() {
    let clerk = SessionsApi::start().await;
    let token = format!("Bearer {}", clerk.token(&clerk.sign_in("user_ada")));
    let other = format!("Bearer {}", clerk.token(&clerk.sign_in("user_bob")));
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    let service = ServiceBuilder::new().layer(layer).service(Strict::new().0);
    // So that the keys are there, and the first poll asks for the session itself.
    service.clone().oneshot(request(&other)).await.unwrap();
    clerk.fail(Operation::Get, Fault::delay(Duration::from_millis(100)).times(1));

    let mut leaving = tokio_test::task::spawn(service.clone().oneshot(request(&token)));
    tokio_test::assert_pending!(leaving.poll());
    drop(leaving);
    assert_eq!(service.oneshot(request(&token)).await.unwrap().status(), StatusCode::OK);
    assert_eq!(clerk.requests().count(Operation::Get), 2);
}

/// What is behind a layer of this resolver and under a limit of its own, and somebody whom it knows.
async fn with_somebody_known(
    clerk: &SessionsApi,
) -> (impl Service<Request<()>, Response: Debug, Error = BoxError, Future: Send> + Clone, String) {
    let known = format!("Bearer {}", clerk.token(&clerk.sign_in("user_ada")));
    let layer = AuthenticateLayer::new(clerk.resolver()).unwrap();
    let service = ServiceBuilder::new().layer(layer).concurrency_limit(20).service(Strict::new().0);
    service.clone().oneshot(request(&known)).await.unwrap();
    (service, known)
}

fn assert_is_served_at_once<S>(service: &S, authorization: &str)
where
    S: Service<Request<()>, Response: Debug, Error: Debug> + Clone,
{
    let mut known = tokio_test::task::spawn(service.clone().oneshot(request(authorization)));
    tokio_test::assert_ready_ok!(known.poll());
}

#[tokio::test]
async fn twenty_unknown_sessions_keep_nobody_who_is_known_waiting() {
    let clerk = SessionsApi::start().await;
    let (service, known) = with_somebody_known(&clerk).await;
    clerk.fail(Operation::Get, Fault::delay(LONG));
    let tokens: Vec<_> = (0..20)
        .map(|n| format!("Bearer {}", clerk.token(&clerk.sign_in(&format!("user_{n}")))))
        .collect();
    let mut waiting: Vec<_> = tokens
        .iter()
        .map(|token| tokio_test::task::spawn(service.clone().oneshot(request(token))))
        .collect();
    for caller in &mut waiting {
        tokio_test::assert_pending!(caller.poll());
        assert_is_served_at_once(&service, &known);
    }
    assert_is_served_at_once(&service, &known);
}

#[tokio::test]
async fn twenty_unsigned_tokens_of_an_unknown_key_keep_nobody_who_is_known_waiting() {
    let clerk = SessionsApi::start().await;
    let (service, known) = with_somebody_known(&clerk).await;
    clerk.fail(Operation::Jwks, Fault::delay(LONG));
    let session = clerk.sign_in("user_mallory");
    let token = format!("Bearer {}", clerk.mint(&session).signed_by_unknown_key().sign());
    let mut waiting: Vec<_> = (0..20)
        .map(|_| tokio_test::task::spawn(service.clone().oneshot(request(&token))))
        .collect();
    for caller in &mut waiting {
        tokio_test::assert_pending!(caller.poll());
    }
    assert_is_served_at_once(&service, &known);
}

#[tokio::test]
async fn load_is_not_shed_inside_for_those_who_wait_for_clerk() {
    let gate = Gate::closed();
    let service = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(gate.clone()).unwrap())
        .load_shed()
        .concurrency_limit(1)
        .service(Strict::new().0);
    let mut waiting = tokio_test::task::spawn(service.clone().oneshot(request(MISS)));
    tokio_test::assert_pending!(waiting.poll());
    assert_is_served_at_once(&service, HIT);
    gate.open(1);
    assert_eq!(waiting.await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn who_waits_for_clerk_takes_no_place_of_a_buffer_inside() {
    let gate = Gate::closed();
    let service = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(gate.clone()).unwrap())
        .buffer(1)
        .service(Strict::new().0);
    let mut waiting = tokio_test::task::spawn(service.clone().oneshot(request(MISS)));
    tokio_test::assert_pending!(waiting.poll());
    assert_eq!(service.clone().oneshot(request(HIT)).await.unwrap().status(), StatusCode::OK);
    tokio_test::assert_pending!(waiting.poll());
    gate.open(1);
    assert_eq!(waiting.await.unwrap().status(), StatusCode::OK);
}
