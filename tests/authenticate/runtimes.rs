//! Outside of a Tokio runtime nothing can be asked of Clerk: that is refused, and is no panic.

use std::{
    convert::Infallible,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use tower::{Layer, Service, service_fn};
use tower_clerk::{
    AuthenticateLayer, Credential, Policy, Rejection, RevokeSession,
    testing::{Fault, Operation, SessionsApi},
};

/// The status of the answer and the reason of a refusal, in a thread without a runtime.
fn outside<S, B>(mut service: S, request: Request<()>) -> (StatusCode, Option<&'static str>)
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible> + Send,
{
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            let mut cx = Context::from_waker(Waker::noop());
            assert!(service.poll_ready(&mut cx).is_ready());
            let Poll::Ready(Ok(response)) = pin!(service.call(request)).as_mut().poll(&mut cx)
            else {
                panic!("it must answer at once")
            };
            let rejection = response.extensions().get::<Rejection>();
            (response.status(), rejection.map(Rejection::reason))
        });
        thread.join().unwrap()
    })
}

#[tokio::test]
async fn a_request_outside_of_a_runtime_is_refused_and_is_no_panic() {
    let clerk = SessionsApi::start().await;
    let resolver = clerk.resolver();
    let layer = AuthenticateLayer::new(resolver.clone()).unwrap();
    let hello = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    }));
    let sign_out = layer.layer(RevokeSession::new(resolver.clone()));
    let bearer = format!("Bearer {}", clerk.token(&clerk.sign_in("user_ada")));
    let request = || {
        let request = Request::post("/").header("authorization", &bearer);
        request.body(()).unwrap()
    };

    let refused = (StatusCode::INTERNAL_SERVER_ERROR, Some("tokio-runtime-missing"));
    assert_eq!(outside(hello.clone(), request()), refused, "a miss");
    tower::ServiceExt::oneshot(hello.clone(), request()).await.unwrap();
    assert_eq!(outside(hello, request()), (StatusCode::OK, None), "a hit needs none");
    assert_eq!(outside(sign_out, request()), refused, "a sign-out");
    assert_eq!(clerk.requests().count(Operation::Revoke), 0);
}

#[tokio::test]
async fn whatever_asks_clerk_outside_of_a_runtime_fails_and_is_no_panic() {
    let clerk = SessionsApi::start().await;
    let resolver = clerk.resolver();
    let session = clerk.sign_in("user_ada");
    let token = clerk.token(&session);
    let outside = || {
        std::thread::scope(|scope| {
            let polled = scope.spawn(|| {
                let credential = Credential::session_token(token.as_bytes());
                let policy = Policy::new();
                let mut cx = Context::from_waker(Waker::noop());
                let resolved = pin!(resolver.resolve(credential, &policy)).poll(&mut cx);
                let got = pin!(resolver.get(&session)).poll(&mut cx);
                let revoked = pin!(resolver.revoke(&session)).poll(&mut cx);
                (
                    resolved.map(|it| it.is_ok()),
                    got.map(|it| it.is_ok()),
                    revoked.map(|it| it.is_ok()),
                )
            });
            polled.join().unwrap()
        })
    };
    let (ok, failed) = (Poll::Ready(true), Poll::Ready(false));
    assert_eq!(outside(), (failed, failed, failed), "nothing is known");
    // Others are asking within a runtime.
    clerk.fail(Operation::Get, Fault::hang());
    clerk.fail(Operation::Revoke, Fault::hang());
    let asking = tokio::spawn({
        let (resolver, session) = (resolver.clone(), session.clone());
        async move { resolver.get(&session).await }
    });
    while clerk.requests().count(Operation::Get) == 0 {
        tokio::task::yield_now().await;
    }
    drop(resolver.revoke(&session));
    assert_eq!(outside(), (failed, failed, failed), "they are under way");
    asking.abort();

    clerk.clear_faults();
    let (resolver, over) = (clerk.resolver(), clerk.sign_in("user_bob"));
    resolver.revoke(&over).await.unwrap();
    std::thread::scope(|scope| {
        let polled = scope.spawn(|| {
            let mut cx = Context::from_waker(Waker::noop());
            pin!(resolver.revoke(&over)).poll(&mut cx).map(|it| it.is_ok())
        });
        assert_eq!(polled.join().unwrap(), ok, "it is known");
    });
}
