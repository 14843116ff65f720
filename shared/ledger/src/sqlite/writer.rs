//! Who writes: whoever asks, when nobody else does; else one thread that takes all that wait at once.
//!
//! A flush is what an append costs. So appends that arrive while another is flushed share the next flush
//! ("group commit"), and an append that comes alone is not handed to another thread, which would cost
//! a good part of a flush.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::batch::{self, Asked, Job};
use super::lock::ProcessLock;
use crate::LedgerError;

/// So many jobs share a transaction at most, so that the first of them does not wait for ever.
const BATCH_JOBS_MAX: usize = 256;
/// While flushes take longer than this, they are left to the thread, so that they do not hold up a
/// worker of the runtime. At most one worker is ever held, for one flush.
const IN_PLACE_MAX: Duration = Duration::from_millis(1);

/// The only way to write.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    queue: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    connection: Mutex<Connection>,
    lock: ProcessLock,
    /// Jobs that are in the queue or being written by the thread.
    waiting: AtomicUsize,
    /// The last flush was too slow to be made by a worker of the runtime.
    slow: AtomicBool,
}

impl Writer {
    /// Starts the thread.
    pub fn start(connection: Connection, lock: ProcessLock) -> Result<Self, LedgerError> {
        let shared = Arc::new(Shared {
            connection: Mutex::new(connection),
            lock,
            waiting: AtomicUsize::new(0),
            slow: AtomicBool::new(false),
        });
        let (queue, jobs) = channel();
        let thread = thread::Builder::new().name("ledger-writer".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.serve(&jobs)
        });
        let thread = thread.map_err(|error| LedgerError::at("cannot start the writer", error))?;
        Ok(Self { shared, queue: Some(queue), thread: Some(thread) })
    }

    /// Does the work in a transaction and returns when that is durable. `Err` takes back what it wrote.
    pub async fn write<W, T, E>(&self, work: W) -> Result<T, E>
    where
        W: Fn(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Send + From<LedgerError> + 'static,
    {
        let (job, answer) = Asked::new(work);
        if let Some(job) = self.shared.write_in_place(Box::new(job)) {
            self.enqueue(job);
        }
        let gone = |_| LedgerError::Engine("the writer has stopped".to_owned());
        answer.await.map_err(gone)?
    }

    fn enqueue(&self, job: Box<dyn Job>) {
        self.shared.waiting.fetch_add(1, Ordering::SeqCst);
        // The queue is there until the drop, and a job that is not taken answers by being dropped.
        if let Some(queue) = &self.queue {
            let _ = queue.send(job);
        }
    }
}

impl Drop for Writer {
    /// Answers all that wait, then stops.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // It fails only if the thread panicked, and then there is nobody left to answer.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes now, if nobody is writing or waiting in any process; else gives the job back. Not on a
    /// runtime of one thread, where everything else would stand still.
    fn write_in_place(&self, job: Box<dyn Job>) -> Option<Box<dyn Job>> {
        if self.waiting.load(Ordering::SeqCst) > 0
            || self.slow.load(Ordering::Relaxed)
            || !Handle::try_current().is_ok_and(|here| here.runtime_flavor() == RuntimeFlavor::MultiThread)
        {
            return Some(job);
        }
        let Ok(connection) = self.connection.try_lock() else { return Some(job) };
        let Ok(Some(turn)) = self.lock.try_now() else { return Some(job) };
        let mut jobs = [job];
        self.flush(&connection, &mut jobs);
        drop(turn);
        drop(connection);
        jobs.into_iter().for_each(Job::answer);
        None
    }

    /// The thread: takes what waits, until the queue is closed and empty.
    fn serve(&self, queue: &Receiver<Box<dyn Job>>) {
        while let Ok(first) = queue.recv() {
            let connection = self.connection();
            let turn = self.lock.wait();
            // Only now, so that what came while we waited comes along.
            let mut jobs = vec![first];
            jobs.extend(queue.try_iter().take(BATCH_JOBS_MAX - 1));
            match turn {
                Ok(_turn) => self.flush(&connection, &mut jobs),
                Err(error) => jobs.iter_mut().for_each(|job| job.fail(error.clone())),
            }
            drop(connection);
            self.waiting.fetch_sub(jobs.len(), Ordering::SeqCst);
            jobs.into_iter().for_each(Job::answer);
        }
    }

    fn flush(&self, connection: &Connection, jobs: &mut [Box<dyn Job>]) {
        let started = Instant::now();
        batch::run(connection, jobs);
        self.slow.store(started.elapsed() > IN_PLACE_MAX, Ordering::Relaxed);
    }
}
