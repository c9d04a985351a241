//! What the application makes of an event.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::Poll,
};

use tower::BoxError;

use crate::webhook::WebhookEvent;

/// A function of the application's, whose type is erased.
#[derive(Clone)]
pub(super) struct AndThen(Arc<dyn Fn(WebhookEvent) -> Following + Send + Sync>);

type Following = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

impl AndThen {
    pub(super) fn new<F, Fut, E>(function: F) -> Self
    where
        F: Fn(WebhookEvent) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self(Arc::new(move |event| {
            let following = function(event);
            Box::pin(async move { following.await.map_err(Into::into) })
        }))
    }

    /// Runs it to its end. That it has panicked is a failure like another, of this one message: the connection may have
    /// others to deliver.
    pub(super) async fn run(&self, event: WebhookEvent) -> Result<(), BoxError> {
        // Nothing of ours is touched by what may panic, and the future is not polled again thereafter.
        let mut following = unwound(|| (self.0)(event))?;
        poll_fn(|cx| match unwound(|| following.as_mut().poll(cx)) {
            Ok(poll) => poll,
            Err(panicked) => Poll::Ready(Err(panicked)),
        })
        .await
    }
}

fn unwound<T>(function: impl FnOnce() -> T) -> Result<T, BoxError> {
    catch_unwind(AssertUnwindSafe(function)).map_err(|_| "it has panicked".into())
}
