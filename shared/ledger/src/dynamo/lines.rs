//! Events as lines of text, squeezed: what the body of a commit or of a segment is.
//!
//! A line is a JSON array of id, type, time in microseconds, the rest of the envelope, and the fact. The
//! sequencer moves lines without reading them: a fact that nobody understands is not its concern.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::written::{ReadEvent, WrittenEvent};

/// More than any body unfolds to; what unfolds to more is not ours.
const TEXT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The lines of a commit's events.
pub fn of_events(events: &[WrittenEvent]) -> Vec<String> {
    events
        .iter()
        .map(|event| {
            let WrittenEvent { id, name, recorded_at_us, meta, data } = event;
            // A type's name is an identifier: nothing in it needs escaping.
            format!(r#"["{id}","{name}",{recorded_at_us},{meta},{data}]"#)
        })
        .collect()
}

#[derive(Deserialize)]
struct Line<'a>(Uuid, &'a str, i64, #[serde(borrow)] &'a RawValue, #[serde(borrow)] &'a RawValue);

/// Reads one line.
pub fn event(line: &str) -> Result<ReadEvent<'_>, String> {
    let Line(id, name, recorded_at_us, meta, data) =
        serde_json::from_str(line).map_err(|error| error.to_string())?;
    Ok(ReadEvent { id, name, recorded_at_us, meta: meta.get(), data: data.get() })
}

/// Squeezes a text. With a checksum, so that what is damaged is told and not read.
pub fn squeeze(text: &str) -> std::io::Result<Vec<u8>> {
    squeeze_bytes(text.as_bytes())
}

/// The same for any bytes.
pub fn squeeze_bytes(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 3), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Undoes [`squeeze`].
pub fn unfold(body: &[u8]) -> Result<String, String> {
    let mut text = String::with_capacity(body.len() * 4);
    let mut decoder = ZlibDecoder::new(body).take(TEXT_BYTES_MAX);
    decoder.read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

/// Undoes [`squeeze_bytes`].
pub fn unfold_bytes(body: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(body.len() * 4);
    ZlibDecoder::new(body).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a panic is the report of a test
mod tests {
    use super::{event, of_events, squeeze, unfold};
    use crate::Expected;
    use crate::contract::sample::{commit_of, event as sample, stream};
    use crate::written::WrittenCommit;

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let events = vec![sample("two\nlines\r\u{2028}"), sample("\"[{\\")];
        let written = WrittenCommit::new(commit_of(1, stream(1), Expected::Any, events)).unwrap();
        let text = of_events(&written.events).join("\n");
        assert_eq!(text.lines().count(), 2);
        let body = squeeze(&text).unwrap();
        assert_eq!(unfold(&body).unwrap(), text);
        let back = event(text.lines().next().unwrap()).unwrap().record(stream(1), 1).unwrap();
        assert_eq!(back.data.get(), written.events[0].data.get());
    }

    #[test]
    fn a_damaged_body_is_told_and_not_read() {
        let mut body = squeeze("a text that is long enough to be damaged in the middle").unwrap();
        let last = body.len() - 1;
        body[last] ^= 1;
        assert!(unfold(&body).is_err());
        assert!(unfold(b"").is_err());
        assert!(unfold(&squeeze("x").unwrap()[..4]).is_err());
    }
}
