//! A connection to NATS: as much of its client protocol as a publisher that waits for answers needs.

use std::collections::HashMap;
use std::sync::Arc;

use gitledger_sandboxes::tls;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use uuid::Uuid;

pub(crate) use super::frame::Message;
use super::frame::{self, Frame};
use super::server::{Credential, Server};

/// Plain or not.
trait Wire: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Wire for T {}

/// An open connection.
pub(super) struct Connection {
    wire: BufStream<Box<dyn Wire>>,
    /// Where answers to this connection go.
    inbox: String,
    /// Answers that came before somebody waited for them.
    early: HashMap<String, Message>,
    payload_max: usize,
}

impl Connection {
    /// Connects, over TLS where the server or the address wants it, and says who comes.
    pub(super) async fn open(server: &Server) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{server}: {error}");
        let socket = TcpStream::connect((server.host.as_str(), server.port)).await.map_err(failed)?;
        socket.set_nodelay(true).map_err(failed)?;
        let mut wire: BufStream<Box<dyn Wire>> = BufStream::new(Box::new(socket));
        let Frame::Info(info) = frame::read(&mut wire).await? else {
            return Err(format!("{server} is no NATS server"));
        };
        let info: Value = serde_json::from_str(&info).map_err(|error| format!("{server}: {error}"))?;
        let tls = server.tls || info["tls_required"] == true;
        if tls {
            wire = BufStream::new(encrypted(server, wire.into_inner()).await?);
        }
        let payload_max = info["max_payload"].as_u64().and_then(|bytes| usize::try_from(bytes).ok());
        let inbox = format!("_INBOX.{}", Uuid::now_v7().simple());
        let payload_max = payload_max.unwrap_or(1 << 20);
        let mut connection = Self { wire, inbox, early: HashMap::new(), payload_max };
        connection.greet(server).await?;
        Ok(connection)
    }

    async fn greet(&mut self, server: &Server) -> Result<(), String> {
        let mut hello = json!({
            "verbose": false, "pedantic": false, "tls_required": server.tls, "echo": false,
            "lang": "rust", "version": env!("CARGO_PKG_VERSION"), "name": "gitledger",
            "protocol": 1, "headers": true, "no_responders": true,
        });
        match &server.credential {
            Credential::None => {}
            Credential::Token(token) => hello["auth_token"] = token.expose().into(),
            Credential::User { name, password } => {
                hello["user"] = name.as_str().into();
                hello["pass"] = password.expose().into();
            }
        }
        let lines = format!("CONNECT {hello}\r\nSUB {}.* 1\r\nPING\r\n", self.inbox);
        self.write(lines.as_bytes()).await?;
        self.flush().await?;
        loop {
            match frame::read(&mut self.wire).await? {
                Frame::Pong => return Ok(()),
                Frame::Error(reason) => return Err(format!("{server} does not let the feed in: {reason}")),
                _ => {}
            }
        }
    }

    /// The largest message that the server takes.
    pub(super) fn payload_max(&self) -> usize {
        self.payload_max
    }

    /// Asks, and waits for the answer.
    pub(super) async fn request(&mut self, subject: &str, body: &[u8]) -> Result<Message, String> {
        let head = format!("PUB {subject} {}.0 {}\r\n", self.inbox, body.len());
        self.write(head.as_bytes()).await?;
        self.write(body).await?;
        self.write(b"\r\n").await?;
        self.flush().await?;
        self.answer(0).await
    }

    /// Publishes without waiting; the answer comes under this number.
    pub(super) async fn publish(
        &mut self,
        number: u64,
        subject: &str,
        headers: &[(&str, String)],
        body: &[u8],
    ) -> Result<(), String> {
        let mut head = "NATS/1.0\r\n".to_owned();
        for (name, value) in headers {
            head.extend([name, ": ", value.as_str(), "\r\n"]);
        }
        head.push_str("\r\n");
        let all = head.len() + body.len();
        let line = format!("HPUB {subject} {}.{number} {} {all}\r\n{head}", self.inbox, head.len());
        self.write(line.as_bytes()).await?;
        self.write(body).await?;
        self.write(b"\r\n").await
    }

    /// Sends what was written.
    pub(super) async fn flush(&mut self) -> Result<(), String> {
        self.wire.flush().await.map_err(|error| error.to_string())
    }

    /// The answer under a number.
    pub(super) async fn answer(&mut self, number: u64) -> Result<Message, String> {
        let wanted = format!("{}.{number}", self.inbox);
        if let Some(early) = self.early.remove(&wanted) {
            return Ok(early);
        }
        loop {
            match frame::read(&mut self.wire).await? {
                Frame::Message(message) if message.subject == wanted => return Ok(message),
                // Refusals come at once, also before what was stored earlier is told of.
                Frame::Message(message) => {
                    self.early.insert(message.subject.clone(), message);
                }
                Frame::Ping => {
                    self.write(b"PONG\r\n").await?;
                    self.flush().await?;
                }
                Frame::Error(reason) => return Err(reason),
                _ => {}
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.wire.write_all(bytes).await.map_err(|error| error.to_string())
    }
}

/// The same, with nothing in the open: trusted is whom the process trusts.
async fn encrypted(server: &Server, wire: Box<dyn Wire>) -> Result<Box<dyn Wire>, String> {
    let config = tls::config().map_err(|error| format!("{server}: {error}"))?;
    let name = ServerName::try_from(server.host.clone()).map_err(|error| format!("{server}: {error}"))?;
    let wire = TlsConnector::from(Arc::new(config)).connect(name, wire).await;
    Ok(Box::new(wire.map_err(|error| format!("{server}: {error}"))?))
}
