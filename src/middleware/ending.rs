//! Bodies that end with the session in whose name they were asked for.

use std::{
    fmt,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderValue, header, request::Parts};
use http_body::{Body, Frame};

use super::{AuthenticateLayer, Protocol};
use crate::{Claims, Rejection, Resolved, Session, SessionWatch};

enum Watch {
    /// Not yet: most answers are there before it is worth it.
    Unmade {
        session: Option<Session>,
        claims: Option<Claims>,
    },
    Made(SessionWatch),
}

/// What ends a body before it ends by itself.
pub(super) struct Ending {
    layer: AuthenticateLayer,
    protocol: Protocol,
    state: State,
}

enum State {
    /// It has had so many frames, and was not waited for yet.
    Unwatched(Watch, u8),
    Watched(Mutex<Pin<Box<dyn Future<Output = Rejection> + Send>>>),
    Over,
}

/// A body that never has to be waited for is watched after so many frames.
const UNWATCHED_FRAMES: u8 = 16;

impl Watch {
    /// Of whom a request was granted to, if to anybody.
    fn of(extensions: &Extensions) -> Option<Self> {
        if let Some(watch) = extensions.get::<SessionWatch>() {
            return Some(Self::Made(watch.clone()));
        }
        let session = extensions.get::<Session>().cloned();
        let claims = extensions.get::<Claims>().cloned();
        (session.is_some() || claims.is_some()).then_some(Self::Unmade { session, claims })
    }
}

impl Ending {
    /// That of the answer to a request that was granted, where the layer is to end streams.
    pub(super) fn of(request: &Parts, layer: &AuthenticateLayer) -> Option<Self> {
        if !layer.settings.end_streams {
            return None;
        }
        let state = State::Unwatched(Watch::of(&request.extensions)?, 0);
        let protocol = layer.settings.refusals.protocol(request);
        Some(Self { layer: layer.clone(), protocol, state })
    }

    /// The body's next frame, unless the session is over. There is no body any more after its end.
    pub(super) fn poll_frame<B: Body<Data = Bytes>>(
        &mut self,
        mut body: Pin<&mut Option<B>>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        // Before the body: where it is over, nobody is asked for more.
        if let Some(rejection) = self.poll_end(cx) {
            return Poll::Ready(self.end(body, rejection));
        }
        let Some(inner) = body.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        match inner.poll_frame(cx) {
            Poll::Ready(frame) => {
                match &frame {
                    Some(Ok(frame)) if !frame.is_trailers() => self.count_frame(),
                    // It has said how it ends: there is nothing left to be cut short.
                    _ => self.state = State::Over,
                }
                Poll::Ready(frame)
            }
            Poll::Pending => {
                if !self.begin_to_watch() {
                    return Poll::Pending;
                }
                match self.poll_end(cx) {
                    Some(rejection) => Poll::Ready(self.end(body, rejection)),
                    None => Poll::Pending,
                }
            }
        }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Option<Rejection> {
        let State::Watched(ended) = &mut self.state else { return None };
        match ended.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx) {
            Poll::Ready(rejection) => Some(rejection),
            Poll::Pending => None,
        }
    }

    fn count_frame(&mut self) {
        if let State::Unwatched(_, frames) = &mut self.state {
            *frames += 1;
            if *frames == UNWATCHED_FRAMES {
                self.begin_to_watch();
            }
        }
    }

    /// Whether that was still to be done.
    fn begin_to_watch(&mut self) -> bool {
        let State::Unwatched(watch, _) = &mut self.state else { return false };
        let watch = match watch {
            Watch::Made(watch) => Ok(watch.clone()),
            Watch::Unmade { session, claims } => {
                let resolved =
                    Resolved::default().with_session(session.take()).with_claims(claims.take());
                self.layer.settings.watch(&resolved)
            }
        };
        self.state = State::Watched(Mutex::new(Box::pin(async move {
            match watch {
                Ok(watch) => watch.ended().await,
                Err(rejection) => rejection,
            }
        })));
        true
    }

    /// Lets go of the body, and says in the protocol's terms that it is over.
    fn end<B: Body<Data = Bytes>>(
        &mut self,
        mut body: Pin<&mut Option<B>>,
        rejection: Rejection,
    ) -> Option<Result<Frame<Bytes>, B::Error>> {
        self.state = State::Over;
        body.set(None);
        match self.protocol {
            Protocol::Http => None,
            Protocol::Grpc => Some(Ok(Frame::trailers(self.trailers(rejection)))),
        }
    }

    /// What a refusal says in its headers.
    fn trailers(&self, rejection: Rejection) -> HeaderMap {
        let code = rejection.grpc_code();
        let answer = self.layer.settings.refusals.write(rejection, Protocol::Grpc);
        let mut trailers = answer.into_parts().0.headers;
        for of_responses in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CACHE_CONTROL] {
            trailers.remove(of_responses);
        }
        trailers.entry("grpc-status").or_insert_with(|| HeaderValue::from(code));
        trailers
    }
}

impl fmt::Debug for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Unwatched(..) => "unwatched",
            State::Watched(_) => "watched",
            State::Over => "over",
        };
        f.debug_struct("Ending").field("protocol", &self.protocol).field("state", &state).finish()
    }
}
