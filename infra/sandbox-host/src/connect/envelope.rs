//! The envelopes of streams: a flag byte, a length, and a message.

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Code, ConnectError, MESSAGE_BYTES_MAX, gunzip, is_gzip, message, too_large};

const STREAM: &str = "application/connect+json";
/// The flag of a message that is compressed as the header says.
const COMPRESSED: u8 = 0x01;
/// The flag of the last envelope of a stream.
pub(super) const END_OF_STREAM: u8 = 0x02;
/// Flag byte and length.
pub(super) const PREFIX_BYTES: usize = 5;

/// A streaming answer: always status 200, its outcome is in the last envelope.
pub(crate) fn stream_response(body: Body) -> Response {
    ([(header::CONTENT_TYPE, STREAM)], body).into_response()
}

/// Whether an answer is a stream.
pub(crate) fn is_stream(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == STREAM)
}

/// One message of a stream.
pub(crate) fn data_frame(json: &[u8]) -> Bytes {
    frame(0, json)
}

/// The end of a stream, well or badly.
pub(crate) fn end_frame(error: Option<&ConnectError>) -> Bytes {
    #[derive(Serialize)]
    struct End<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a ConnectError>,
    }
    // A struct of two strings always has a JSON form; `{}` says the same as an end without an error.
    let json = serde_json::to_vec(&End { error }).unwrap_or_else(|_| b"{}".to_vec());
    frame(END_OF_STREAM, &json)
}

fn frame(flags: u8, json: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(PREFIX_BYTES + json.len());
    bytes.put_u8(flags);
    // Messages are at most a few chunks of output long.
    bytes.put_u32(u32::try_from(json.len()).unwrap_or(u32::MAX));
    bytes.put_slice(json);
    bytes.freeze()
}

/// The only message of a stream's request.
pub(crate) fn enveloped_message<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: &[u8],
) -> Result<T, ConnectError> {
    let mut opener = Opener { gzip: is_gzip(headers, "connect-content-encoding")?, held: body.into() };
    let first = opener.open()?.ok_or_else(|| malformed("request is not a whole envelope"))?;
    message(&first)
}

/// The messages of a request, as they arrive.
pub(crate) struct Envelopes {
    chunks: BodyDataStream,
    opener: Opener,
}

impl Envelopes {
    /// Reads the envelopes of this request.
    pub(crate) fn new(headers: &HeaderMap, body: Body) -> Result<Self, ConnectError> {
        let opener = Opener { gzip: is_gzip(headers, "connect-content-encoding")?, held: BytesMut::new() };
        Ok(Self { chunks: body.into_data_stream(), opener })
    }

    /// The next message; none at the request's end.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ConnectError> {
        loop {
            if let Some(opened) = self.opener.open()? {
                return message(&opened).map(Some);
            }
            match self.chunks.next().await {
                Some(Ok(chunk)) => self.opener.held.extend_from_slice(&chunk),
                Some(Err(error)) => {
                    return Err(ConnectError::new(Code::Unknown, format!("reading the stream: {error}")));
                }
                None if self.opener.held.is_empty() => return Ok(None),
                None => return Err(malformed("the stream ends within an envelope")),
            }
        }
    }
}

/// Takes messages out of what has arrived.
struct Opener {
    gzip: bool,
    held: BytesMut,
}

impl Opener {
    /// The next whole message, unpacked; none when its rest has still to come, or nothing is left.
    fn open(&mut self) -> Result<Option<Bytes>, ConnectError> {
        loop {
            let Some(&[flags, ref length @ ..]) = self.held.first_chunk::<PREFIX_BYTES>() else {
                return Ok(None);
            };
            let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| too_large())?;
            if length > MESSAGE_BYTES_MAX {
                return Err(too_large());
            }
            if self.held.len() < PREFIX_BYTES + length {
                return Ok(None);
            }
            self.held.advance(PREFIX_BYTES);
            let content = self.held.split_to(length).freeze();
            match flags {
                0 => return Ok(Some(content)),
                COMPRESSED if self.gzip => return gunzip(&content).map(|plain| Some(plain.into())),
                COMPRESSED => return Err(malformed("a compressed message without Connect-Content-Encoding")),
                // A client may close its stream in words.
                END_OF_STREAM => {}
                other => return Err(malformed(&format!("unknown envelope flags {other:#04x}"))),
            }
        }
    }
}

fn malformed(message: &str) -> ConnectError {
    ConnectError::new(Code::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use axum::http::HeaderValue;
    use serde_json::{Value, json};

    use super::*;

    fn packed(plain: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(plain).unwrap();
        packer.finish().unwrap()
    }

    fn gzip() -> HeaderMap {
        HeaderMap::from_iter([(
            header::HeaderName::from_static("connect-content-encoding"),
            HeaderValue::from_static("gzip"),
        )])
    }

    #[test]
    fn a_message_survives_its_envelope_packed_or_not() {
        for (headers, flags, content) in [
            (HeaderMap::new(), 0, br#"{"a":1}"#.to_vec()),
            (gzip(), 0, br#"{"a":1}"#.to_vec()),
            (gzip(), COMPRESSED, packed(br#"{"a":1}"#)),
        ] {
            let read: Value = enveloped_message(&headers, &frame(flags, &content)).unwrap();
            assert_eq!(read, json!({"a": 1}));
        }
    }

    #[test]
    fn short_unannounced_unknown_and_empty_envelopes_are_refused() {
        let framed = data_frame(br#"{"a":1}"#);
        for bad in [&framed[..4], &framed[..framed.len() - 1], &frame(1, b"{}"), &frame(4, b"{}"), &[]] {
            let error = enveloped_message::<Value>(&HeaderMap::new(), bad).unwrap_err();
            assert_eq!(error.code, Code::InvalidArgument);
        }
    }

    #[test]
    fn a_small_message_that_unpacks_to_a_huge_one_is_refused() {
        let bomb = frame(COMPRESSED, &packed(&vec![b' '; MESSAGE_BYTES_MAX + 1]));
        assert!(bomb.len() < MESSAGE_BYTES_MAX / 100);
        let error = enveloped_message::<Value>(&gzip(), &bomb).unwrap_err();
        assert_eq!(error.code, Code::ResourceExhausted);
    }

    #[tokio::test]
    async fn messages_are_read_across_any_cuts_of_the_body() {
        let whole = [data_frame(b"1"), data_frame(b"22"), end_frame(None)].concat();
        for cut in 0..=whole.len() {
            let (first, second) = whole.split_at(cut);
            let chunks = [first, second].map(|part| Ok::<_, std::io::Error>(Bytes::copy_from_slice(part)));
            let body = Body::from_stream(futures_util::stream::iter(chunks));
            let mut envelopes = Envelopes::new(&HeaderMap::new(), body).unwrap();
            assert_eq!(envelopes.next::<u32>().await.unwrap(), Some(1));
            assert_eq!(envelopes.next::<u32>().await.unwrap(), Some(22));
            assert_eq!(envelopes.next::<u32>().await.unwrap(), None);
        }
    }

    #[test]
    fn the_end_of_a_stream_carries_its_error() {
        let error = ConnectError::new(Code::DeadlineExceeded, "too late");
        let framed = end_frame(Some(&error));
        assert_eq!(framed[0], 2);
        assert_eq!(&framed[5..], br#"{"error":{"code":"deadline_exceeded","message":"too late"}}"#);
        assert_eq!(&end_frame(None)[..], b"\x02\0\0\0\x02{}");
    }
}
