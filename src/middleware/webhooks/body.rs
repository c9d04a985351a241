//! The body of a webhook, as it was sent, within bounds.

use std::pin::pin;

use bytes::{Buf, BufMut};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

/// Longer than any event of Clerk's, in bytes.
const LONGEST: usize = 256 << 10;

/// Why a body was not read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    TooLong,
    TooSlow,
    /// It ended before its end.
    Broken,
}

/// Reads all of it. Who sends too much is found out once that is there or announced, whatever is yet to come.
pub(super) async fn read<B: Body>(body: B, deadline: Instant) -> Result<Vec<u8>, Unread> {
    timeout_at(deadline, read_whole(body)).await.unwrap_or(Err(Unread::TooSlow))
}

async fn read_whole<B: Body>(body: B) -> Result<Vec<u8>, Unread> {
    let mut body = pin!(body);
    if body.size_hint().lower() > LONGEST as u64 {
        return Err(Unread::TooLong);
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        // Trailers say nothing.
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        if data.remaining() > LONGEST - bytes.len() {
            return Err(Unread::TooLong);
        }
        bytes.put(data);
    }
    Ok(bytes)
}
