//! The stream of one process's events to one client.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::audience::Heard;
use crate::connect::{Code, ConnectError, data_frame, end_frame, stream_response};

const KEEPALIVE_DEFAULT_S: u64 = 90;
const KEEPALIVE: &[u8] = br#"{"event":{"keepalive":{}}}"#;

/// When a client wants its stream to end at the latest. Absent and zero mean never.
pub(super) fn deadline(headers: &HeaderMap) -> Option<Instant> {
    let timeout_ms = number(headers, "connect-timeout-ms")?;
    Instant::now().checked_add(Duration::from_millis(timeout_ms))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok().filter(|number| *number > 0)
}

/// What is left to say.
enum Phase {
    Opening,
    Open,
    Closed,
}

struct Following {
    phase: Phase,
    pid: u32,
    heard: mpsc::Receiver<Heard>,
    deadline: Option<Instant>,
    keepalive: Duration,
}

/// The answer to `Start` and `Connect`: start, output, end; or `deadline_exceeded` in place of the end.
pub(super) fn follow(
    pid: u32,
    heard: mpsc::Receiver<Heard>,
    deadline: Option<Instant>,
    headers: &HeaderMap,
) -> Response {
    let keepalive =
        Duration::from_secs(number(headers, "keepalive-ping-interval").unwrap_or(KEEPALIVE_DEFAULT_S));
    let following = Following { phase: Phase::Opening, pid, heard, deadline, keepalive };
    let frames = stream::unfold(following, |mut following| async move {
        let frame = following.next().await?;
        Some((Ok::<_, std::convert::Infallible>(frame), following))
    });
    stream_response(Body::from_stream(frames))
}

impl Following {
    async fn next(&mut self) -> Option<Bytes> {
        match self.phase {
            Phase::Closed => None,
            Phase::Opening => {
                self.phase = Phase::Open;
                Some(data_frame(json!({"event": {"start": {"pid": self.pid}}}).to_string().as_bytes()))
            }
            Phase::Open => Some(self.listen().await),
        }
    }

    async fn listen(&mut self) -> Bytes {
        let late = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let heard = tokio::select! {
            // The deadline first: the kill it causes must not win with an end of its own.
            biased;
            () = late => None,
            heard = tokio::time::timeout(self.keepalive, self.heard.recv()) => match heard {
                Err(_) => return data_frame(KEEPALIVE),
                Ok(heard) => heard,
            },
        };
        let too_late = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        match heard {
            Some(Heard::Output(frame)) => frame,
            Some(Heard::End(frame)) if !too_late => {
                self.phase = Phase::Closed;
                let mut last = BytesMut::from(frame);
                last.extend_from_slice(&end_frame(None));
                last.freeze()
            }
            _ if too_late => self.close_with(&ConnectError::new(Code::DeadlineExceeded, "deadline exceeded")),
            _ => self.close_with(&ConnectError::new(Code::Internal, "the process was lost")),
        }
    }

    fn close_with(&mut self, error: &ConnectError) -> Bytes {
        self.phase = Phase::Closed;
        end_frame(Some(error))
    }
}
