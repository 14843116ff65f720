//! A stream that is passed on ends in words even when whoever spoke it is gone.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::envelope::{END_OF_STREAM, PREFIX_BYTES};
use super::{ConnectError, end_frame, is_stream};

/// The same answer; a stream that breaks off between two envelopes gets `lost` as its last. One that breaks off
/// within an envelope still breaks off: whatever followed would be taken for the envelope's rest.
pub(crate) fn sealed(response: Response, lost: impl FnOnce() -> ConnectError) -> Response {
    if !is_stream(&response) {
        return response;
    }
    let lost = lost();
    response.map(|body| {
        let passing = Some((body.into_data_stream(), Place::default()));
        Body::from_stream(stream::unfold(passing, move |passing| {
            let lost = lost.clone();
            async move {
                let (mut chunks, mut place) = passing?;
                Some(match chunks.next().await? {
                    Ok(chunk) => {
                        place.pass(&chunk);
                        (Ok(chunk), Some((chunks, place)))
                    }
                    Err(_) if place.ended => (Ok(Bytes::new()), None),
                    Err(_) if place.is_between() => (Ok(end_frame(Some(&lost))), None),
                    Err(error) => (Err(error), None),
                })
            }
        }))
    })
}

/// Where in a stream of envelopes one is.
#[derive(Default)]
struct Place {
    /// What has come of an envelope's flag and length.
    prefix: Vec<u8>,
    /// What is to come of its message.
    left: usize,
    /// The last envelope has begun.
    ended: bool,
}

impl Place {
    fn pass(&mut self, mut chunk: &[u8]) {
        while !chunk.is_empty() {
            if self.left > 0 {
                let passed = self.left.min(chunk.len());
                self.left -= passed;
                chunk = &chunk[passed..];
                continue;
            }
            let (head, rest) = chunk.split_at((PREFIX_BYTES - self.prefix.len()).min(chunk.len()));
            self.prefix.extend_from_slice(head);
            chunk = rest;
            if let Some(&[flags, ref length @ ..]) = self.prefix.first_chunk::<PREFIX_BYTES>() {
                self.left = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
                self.ended |= flags & END_OF_STREAM != 0;
                self.prefix.clear();
            }
        }
    }

    fn is_between(&self) -> bool {
        self.prefix.is_empty() && self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;
    use crate::connect::{Code, data_frame, stream_response};

    /// What comes of a stream that breaks off after `sent` bytes of two messages.
    async fn broken_off(whole: &[u8], sent: usize) -> Option<Bytes> {
        // Cut in the middle, to cross envelopes.
        let (first, second) = whole[..sent].split_at(sent / 2);
        let chunks = [
            Ok(Bytes::copy_from_slice(first)),
            Ok(Bytes::copy_from_slice(second)),
            Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
        ];
        let answer = stream_response(Body::from_stream(stream::iter(chunks)));
        let lost = || ConnectError::new(Code::Unavailable, "gone");
        to_bytes(sealed(answer, lost).into_body(), usize::MAX).await.ok()
    }

    #[tokio::test]
    async fn a_stream_that_breaks_off_between_envelopes_ends_in_words() {
        let (one, two) = (data_frame(b"{}"), data_frame(br#"{"a":1}"#));
        let whole = [&one[..], &two[..]].concat();
        let gone = end_frame(Some(&ConnectError::new(Code::Unavailable, "gone")));
        for sent in 0..=whole.len() {
            let expected = [0, one.len(), whole.len()]
                .contains(&sent)
                .then(|| Bytes::from([&whole[..sent], &gone[..]].concat()));
            assert_eq!(broken_off(&whole, sent).await, expected, "{sent} bytes");
        }
        let ended = end_frame(None);
        assert_eq!(broken_off(&ended, ended.len()).await, Some(ended), "it has ended in words of its own");
    }
}
