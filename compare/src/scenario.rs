//! A kind of request, and the layers that it is put to.

use std::{
    convert::Infallible,
    pin::pin,
    task::{Context, Poll, Waker},
};

use axum::body::Body;
use http::{Request, Response, StatusCode};
use tower::{Service, ServiceExt};

use crate::scene::{Header, Scene};

pub(crate) struct Scenario<'a> {
    pub(crate) title: &'static str,
    /// The first is the bare service.
    pub(crate) contestants: Vec<Contestant<'a>>,
    pub(crate) traffic: Traffic<'a>,
    scene: &'a Scene,
}

/// The requests of a round.
pub(crate) enum Traffic<'a> {
    /// The same in every round, over and over.
    Again(Vec<Option<Header>>),
    /// Others in every round, each of them once.
    Anew(Box<dyn FnMut() -> Vec<Option<Header>> + 'a>),
}

impl Traffic<'_> {
    pub(crate) fn of_a_round(&mut self) -> Vec<Option<Header>> {
        match self {
            Self::Again(headers) => headers.clone(),
            Self::Anew(headers) => headers(),
        }
    }
}

pub(crate) struct Contestant<'a> {
    pub(crate) layer: &'static str,
    pub(crate) call: Box<dyn FnMut(Request<Body>) -> StatusCode + 'a>,
    /// What a call took in each round, in nanoseconds.
    pub(crate) nanos: Vec<f64>,
    pub(crate) allocations: u64,
}

impl<'a> Scenario<'a> {
    pub(crate) fn again(
        scene: &'a Scene,
        title: &'static str,
        headers: Vec<Option<Header>>,
    ) -> Self {
        Self { title, contestants: Vec::new(), traffic: Traffic::Again(headers), scene }
    }

    pub(crate) fn anew(
        scene: &'a Scene,
        title: &'static str,
        headers: impl FnMut() -> Vec<Option<Header>> + 'a,
    ) -> Self {
        let traffic = Traffic::Anew(Box::new(headers));
        Self { title, contestants: Vec::new(), traffic, scene }
    }

    pub(crate) fn admits<S, B>(self, layer: &'static str, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + 'a,
    {
        self.answers(StatusCode::OK, layer, service)
    }

    pub(crate) fn refuses<S, B>(self, layer: &'static str, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + 'a,
    {
        self.answers(StatusCode::UNAUTHORIZED, layer, service)
    }

    /// Warms the service up, and sees to it that it does its work.
    fn answers<S, B>(mut self, status: StatusCode, layer: &'static str, mut service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + 'a,
    {
        for header in self.traffic.of_a_round() {
            let answered = service.clone().oneshot(request(header.as_ref()));
            let Ok(response) = self.scene.runtime.block_on(answered);
            assert_eq!(response.status(), status, "{layer}, {}", self.title);
        }
        let call = Box::new(move |request| {
            let Ok(()) = at_once(std::future::poll_fn(|context| service.poll_ready(context)));
            let Ok(response) = at_once(service.call(request));
            response.status()
        });
        self.contestants.push(Contestant { layer, call, nanos: Vec::new(), allocations: 0 });
        self
    }
}

pub(crate) fn request(header: Option<&Header>) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    if let Some((name, value)) = header {
        request.headers_mut().insert(name, value.clone());
    }
    request
}

fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a layer that is warm does not wait"),
    }
}
