//! Following: appends of this process are announced, those of other processes are looked for.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;
use tokio::time::timeout;

use super::{connection, reader};
use crate::{LedgerError, Position};

/// How often another process's appends are looked for while somebody waits. One look costs 2 us.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Knows the newest position, as long as somebody wants to know it.
#[derive(Debug)]
pub struct Watcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    head: watch::Sender<Position>,
}

#[derive(Debug, Default)]
struct State {
    waiters: usize,
    stopping: bool,
}

impl Watcher {
    /// Starts the thread, which sleeps while nobody waits.
    pub fn start(path: &Path) -> Result<Self, LedgerError> {
        let connection = connection::reader(path)?;
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            head: watch::Sender::new(Position::START),
        });
        let thread = thread::Builder::new().name("ledger-watcher".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.watch(&connection)
        });
        let thread = thread.map_err(|error| LedgerError::at("cannot start the watcher", error))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Tells those who wait about an append of this process.
    pub fn announce(&self, head: Position) {
        self.shared.announce(head);
    }

    /// True as soon as something after `after` is known; false when the time is over.
    pub async fn wait(&self, after: Position, at_most: Duration) -> bool {
        let mut head = self.shared.head.subscribe();
        if *head.borrow() > after {
            return true;
        }
        let _waiter = Waiter::enter(&self.shared);
        // The sender is ours, so the inner wait cannot fail.
        timeout(at_most, head.wait_for(|head| *head > after)).await.is_ok_and(|found| found.is_ok())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.shared.state().stopping = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Somebody who waits; keeps the thread looking.
struct Waiter<'a>(&'a Shared);

impl<'a> Waiter<'a> {
    fn enter(shared: &'a Shared) -> Self {
        shared.state().waiters += 1;
        shared.changed.notify_all();
        Self(shared)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.state().waiters -= 1;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self, head: Position) {
        self.head.send_if_modified(|known| {
            let newer = head > *known;
            *known = head.max(*known);
            newer
        });
    }

    fn watch(&self, connection: &Connection) {
        let mut data_version = None;
        while self.somebody_waits() {
            match look(connection, &mut data_version) {
                Ok(Some(head)) => self.announce(head),
                Ok(None) => {}
                // Whoever waits reads for himself when his time is over, and gets the error then.
                Err(error) => tracing::warn!(%error, "cannot look for new events"),
            }
            let state = self.state();
            if !state.stopping {
                drop(self.changed.wait_timeout(state, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    /// Sleeps while nobody waits; false when it is time to stop.
    fn somebody_waits(&self) -> bool {
        let idle = |state: &mut State| state.waiters == 0 && !state.stopping;
        let state = self.changed.wait_while(self.state(), idle).unwrap_or_else(PoisonError::into_inner);
        !state.stopping
    }
}

/// The newest position, if anybody has committed since the last look.
fn look(connection: &Connection, seen: &mut Option<i64>) -> Result<Option<Position>, LedgerError> {
    let now: i64 = connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
    if *seen == Some(now) {
        return Ok(None);
    }
    let head = reader::head(connection)?;
    *seen = Some(now);
    Ok(Some(head))
}
