//! A cable between client and host that can be cut, and that remembers what the client has sent.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

pub struct Cable {
    pub url: String,
    cut: Arc<Notify>,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Cable {
    pub async fn to(url: &str) -> Self {
        let target = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let cut = Arc::new(Notify::new());
        let sent = Arc::new(Mutex::new(Vec::new()));
        let (cutter, heard) = (cut.clone(), sent.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (target, cutter, heard) = (target.clone(), cutter.clone(), heard.clone());
                tokio::spawn(async move {
                    let far = TcpStream::connect(target).await.unwrap();
                    let ((from_client, mut to_client), (mut from_host, to_host)) =
                        (near.into_split(), far.into_split());
                    let back = async { copy(&mut from_host, &mut to_client).await };
                    tokio::select! {
                        _ = async { tokio::join!(back, pass(from_client, to_host, &heard)) } => {}
                        () = cutter.notified() => {}
                    }
                });
            }
        });
        Self { url, cut, sent }
    }

    /// Everything that the client has sent, on whichever connection.
    pub fn sent(&self) -> String {
        String::from_utf8_lossy(&self.sent.lock().unwrap()).into_owned()
    }

    /// Breaks every connection that there is now; new ones work.
    pub fn cut(&self) {
        self.cut.notify_waiters();
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, heard: &Mutex<Vec<u8>>) -> io::Result<()> {
    let mut bytes = vec![0; 16 << 10];
    loop {
        let count = from.read(&mut bytes).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        heard.lock().unwrap().extend_from_slice(&bytes[..count]);
        to.write_all(&bytes[..count]).await?;
    }
}
