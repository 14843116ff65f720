//! One frame of NATS' client protocol, as the server sends it.

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt};

/// The longest line: what a server tells of itself and of its cluster.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// The largest message that is taken: `JetStream`'s answers, and one event.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// What the server says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// About itself, as JSON.
    Info(String),
    Ping,
    Pong,
    Ok,
    Error(String),
    Message(Message),
}

/// A message to a subject that was subscribed to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(super) subject: String,
    /// `NATS/1.0 503` when nobody listens to what was asked.
    status: Option<u16>,
    pub(in super::super) body: Vec<u8>,
}

impl Message {
    /// Whether it says that nobody is there to answer.
    pub(in super::super) fn is_nobody(&self) -> bool {
        self.status == Some(503)
    }
}

/// The next frame.
pub(super) async fn read<R: AsyncBufRead + AsyncRead + Unpin + Send>(
    reader: &mut R,
) -> Result<Frame, String> {
    let mut line = Vec::new();
    let read = (&mut *reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await;
    read.map_err(|error| error.to_string())?;
    if line.pop() != Some(b'\n') {
        return Err("the server has hung up".to_owned());
    }
    let line = String::from_utf8(line).map_err(|_| "a line that is no text".to_owned())?;
    let line = line.trim_end_matches('\r');
    let (verb, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    match verb.to_ascii_uppercase().as_str() {
        "INFO" => Ok(Frame::Info(rest.to_owned())),
        "PING" => Ok(Frame::Ping),
        "PONG" => Ok(Frame::Pong),
        "+OK" => Ok(Frame::Ok),
        "-ERR" => Ok(Frame::Error(rest.trim_matches('\'').chars().take(200).collect())),
        "MSG" => message(reader, rest, false).await,
        "HMSG" => message(reader, rest, true).await,
        _ => Err("a line that is not NATS'".to_owned()),
    }
}

/// `subject sid [reply] [header bytes] bytes`, then the bytes.
async fn message<R: AsyncRead + Unpin + Send>(
    reader: &mut R,
    rest: &str,
    headed: bool,
) -> Result<Frame, String> {
    let broken = || "a message that is not NATS'".to_owned();
    let words: Vec<&str> = rest.split_ascii_whitespace().collect();
    let numbers = if headed { 2 } else { 1 };
    if !(2 + numbers..=3 + numbers).contains(&words.len()) {
        return Err(broken());
    }
    let number = |back: usize| words[words.len() - back].parse::<usize>().map_err(|_| broken());
    let all = number(1)?;
    let head = if headed { number(2)? } else { 0 };
    if all > MESSAGE_BYTES_MAX || head > all {
        return Err(broken());
    }
    let mut bytes = vec![0; all + 2];
    reader.read_exact(&mut bytes).await.map_err(|error| error.to_string())?;
    bytes.truncate(all);
    let body = bytes.split_off(head);
    let status = String::from_utf8_lossy(&bytes);
    let status =
        status.lines().next().and_then(|line| line.strip_prefix("NATS/1.0 ")?.get(..3)?.parse().ok());
    Ok(Frame::Message(Message { subject: words[0].to_owned(), status, body }))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn frames(bytes: &[u8]) -> Vec<Result<Frame, String>> {
        let mut reader = bytes;
        let mut all = Vec::new();
        loop {
            let frame = read(&mut reader).await;
            let ended = frame.is_err();
            all.push(frame);
            if ended {
                return all;
            }
        }
    }

    #[tokio::test]
    async fn frames_are_told_apart() {
        let bytes = b"INFO {\"a\":1}\r\nPING\r\n+OK\r\n-ERR 'No'\r\nMSG a.b 1 2\r\nhi\r\nMSG a 1 back 0\r\n\r\nHMSG in.1 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n";
        let all = frames(bytes).await;
        assert_eq!(all[0], Ok(Frame::Info("{\"a\":1}".to_owned())));
        assert_eq!(all[1..4], [Ok(Frame::Ping), Ok(Frame::Ok), Ok(Frame::Error("No".to_owned()))]);
        let plain = Message { subject: "a.b".to_owned(), status: None, body: b"hi".to_vec() };
        assert_eq!(all[4], Ok(Frame::Message(plain)));
        let Ok(Frame::Message(nobody)) = &all[6] else { panic!("{all:?}") };
        assert!(nobody.is_nobody() && nobody.body.is_empty());
        assert!(all[7].is_err() && all.len() == 8, "{all:?}");
    }

    #[tokio::test]
    async fn what_is_not_nats_is_an_error_and_not_a_wait_or_a_panic() {
        for bad in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"MSG a 1\r\n",
            b"MSG a 1 x\r\n",
            b"MSG a 1 99999999999999999999\r\n",
            b"MSG a 1 17000000\r\n",
            b"HMSG a 1 9 2\r\nabcd\r\n",
            b"MSG a 1 5\r\nab",
            b"\xff\xfe\r\n",
            b"PING",
            b"",
        ] {
            assert!(frames(bad).await[0].is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
