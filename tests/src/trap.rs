//! A listener that must not hear a secret: it keeps every byte that it is sent and answers as it is told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A caller that sends nothing more in this time has said what it had to say.
const SILENCE: Duration = Duration::from_millis(300);

/// A listener on this machine, until the test ends.
#[derive(Debug)]
pub struct Trap {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Trap {
    /// Listens. `answer` makes a whole HTTP response of a request.
    pub fn listen(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        let listener = match TcpListener::bind("127.0.0.1:0") {
            Ok(listener) => listener,
            Err(error) => panic!("a trap cannot listen: {error}"),
        };
        let Ok(address) = listener.local_addr() else { panic!("a trap has no address") };
        let heard = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let told = Arc::clone(&heard);
        // Ends with the test's process: nothing waits for it.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let number = {
                    let mut all = told.lock().unwrap_or_else(PoisonError::into_inner);
                    all.push(Vec::new());
                    all.len() - 1
                };
                let bytes = talk(stream, &answer);
                told.lock().unwrap_or_else(PoisonError::into_inner)[number] = bytes;
            }
        });
        Self { address, heard }
    }

    /// One that asks everybody for a password.
    pub fn asking() -> Self {
        Self::listen(|_| respond("401 Unauthorized", "WWW-Authenticate: Basic realm=\"trap\"\r\n"))
    }

    /// `http://127.0.0.1:PORT/`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// `127.0.0.1:PORT`.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// What every connection has said so far.
    pub fn heard(&self) -> Vec<Vec<u8>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An HTTP response without a body.
pub fn respond(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n")
}

fn talk(mut stream: TcpStream, answer: &impl Fn(&str) -> String) -> Vec<u8> {
    let (mut heard, mut chunk) = (Vec::new(), [0; 4096]);
    // Without a limit to its patience one silent caller would keep all others waiting.
    let _ = stream.set_read_timeout(Some(SILENCE));
    while let Ok(length @ 1..) = stream.read(&mut chunk) {
        heard.extend_from_slice(&chunk[..length]);
        if heard.windows(4).any(|four| four == b"\r\n\r\n") {
            break;
        }
    }
    let _ = stream.write_all(answer(&String::from_utf8_lossy(&heard)).as_bytes());
    // The rest of a body, if there is one.
    while let Ok(length @ 1..) = stream.read(&mut chunk) {
        heard.extend_from_slice(&chunk[..length]);
    }
    heard
}
