//! Bodies of any kind, and what the public types are to the compiler.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_clerk::{
    AnswerBody, AnswerFuture, Authenticate, AuthenticateLayer, Claims, Clock, ConfigError,
    Credential, Freshness, OwnedCredential, Policy, Protocol, ReceiveWebhooks, Rejection, Resolved,
    ResponseBody, ResponseFuture, RevokeSession, SecretKey, Session, SessionResolver,
    SessionsClient, TokenVerifier, client,
};

use crate::doubles::{Gate, HIT, MISS, REFUSED_HIT, REFUSED_MISS, Strict, request, request_with};

fn layer() -> AuthenticateLayer {
    let gate = Gate::closed();
    gate.open(1000);
    AuthenticateLayer::new(gate).unwrap()
}

/// A body that has no default and cannot be made from bytes.
#[derive(Debug)]
struct CountDown(u8);

#[derive(Debug, PartialEq, Eq)]
struct Aborted;

impl Body for CountDown {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        self.0 -= 1;
        Poll::Ready(Some(match self.0 {
            0 => Err(Aborted),
            1 => Ok(Frame::trailers(HeaderMap::from_iter([(
                header::AGE,
                HeaderValue::from_static("7"),
            )]))),
            left => Ok(Frame::data(left.to_string().into())),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.0 == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.into())
    }
}

#[tokio::test]
async fn the_inner_services_body_passes_frame_by_frame() {
    let service = layer()
        .layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(CountDown(4)))));
    for authorization in [HIT, MISS] {
        let mut body = service.clone().oneshot(request(authorization)).await.unwrap().into_body();
        assert_eq!(body.size_hint().exact(), Some(4));
        assert!(!body.is_end_stream());
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "3");
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "2");
        let trailers = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!(trailers[header::AGE], "7");
        assert_eq!(body.frame().await.unwrap().unwrap_err(), Aborted);
        assert!(body.is_end_stream());
    }
}

#[tokio::test]
async fn a_refusals_body_knows_its_length_and_its_end() {
    let service = layer()
        .layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(CountDown(4)))));
    for authorization in [REFUSED_HIT, REFUSED_MISS] {
        let mut body = service.clone().oneshot(request(authorization)).await.unwrap().into_body();
        let length = body.size_hint().exact().unwrap();
        assert!(!body.is_end_stream());
        let data = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(u64::try_from(data.len()).unwrap(), length);
        assert!(body.is_end_stream() && body.frame().await.is_none());

        let mut request = request(authorization);
        *request.method_mut() = http::Method::POST;
        request.headers_mut().insert(header::CONTENT_TYPE, "application/grpc".parse().unwrap());
        request.headers_mut().insert(header::TE, "trailers".parse().unwrap());
        let body = service.clone().oneshot(request).await.unwrap().into_body();
        assert!(body.is_end_stream(), "trailers-only");
    }
}

/// Anything at all: neither a `Body`, nor `Send`, nor `Clone`, nor `'static`.
struct Anything<'a>(PhantomData<*const &'a ()>);

#[derive(Clone)]
struct TakesAnything;

impl<'a> Service<Request<Anything<'a>>> for TakesAnything {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Anything<'a>>) -> Self::Future {
        ready(Ok(Response::new(Empty::new())))
    }
}

#[tokio::test]
async fn nothing_is_asked_of_request_bodies() {
    let service = layer().layer(TakesAnything);
    for (authorization, status) in
        [(HIT, StatusCode::OK), (MISS, StatusCode::OK), (REFUSED_HIT, StatusCode::UNAUTHORIZED)]
    {
        let request = request_with(authorization, Anything(PhantomData));
        assert_eq!(service.clone().oneshot(request).await.unwrap().status(), status);
    }
}

#[test]
fn the_inner_service_can_be_had_back() {
    let (strict, _) = Strict::new();
    let mut service = layer().layer(strict);
    *service.get_mut() = service.get_ref().clone();
    assert_eq!(service.get_ref().number(), 1);
    assert_eq!(service.into_inner().number(), 1);
}

/// What the compiler says of the types; a type that loses a trait does not compile here.
const _: () = {
    const fn is_shared<T: Send + Sync + Unpin + 'static>() {}
    const fn is_sent<T: Send + Unpin + 'static>() {}
    const fn is_cloned<T: Clone + std::fmt::Debug>() {}

    is_shared::<AuthenticateLayer>();
    is_shared::<Authenticate<TakesAnything>>();
    is_shared::<ResponseBody<CountDown>>();
    is_shared::<AnswerBody>();
    is_sent::<ResponseFuture<Strict, ()>>();
    is_shared::<RevokeSession>();
    is_shared::<ReceiveWebhooks>();
    is_sent::<AnswerFuture>();

    is_shared::<SessionResolver>();
    is_shared::<SessionsClient>();
    is_shared::<TokenVerifier>();
    is_shared::<SecretKey>();
    is_shared::<Policy>();
    is_shared::<Clock>();

    is_shared::<Session>();
    is_shared::<Claims>();
    is_shared::<Resolved>();
    is_shared::<Freshness>();
    is_shared::<Credential<'static>>();
    is_shared::<OwnedCredential>();

    is_shared::<Rejection>();
    is_shared::<Protocol>();
    is_shared::<ConfigError>();
    is_shared::<client::Error>();

    is_cloned::<AuthenticateLayer>();
    is_cloned::<Authenticate<Strict>>();
    is_cloned::<RevokeSession>();
    is_cloned::<Rejection>();
};
