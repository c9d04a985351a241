use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tokio::sync::futures::Notified;

pin_project! {
    /// Comes to pass with the first of them. None is missed that happens after this was made.
    pub(super) struct Changes<'a> {
        #[pin]
        pub(super) slot: Option<Notified<'a>>,
        #[pin]
        pub(super) denials: Notified<'a>,
        #[pin]
        pub(super) renewed: Notified<'a>,
        #[pin]
        pub(super) clock: Option<Notified<'a>>,
    }
}

impl Future for Changes<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let changes = self.project();
        let of_one = [changes.slot.as_pin_mut(), changes.clock.as_pin_mut()];
        let of_all = [Some(changes.denials), Some(changes.renewed)];
        let mut all = of_one.into_iter().chain(of_all).flatten();
        // Each is polled, so that each wakes.
        let has_come =
            all.by_ref().fold(false, |has_come, change| change.poll(cx).is_ready() | has_come);
        if has_come { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// What comes of `future`, unless something changes before.
pub(super) async fn unless<T>(
    mut changes: Pin<&mut Changes<'_>>,
    future: impl Future<Output = T>,
) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| match changes.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => future.as_mut().poll(cx).map(Some),
    })
    .await
}
