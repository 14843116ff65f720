//! The operations that this process works on, so that one can be asked to stop between two of its plans.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// By operation.
#[derive(Clone, Debug, Default)]
pub struct Operations(Arc<Mutex<HashMap<Uuid, Arc<AtomicBool>>>>);

/// One operation's place in the list, until dropped.
#[derive(Debug)]
pub struct Entry {
    list: Operations,
    id: Uuid,
    cancelled: Arc<AtomicBool>,
}

impl Operations {
    /// Begins one. A repeat that waits for the first shares its entry.
    pub(crate) fn enter(&self, id: Uuid) -> Entry {
        let cancelled = Arc::clone(self.list().entry(id).or_default());
        Entry { list: self.clone(), id, cancelled }
    }

    /// Asks one to stop; false when it is not worked on here.
    pub(crate) fn cancel(&self, id: Uuid) -> bool {
        self.list().get(&id).is_some_and(|cancelled| {
            cancelled.store(true, Ordering::SeqCst);
            true
        })
    }

    fn list(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<AtomicBool>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Whether it was asked to stop.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut list = self.list.list();
        // Ours, the list's, and nobody else's.
        if Arc::strong_count(&self.cancelled) <= 2 {
            list.remove(&self.id);
        }
    }
}
