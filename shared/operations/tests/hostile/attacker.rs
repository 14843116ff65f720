//! Somebody who listens where nobody should call, asks everybody for a password and counts who called.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A listener, until the test ends.
pub struct Attacker {
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Attacker {
    pub fn listen() -> Self {
        Self::at("127.0.0.1:0")
    }

    pub fn at(address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let (address, heard) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<Vec<u8>>>>::default());
        let told = Arc::clone(&heard);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let number = {
                    let mut all = told.lock().unwrap();
                    all.push(Vec::new());
                    all.len() - 1
                };
                let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
                let mut bytes = [0; 4096];
                let length = stream.read(&mut bytes).unwrap_or(0);
                told.lock().unwrap()[number] = bytes[..length].to_vec();
                let _ = stream.write_all(
                    b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                );
            }
        });
        Self { address, heard }
    }

    /// `http://127.0.0.1:PORT/`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// What every connection so far has said first.
    pub fn heard(&self) -> Vec<Vec<u8>> {
        self.heard.lock().unwrap().clone()
    }
}
