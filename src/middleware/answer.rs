//! What services answer that answer by themselves.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{HeaderValue, Response, StatusCode, header};

use super::AnswerBody;

/// The answer to come of a service that answers by itself, such as [`RevokeSession`](super::RevokeSession).
pub struct AnswerFuture(State);

enum State {
    Answered(Option<Response<AnswerBody>>),
    Answering(Pin<Box<dyn Future<Output = Response<AnswerBody>> + Send>>),
}

impl AnswerFuture {
    pub(super) fn answered(response: Response<AnswerBody>) -> Self {
        Self(State::Answered(Some(response)))
    }

    pub(super) fn answering(
        answering: impl Future<Output = Response<AnswerBody>> + Send + 'static,
    ) -> Self {
        Self(State::Answering(Box::pin(answering)))
    }
}

impl Future for AnswerFuture {
    type Output = Result<Response<AnswerBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(match &mut self.0 {
            State::Answered(response) => response.take().expect("polled after completion"),
            State::Answering(answering) => ready!(answering.as_mut().poll(cx)),
        }))
    }
}

impl fmt::Debug for AnswerFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnswerFuture").finish_non_exhaustive()
    }
}

/// An empty answer, which nobody is to keep.
pub(super) fn answer(status: StatusCode) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::default());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(super) fn only_post_is_allowed() -> Response<AnswerBody> {
    let mut response = answer(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}
