//! What happens next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Something that happens at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// An operation is asked for.
    Arrives(u32),
    /// Its sandbox is there.
    Made(u32),
    /// Its sandbox, the second, has woken.
    Woken(u32, u32),
    /// It ends.
    Done(u32),
    /// The reaper looks at a sandbox.
    Look(u32),
    /// A sandbox's life may be over.
    Expires(u32),
    /// The pool is looked at.
    Fill,
    /// A sandbox for the pool is there.
    Stocked,
}

/// Steps in order; what is due at the same instant, in the order in which it was decided.
#[derive(Debug, Default)]
pub struct Clock {
    queue: BinaryHeap<Reverse<(i64, u64, Step)>>,
    count: u64,
}

impl Clock {
    /// Something will happen.
    pub fn at(&mut self, at: i64, step: Step) {
        self.queue.push(Reverse((at, self.count, step)));
        self.count += 1;
    }

    /// The next thing.
    pub fn next(&mut self) -> Option<(i64, Step)> {
        self.queue.pop().map(|Reverse((at, _, step))| (at, step))
    }
}
