//! What envd tells about a process, out of its JSON. Pure.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Something happened to a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessEvent {
    /// It runs.
    Started,
    /// It printed.
    Stdout(Vec<u8>),
    /// It printed to standard error.
    Stderr(Vec<u8>),
    /// It has been silent for a while.
    KeepAlive,
    /// It ended.
    Ended(End),
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal.
    Signalled,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    event: Option<Event<'a>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    start: Option<IgnoredAny>,
    #[serde(borrow)]
    data: Option<Data<'a>>,
    end: Option<Ended>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    stdout: Option<Cow<'a, str>>,
    #[serde(borrow)]
    stderr: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ended {
    // Protobuf's JSON leaves zeros out.
    #[serde(default)]
    exit_code: i32,
    #[serde(default)]
    exited: bool,
}

/// The error inside a stream's last envelope.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct StreamError {
    #[serde(default)]
    pub(super) code: String,
    #[serde(default)]
    pub(super) message: String,
}

/// Reads one message. The error is where it became unreadable, never what it said.
pub(super) fn read(message: &[u8]) -> Result<ProcessEvent, String> {
    let message: Message<'_> = serde_json::from_slice(message)
        .map_err(|error| format!("process event unreadable in column {}", error.column()))?;
    let bytes =
        |text: Cow<'_, str>| STANDARD.decode(text.as_bytes()).map_err(|error| format!("output: {error}"));
    match message.event {
        Some(Event { end: Some(Ended { exit_code, exited: true }), .. }) => {
            Ok(ProcessEvent::Ended(End::Exited(exit_code)))
        }
        Some(Event { end: Some(_), .. }) => Ok(ProcessEvent::Ended(End::Signalled)),
        Some(Event { data: Some(Data { stdout: Some(text), .. }), .. }) => {
            bytes(text).map(ProcessEvent::Stdout)
        }
        Some(Event { data: Some(Data { stderr: Some(text), .. }), .. }) => {
            bytes(text).map(ProcessEvent::Stderr)
        }
        Some(Event { start: Some(_), .. }) => Ok(ProcessEvent::Started),
        // What is unknown says at least that the process lives.
        _ => Ok(ProcessEvent::KeepAlive),
    }
}

/// Reads the last envelope: `None` when the stream ended well.
pub(super) fn read_end(message: &[u8]) -> Result<Option<StreamError>, String> {
    #[derive(Deserialize)]
    struct Last {
        error: Option<StreamError>,
    }
    if message.is_empty() {
        return Ok(None);
    }
    let last: Last =
        serde_json::from_slice(message).map_err(|error| format!("end of stream unreadable: {error}"))?;
    Ok(last.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envd_leaves_out_zeros_and_still_means_success() {
        let end = |text: &str| read(text.as_bytes()).unwrap();
        let zero = r#"{"event":{"end":{"exited":true,"status":"exit status 0"}}}"#;
        assert_eq!(end(zero), ProcessEvent::Ended(End::Exited(0)));
        let two = r#"{"event":{"end":{"exitCode":2,"exited":true,"status":"exit status 2","error":"x"}}}"#;
        assert_eq!(end(two), ProcessEvent::Ended(End::Exited(2)));
        let killed =
            r#"{"event":{"end":{"exitCode":-1,"status":"signal: killed","error":"signal: killed"}}}"#;
        assert_eq!(end(killed), ProcessEvent::Ended(End::Signalled));
    }

    #[test]
    fn output_is_bytes_and_anything_unknown_is_a_sign_of_life() {
        let read = |text: &str| read(text.as_bytes());
        let out = r#"{"event":{"data":{"stdout":"AP8\u003d"}}}"#;
        assert_eq!(read(out).unwrap(), ProcessEvent::Stdout(vec![0, 255]));
        assert_eq!(read(r#"{"event":{"start":{"pid":7}}}"#).unwrap(), ProcessEvent::Started);
        assert_eq!(read(r#"{"event":{"keepalive":{}}}"#).unwrap(), ProcessEvent::KeepAlive);
        assert_eq!(read("{}").unwrap(), ProcessEvent::KeepAlive);
        assert!(read(r#"{"event":{"data":{"stdout":"***"}}}"#).is_err());
        assert!(read("[1").is_err());
    }

    #[test]
    fn the_last_envelope_tells_an_error_from_a_good_end() {
        assert_eq!(read_end(b"{}"), Ok(None));
        let error = read_end(br#"{"error":{"code":"deadline_exceeded","message":"late"}}"#).unwrap();
        assert_eq!(error.unwrap().code, "deadline_exceeded");
    }
}
