//! The envelopes of a Connect stream: cut out of whatever pieces the network delivers. Pure.

use bytes::{Buf, Bytes, BytesMut};

/// Flag byte and length.
const PREFIX_BYTES: usize = 5;
/// The largest message, in bytes. envd sends at most 32 KiB of output at once, 44 KiB in base64.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;
const COMPRESSED: u8 = 0x01;
const END_OF_STREAM: u8 = 0x02;

/// One envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message, in JSON.
    Message(Bytes),
    /// The last one: `{}`, or with an `error`.
    End(Bytes),
}

/// The bytes are not a Connect stream. Nothing after them can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A message claims to be larger than any that envd sends.
    #[error("a message of {0} bytes is too large")]
    TooLarge(usize),
    /// It is compressed, which was not asked for, or has flags that nobody knows.
    #[error("a message has the flags {0:#04x}")]
    Flags(u8),
}

/// Collects pieces and hands out envelopes. Holds at most one message and one piece.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: BytesMut,
}

impl Frames {
    /// Takes in the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The next whole envelope; `None` until there is one.
    pub fn pop(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(&[flags, a, b, c, d]) = self.buffer.first_chunk::<PREFIX_BYTES>() else { return Ok(None) };
        if flags & COMPRESSED != 0 || flags & !END_OF_STREAM != 0 {
            return Err(FrameError::Flags(flags));
        }
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if length > MESSAGE_BYTES_MAX {
            return Err(FrameError::TooLarge(length));
        }
        if self.buffer.len() < PREFIX_BYTES + length {
            return Ok(None);
        }
        self.buffer.advance(PREFIX_BYTES);
        let message = self.buffer.split_to(length).freeze();
        Ok(Some(if flags == END_OF_STREAM { Frame::End(message) } else { Frame::Message(message) }))
    }

    /// True when the stream ended inside an envelope.
    pub fn is_torn(&self) -> bool {
        !self.buffer.is_empty()
    }
}

/// One message as an envelope: the request of a stream.
pub(super) fn envelope(json: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PREFIX_BYTES + json.len());
    bytes.push(0);
    bytes.extend_from_slice(&u32::try_from(json.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(json);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pieces: &[&[u8]]) -> Vec<Frame> {
        let mut frames = Frames::default();
        let mut found = Vec::new();
        for piece in pieces {
            frames.push(piece);
            while let Some(frame) = frames.pop().unwrap() {
                found.push(frame);
            }
        }
        assert!(!frames.is_torn());
        found
    }

    #[test]
    fn a_stream_is_the_same_however_it_is_cut() {
        let mut bytes = envelope(b"{\"a\":1}");
        bytes.extend(envelope(b""));
        let mut end = envelope(b"{}");
        end[0] = 2;
        bytes.extend(end);
        let whole = all(&[&bytes]);
        assert_eq!(whole.len(), 3);
        assert_eq!(whole[0], Frame::Message(Bytes::from_static(b"{\"a\":1}")));
        assert_eq!(whole[2], Frame::End(Bytes::from_static(b"{}")));
        for cut in 0..bytes.len() {
            assert_eq!(all(&[&bytes[..cut], &bytes[cut..]]), whole);
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(all(&single), whole);
    }

    #[test]
    fn a_message_beyond_the_limit_is_refused_before_it_is_collected() {
        let mut frames = Frames::default();
        frames.push(&[0, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(frames.pop(), Err(FrameError::TooLarge(0xffff_ffff)));
    }

    #[test]
    fn flags_that_were_not_asked_for_are_refused() {
        for flags in [1, 3, 4, 0x80] {
            let mut frames = Frames::default();
            frames.push(&[flags, 0, 0, 0, 0]);
            assert_eq!(frames.pop(), Err(FrameError::Flags(flags)));
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..2000 {
            let mut frames = Frames::default();
            for _ in 0..8 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let bytes = state.to_be_bytes();
                let piece: Vec<u8> = bytes.iter().map(|byte| if byte % 3 == 0 { 0 } else { *byte }).collect();
                frames.push(&piece[..usize::from(bytes[0] % 9)]);
                while let Ok(Some(_)) = frames.pop() {}
            }
        }
    }
}
