//! What can go wrong on purpose, and what was set and seen for each repository.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Endpoint;
use super::access::Access;
use super::address::RepositoryName;

/// What happens to a request that was admitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// It is answered.
    #[default]
    None,
    /// It is answered with this status and git never runs.
    Status(u16),
    /// Git runs to its end, so a push has updated its references; the caller gets the head of the answer, at
    /// most this many bytes of its body, and then a broken connection. An answer that is shorter is broken
    /// off at its end.
    CutResponseAfter(u64),
    /// It waits this long before git runs.
    Delay(Duration),
}

/// All repositories that something was set for or asked of.
#[derive(Debug, Default)]
pub(super) struct Book(Mutex<HashMap<RepositoryName, Page>>);

/// One repository.
#[derive(Debug, Default)]
struct Page {
    access: Option<Access>,
    faults: HashMap<Endpoint, Planned>,
    requests: HashMap<Endpoint, u64>,
}

/// A fault and how often it still happens; `None` is every time.
#[derive(Clone, Copy, Debug)]
struct Planned {
    fault: Fault,
    left: Option<u32>,
}

impl Book {
    pub(super) fn set_access(&self, name: RepositoryName, access: Access) {
        self.pages().entry(name).or_default().access = Some(access);
    }

    pub(super) fn access(&self, name: &RepositoryName) -> Option<Access> {
        self.pages().get(name).and_then(|page| page.access)
    }

    pub(super) fn plan(&self, name: RepositoryName, endpoint: Endpoint, fault: Fault, times: Option<u32>) {
        let planned = Planned { fault, left: times };
        self.pages().entry(name).or_default().faults.insert(endpoint, planned);
    }

    /// The fault that this request meets; counts it down.
    pub(super) fn meet(&self, name: &RepositoryName, endpoint: Endpoint) -> Fault {
        let mut pages = self.pages();
        let Some(planned) = pages.get_mut(name).and_then(|page| page.faults.get_mut(&endpoint)) else {
            return Fault::None;
        };
        match &mut planned.left {
            None => planned.fault,
            Some(0) => Fault::None,
            Some(left) => {
                *left -= 1;
                planned.fault
            }
        }
    }

    /// Counts a request for a repository that exists: made-up names take no memory.
    pub(super) fn count(&self, name: &RepositoryName, endpoint: Endpoint) {
        *self.pages().entry(name.clone()).or_default().requests.entry(endpoint).or_default() += 1;
    }

    pub(super) fn requests(&self, name: &RepositoryName, endpoint: Endpoint) -> u64 {
        self.pages().get(name).and_then(|page| page.requests.get(&endpoint).copied()).unwrap_or_default()
    }

    /// Every change is a single step, so a panic elsewhere cannot have left one half done.
    fn pages(&self) -> MutexGuard<'_, HashMap<RepositoryName, Page>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
