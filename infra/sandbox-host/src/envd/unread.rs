//! What nobody wanted of a request is read all the same. A connection with something unread is closed after the answer,
//! and whoever still sends the end of a request then has a broken pipe and not the answer: a form is over for its reader
//! at the last boundary, and for HTTP a chunk later.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

/// How much is read so, and for how long. What is longer or slower has its connection closed.
const BYTES_MAX: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(1);

/// Has the rest of a request be read when its handler is done with it.
pub(super) async fn is_read(request: Request) -> Request {
    request.map(|body| Body::from_stream(Wanted { body: Some(body.into_data_stream()) }))
}

/// A body for as long as somebody wants it.
struct Wanted {
    /// `None`: it has ended.
    body: Option<BodyDataStream>,
}

impl Stream for Wanted {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let next = body.poll_next_unpin(context);
        if matches!(next, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        next
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        let Some(body) = self.body.take() else { return };
        // Without a runtime nobody is served any more.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(PATIENCE, read(body)));
        }
    }
}

async fn read(mut body: BodyDataStream) {
    let mut bytes = 0;
    while let Some(Ok(chunk)) = body.next().await {
        bytes += chunk.len();
        if bytes > BYTES_MAX {
            return;
        }
    }
}
