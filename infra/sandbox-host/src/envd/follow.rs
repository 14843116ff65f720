//! A stream of events to one client: an opening, what is heard, an end.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::audience::Heard;
use crate::connect::{Code, ConnectError, deadline, end_frame, positive, stream_response};

const KEEPALIVE_DEFAULT_S: u64 = 90;

/// How long a client listens, and after how much silence it wants a sign of life.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// When its stream ends at the latest.
    pub(super) deadline: Option<Instant>,
    keepalive: Duration,
}

impl Patience {
    /// As its request says.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let keepalive_s = positive(headers, "keepalive-ping-interval").unwrap_or(KEEPALIVE_DEFAULT_S);
        Self { deadline: deadline(headers), keepalive: Duration::from_secs(keepalive_s) }
    }
}

/// What is left to say.
enum Phase {
    Opening(Bytes),
    Open,
    Closed,
}

struct Following {
    phase: Phase,
    heard: mpsc::Receiver<Heard>,
    patience: Patience,
    sign_of_life: Bytes,
}

/// The answer to a call that is followed: `opening`, what is heard, the end; or `deadline_exceeded` in place of
/// the end. `opening` and `sign_of_life` are whole envelopes.
pub(super) fn follow(
    opening: Bytes,
    sign_of_life: Bytes,
    heard: mpsc::Receiver<Heard>,
    patience: Patience,
) -> Response {
    let following = Following { phase: Phase::Opening(opening), heard, patience, sign_of_life };
    let frames = stream::unfold(following, |mut following| async move {
        let frame = following.next().await?;
        Some((Ok::<_, std::convert::Infallible>(frame), following))
    });
    stream_response(Body::from_stream(frames))
}

impl Following {
    async fn next(&mut self) -> Option<Bytes> {
        match std::mem::replace(&mut self.phase, Phase::Open) {
            Phase::Closed => {
                self.phase = Phase::Closed;
                None
            }
            Phase::Opening(opening) => Some(opening),
            Phase::Open => Some(self.listen().await),
        }
    }

    async fn listen(&mut self) -> Bytes {
        let deadline = self.patience.deadline;
        let late = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let heard = tokio::select! {
            // The deadline first: the kill it causes must not win with an end of its own.
            biased;
            () = late => None,
            heard = tokio::time::timeout(self.patience.keepalive, self.heard.recv()) => match heard {
                Err(_) => return self.sign_of_life.clone(),
                Ok(heard) => heard,
            },
        };
        let too_late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        match heard {
            Some(Heard::Output(frame)) => frame,
            _ if too_late => self.close_with(&ConnectError::too_late()),
            Some(Heard::End(frame)) => {
                self.phase = Phase::Closed;
                let mut last = BytesMut::from(frame);
                last.extend_from_slice(&end_frame(None));
                last.freeze()
            }
            Some(Heard::Failure(error)) => self.close_with(&error),
            None => self.close_with(&ConnectError::new(Code::Internal, "what was followed is lost")),
        }
    }

    fn close_with(&mut self, error: &ConnectError) -> Bytes {
        self.phase = Phase::Closed;
        end_frame(Some(error))
    }
}
