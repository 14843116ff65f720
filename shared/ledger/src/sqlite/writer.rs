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

use super::append;
use super::batch::{self, Asked, Job};
use super::books::Books;
use super::lock::ProcessLock;
use crate::written::WrittenCommit;
use crate::{AppendError, Appended, LedgerError};

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
    books: Mutex<Books>,
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
            books: Mutex::new(Books::new(connection)),
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

    /// Appends, and returns when that is durable.
    pub async fn append(&self, commit: WrittenCommit) -> Result<Appended, AppendError> {
        let in_place = |books: &mut Books| {
            append::at_once(books, &commit)
                .unwrap_or_else(|| books.transaction(|books| append::append(books, &commit)))
        };
        match self.shared.in_place(in_place) {
            Some(result) => result,
            None => self.queued(move |books| append::append(books, &commit)).await,
        }
    }

    /// Does the work in a transaction and returns when that is durable. `Err` takes back what it wrote.
    pub async fn write<W, T, E>(&self, work: W) -> Result<T, E>
    where
        W: Fn(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Send + From<LedgerError> + 'static,
    {
        match self.shared.in_place(|books| books.transaction(|books| work(&books.connection))) {
            Some(result) => result,
            None => self.queued(move |books| work(&books.connection)).await,
        }
    }

    async fn queued<W, T, E>(&self, work: W) -> Result<T, E>
    where
        W: Fn(&mut Books) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Send + From<LedgerError> + 'static,
    {
        let (job, answer) = Asked::new(work);
        self.enqueue(Box::new(job));
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
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes now, if nobody is writing or waiting in any process; else `None`. Not on a runtime of one
    /// thread, where everything else would stand still.
    fn in_place<R>(&self, write: impl FnOnce(&mut Books) -> R) -> Option<R> {
        if self.waiting.load(Ordering::SeqCst) > 0
            || self.slow.load(Ordering::Relaxed)
            || !Handle::try_current().is_ok_and(|here| here.runtime_flavor() == RuntimeFlavor::MultiThread)
        {
            return None;
        }
        let mut books = self.books.try_lock().ok()?;
        let _turn = self.lock.try_now().ok()??;
        Some(self.timed(|| write(&mut books)))
    }

    /// The thread: takes what waits, until the queue is closed and empty.
    fn serve(&self, queue: &Receiver<Box<dyn Job>>) {
        while let Ok(first) = queue.recv() {
            let mut books = self.books();
            let turn = self.lock.wait();
            // Only now, so that what came while we waited comes along.
            let mut jobs = vec![first];
            jobs.extend(queue.try_iter().take(BATCH_JOBS_MAX - 1));
            match turn {
                Ok(_turn) => self.timed(|| batch::run(&mut books, &mut jobs)),
                Err(error) => jobs.iter_mut().for_each(|job| job.fail(error.clone())),
            }
            drop(books);
            self.waiting.fetch_sub(jobs.len(), Ordering::SeqCst);
            jobs.into_iter().for_each(Job::answer);
        }
    }

    fn timed<R>(&self, write: impl FnOnce() -> R) -> R {
        let started = Instant::now();
        let result = write();
        self.slow.store(started.elapsed() > IN_PLACE_MAX, Ordering::Relaxed);
        result
    }
}
