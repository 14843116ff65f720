//! Serving HTTP so that connections nobody uses cannot use up the process's descriptors.
//!
//! `axum::serve` has no clock for a connection on which nothing comes, and says nothing when none can be taken.

use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long the head of a request is waited for, also of the next one on a connection. Longer than clients keep a
/// connection that they do not use (reqwest: 90 s), so that the client ends it first and loses no request.
pub const IDLE: Duration = Duration::from_mins(2);
/// How long a peer may be silent before it is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_mins(1);
/// How long no connection is tried to be taken after one could not be.
const AGAIN: Duration = Duration::from_secs(1);

/// Serves until `stop` is done, then until the last answer is out. A connection is closed when the head of a request
/// is not there for so long (`idle`); how long an answer takes is the service's own matter.
pub async fn serve(listener: TcpListener, service: Router, idle: Duration, stop: impl Future<Output = ()>) {
    let mut stop = pin!(stop);
    let service = TowerToHyperService::new(service);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(idle);
    let (connections, ending) = (TaskTracker::new(), CancellationToken::new());
    // Also when this future is dropped: what is idle ends, what is under way gets its answer.
    let end = ending.clone().drop_guard();
    loop {
        let stream = tokio::select! {
            () = &mut stop => break,
            stream = accept(&listener) => stream,
        };
        let connection = http.serve_connection(TokioIo::new(stream), service.clone());
        let ending = ending.clone();
        connections.spawn(async move {
            let mut connection = pin!(connection);
            let served = tokio::select! {
                served = connection.as_mut() => served,
                () = ending.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = served {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop((listener, end));
    connections.close();
    connections.wait().await;
}

/// The next connection. That none can be had is said: most often descriptors have run out.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Small chunks of a stream must not wait for each other.
                let _ = stream.set_nodelay(true);
                let _ = sockopt::set_socket_keepalive(&stream, true);
                let _ = sockopt::set_tcp_keepidle(&stream, KEEPALIVE);
                return stream;
            }
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be taken; it is tried again");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Whether a connection failed because its peer went away meanwhile.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;

    use super::*;

    /// Answers `/` at once, and `/slow` when it is told to.
    struct Served {
        address: std::net::SocketAddr,
        slow_is_asked: Arc<Notify>,
        answer_slow: Arc<Notify>,
        stop: CancellationToken,
        serving: JoinHandle<()>,
    }

    async fn served(idle: Duration) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (slow_is_asked, answer_slow) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (asked, answer) = (slow_is_asked.clone(), answer_slow.clone());
        let slow = || async move {
            asked.notify_one();
            answer.notified().await;
            "late"
        };
        let router = Router::new().route("/", get(|| async { "at once" })).route("/slow", get(slow));
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, router, idle, stop.clone().cancelled_owned()));
        Served { address, slow_is_asked, answer_slow, stop, serving }
    }

    impl Served {
        async fn saying(&self, text: &str) -> TcpStream {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            stream
        }
    }

    /// What comes until the other side closes.
    async fn all_of(mut stream: TcpStream) -> String {
        let mut text = String::new();
        let patience = Duration::from_secs(30);
        tokio::time::timeout(patience, stream.read_to_string(&mut text)).await.expect("it closes").unwrap();
        text
    }

    #[tokio::test]
    async fn idle_connections_are_closed_while_others_are_served() {
        let here = served(Duration::from_millis(300)).await;
        let slow = here.saying("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
        here.slow_is_asked.notified().await;
        let mut idle = Vec::new();
        for said in ["", "GET / HTTP/1.1\r\nhost: ", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"].repeat(20) {
            idle.push((said, here.saying(said).await));
        }
        let quick = here.saying("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(all_of(quick).await.ends_with("at once"));
        for (said, stream) in idle {
            // One that was served is idle afterwards.
            assert_eq!(all_of(stream).await.contains("at once"), said.ends_with("\r\n\r\n"), "{said:?}");
        }
        // What only takes its time is not idle.
        here.answer_slow.notify_one();
        assert!(all_of(slow).await.ends_with("late"));
    }

    #[tokio::test]
    async fn who_stops_gives_the_last_answer_and_waits_for_nobody_idle() {
        let here = served(IDLE).await;
        let idle = here.saying("").await;
        let slow = here.saying("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
        here.slow_is_asked.notified().await;
        here.stop.cancel();
        assert_eq!(all_of(idle).await, "");
        assert!(!here.serving.is_finished());
        here.answer_slow.notify_one();
        assert!(all_of(slow).await.ends_with("late"));
        here.serving.await.unwrap();
    }
}
