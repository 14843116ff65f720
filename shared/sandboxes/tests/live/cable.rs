//! A cable between client and host that can be cut.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

pub struct Cable {
    pub url: String,
    cut: Arc<Notify>,
}

impl Cable {
    pub async fn to(url: &str) -> Self {
        let target = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let cut = Arc::new(Notify::new());
        let cutter = cut.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (target, cutter) = (target.clone(), cutter.clone());
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(target).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        () = cutter.notified() => {}
                    }
                });
            }
        });
        Self { url, cut }
    }

    /// Breaks every connection that there is now; new ones work.
    pub fn cut(&self) {
        self.cut.notify_waiters();
    }
}
