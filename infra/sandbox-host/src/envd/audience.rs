//! Those who listen to one process. Nobody listening: output is dropped. Somebody slow: the process waits.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc};

use crate::connect::ConnectError;

/// Chunks kept for a listener before the process has to wait; at most 32 KiB each before encoding.
const QUEUE: usize = 8;

/// What a listener hears.
#[derive(Clone, Debug)]
pub(super) enum Heard {
    /// Output, as a whole envelope.
    Output(Bytes),
    /// The end event, as a whole envelope. Nothing follows.
    End(Bytes),
    /// Nothing can be heard any more.
    Failure(ConnectError),
}

/// The listeners of one process, and its end once it has come.
#[derive(Default)]
pub(super) struct Audience {
    inner: Mutex<Inner>,
    ended: Notify,
}

#[derive(Default)]
struct Inner {
    listeners: Vec<mpsc::Sender<Heard>>,
    end: Option<Bytes>,
}

impl Audience {
    /// Joins. Whoever joins after the end hears the end alone.
    pub(super) fn join(&self) -> mpsc::Receiver<Heard> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let mut inner = self.lock();
        match &inner.end {
            // The queue is empty, so there is room.
            Some(end) => drop(sender.try_send(Heard::End(end.clone()))),
            None => inner.listeners.push(sender),
        }
        receiver
    }

    /// Gives output to everyone, at the pace of the slowest.
    pub(super) async fn tell(&self, output: Bytes) {
        let listeners = self.lock().listeners.clone();
        let mut left = false;
        for listener in listeners {
            left |= listener.send(Heard::Output(output.clone())).await.is_err();
        }
        if left {
            self.lock().listeners.retain(|listener| !listener.is_closed());
        }
    }

    /// Gives the end to everyone, now and later.
    pub(super) async fn end(&self, end: Bytes) {
        let listeners = {
            let mut inner = self.lock();
            inner.end = Some(end.clone());
            std::mem::take(&mut inner.listeners)
        };
        self.ended.notify_waiters();
        for listener in listeners {
            let _ = listener.send(Heard::End(end.clone())).await;
        }
    }

    /// Completes when the end has come.
    pub(super) async fn over(&self) {
        let ended = self.ended.notified();
        if !self.is_over() {
            ended.await;
        }
    }

    /// Whether the end has come.
    pub(super) fn is_over(&self) -> bool {
        self.lock().end.is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everyone_hears_output_and_end_and_latecomers_the_end() {
        let audience = Audience::default();
        audience.tell(Bytes::from_static(b"nobody hears this")).await;
        let (mut first, mut second) = (audience.join(), audience.join());
        audience.tell(Bytes::from_static(b"a")).await;
        audience.end(Bytes::from_static(b"end")).await;
        let mut late = audience.join();
        for listener in [&mut first, &mut second] {
            assert!(matches!(listener.recv().await, Some(Heard::Output(bytes)) if bytes == "a"));
            assert!(matches!(listener.recv().await, Some(Heard::End(_))));
            assert!(listener.recv().await.is_none());
        }
        assert!(matches!(late.recv().await, Some(Heard::End(_))));
    }

    #[tokio::test]
    async fn a_listener_that_left_holds_up_nobody() {
        let audience = Audience::default();
        drop(audience.join());
        for _ in 0..=QUEUE {
            audience.tell(Bytes::from_static(b"a")).await;
        }
    }
}
