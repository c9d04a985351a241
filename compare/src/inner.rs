//! The service that everything is measured around: it asks who is calling, and answers with nothing.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
};

use axum::body::Body;
use http::{Extensions, Request, Response, StatusCode};
use tower::{Service, service_fn};

/// Finds the user's ID in what a layer left behind, and refuses the request where there is none.
pub(crate) fn asking(
    who: fn(&Extensions) -> Option<&str>,
) -> impl Service<
    Request<Body>,
    Response = Response<Body>,
    Error = Infallible,
    Future = Ready<Result<Response<Body>, Infallible>>,
> + Clone
+ Send
+ 'static {
    service_fn(move |request: Request<Body>| ready(Ok(answer(who(request.extensions())))))
}

/// The same without a question, which needs no layer.
pub(crate) fn unasked() -> impl Service<
    Request<Body>,
    Response = Response<Body>,
    Error = Infallible,
    Future = Ready<Result<Response<Body>, Infallible>>,
> + Clone
+ Send
+ 'static {
    asking(|_| Some("nobody in particular"))
}

pub(crate) fn answer(user: Option<&str>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    if black_box(user).is_none() {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    response
}
