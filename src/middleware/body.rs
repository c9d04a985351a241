use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::ending::Ending;

pin_project! {
    /// The body of an authenticated service's response: the inner service's, or the refusal's.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProj]
    #[derive(Debug)]
    enum Kind<B> {
        Inner { #[pin] body: B },
        Watched { #[pin] body: Option<B>, ending: Ending },
        Answer { #[pin] body: AnswerBody },
    }
}

impl<B> ResponseBody<B> {
    pub(super) fn inner(body: B) -> Self {
        Self { kind: Kind::Inner { body } }
    }

    /// One that ends with the session, too.
    pub(super) fn watched(body: B, ending: Ending) -> Self {
        Self { kind: Kind::Watched { body: Some(body), ending } }
    }

    pub(super) fn answer(bytes: Bytes) -> Self {
        Self { kind: Kind::Answer { body: AnswerBody::new(bytes) } }
    }
}

/// An empty body, which layers outside ask for that answer by themselves, as CORS layers do.
impl<B> Default for ResponseBody<B> {
    fn default() -> Self {
        Self { kind: Kind::Answer { body: AnswerBody::default() } }
    }
}

impl<B: Body<Data = Bytes>> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProj::Inner { body } => body.poll_frame(cx),
            KindProj::Watched { body, ending } => ending.poll_frame(body, cx),
            KindProj::Answer { body } => {
                Poll::Ready(ready!(body.poll_frame(cx)).map(|Ok(frame)| Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner { body } => body.is_end_stream(),
            Kind::Watched { body, .. } => body.as_ref().is_none_or(Body::is_end_stream),
            Kind::Answer { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner { body } => body.size_hint(),
            Kind::Watched { body, .. } => {
                body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
            }
            Kind::Answer { body } => body.size_hint(),
        }
    }
}

/// The body of an answer that this crate gives by itself: a few bytes, at once.
#[derive(Debug, Clone, Default)]
pub struct AnswerBody(Option<Bytes>);

impl AnswerBody {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
