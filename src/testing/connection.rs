//! Connections that can be reset, and bodies that can break off.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Whether a connection is to end in a reset. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Fate(Arc<AtomicBool>);

impl Fate {
    pub(super) fn reset(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_reset(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A TCP connection that sends RST in place of FIN when that is its fate.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TokioIo<TcpStream>,
    fate: Fate,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, fate: Fate) -> Self {
        Self { stream: TokioIo::new(stream), fate }
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut TokioIo<TcpStream>> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.fate.is_reset() {
            // A socket that lingers for no time is closed with RST. If that fails it is closed all the same.
            let _ = self.stream.inner().set_zero_linger();
        }
    }
}

impl Read for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, buf)
    }
}

impl Write for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A shutdown sends FIN, after which the peer would never see the reset.
        if self.fate.is_reset() { Poll::Ready(Ok(())) } else { self.stream().poll_shutdown(cx) }
    }
}

/// The body of an answer: whole, or cut off after half of what its length promised.
#[derive(Debug)]
pub(super) struct AnswerBody {
    data: Bytes,
    next: Next,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Whole,
    Half,
    /// Hyper flushes while a body is not ready: without a pause it would drop the half with the connection.
    Pause,
    Break,
    End,
}

impl AnswerBody {
    pub(super) fn whole(data: Bytes) -> Self {
        let next = if data.is_empty() { Next::End } else { Next::Whole };
        Self { data, next }
    }

    pub(super) fn half(data: Bytes) -> Self {
        Self { data, next: Next::Half }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.next {
            Next::Whole => {
                self.next = Next::End;
                Poll::Ready(Some(Ok(Frame::data(self.data.clone()))))
            }
            Next::Half => {
                self.next = Next::Pause;
                Poll::Ready(Some(Ok(Frame::data(self.data.slice(..self.data.len() / 2)))))
            }
            Next::Pause => {
                self.next = Next::Break;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Next::Break => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
            Next::End => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.next == Next::End
    }

    /// What the answer promises when it begins.
    fn size_hint(&self) -> SizeHint {
        match self.next {
            Next::Whole | Next::Half => SizeHint::with_exact(self.data.len() as u64),
            Next::End => SizeHint::with_exact(0),
            Next::Pause | Next::Break => SizeHint::default(),
        }
    }
}
