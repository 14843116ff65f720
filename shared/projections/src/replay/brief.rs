//! An event in brief: 64 bytes, whatever it was.

use gitledger_events::Elapsed;
use gitledger_events::operation::Timing;

use crate::counting::latency;

/// How long a brief is when it is written down.
pub const BRIEF_BYTES: usize = 64;

/// What happened, as far as it adds up to something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Nothing that counts.
    #[default]
    Other = 0,
    /// An operation was begun.
    Requested = 1,
    /// `small` is the attempt.
    Pushed = 2,
    /// git could not join two changes.
    Conflict = 3,
    /// `a`, `b`, `c`: duration, git, wait for a sandbox.
    Succeeded = 4,
    /// The same; `code` says why.
    Failed = 5,
    /// The reaper closed it.
    Abandoned = 6,
    /// `a` creation time, `b` expiry, `small` processors, `code` MiB.
    Created = 7,
    /// `a` epoch, `b` until, `small` where it came from ([`Brief::reuse`]).
    Leased = 8,
    /// `a` epoch.
    Released = 9,
    /// `b` expiry.
    Extended = 10,
    /// It sleeps.
    Paused = 11,
    /// `a` time to wake, `b` expiry.
    Resumed = 12,
    /// One of us killed it.
    Killed = 13,
    /// Its life was over.
    Expired = 14,
    /// Nobody here did it.
    Lost = 15,
}

const KINDS: [Kind; 16] = [
    Kind::Other,
    Kind::Requested,
    Kind::Pushed,
    Kind::Conflict,
    Kind::Succeeded,
    Kind::Failed,
    Kind::Abandoned,
    Kind::Created,
    Kind::Leased,
    Kind::Released,
    Kind::Extended,
    Kind::Paused,
    Kind::Resumed,
    Kind::Killed,
    Kind::Expired,
    Kind::Lost,
];

/// One event. Times and durations are in microseconds; names are numbers of a [`Names`](super::Names).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Brief {
    /// Its place in the ledger.
    pub position: u64,
    /// When it was recorded, since 1970.
    pub at: i64,
    /// By kind.
    pub a: u64,
    /// By kind.
    pub b: u64,
    /// By kind.
    pub c: u64,
    /// The sandbox whose stream it is on; 0: an operation's stream.
    pub sandbox: u32,
    /// Who asked.
    pub agent: u32,
    /// The repository.
    pub repo: u32,
    /// The operation's name.
    pub operation: u32,
    /// By kind.
    pub code: u32,
    /// By kind.
    pub small: u16,
    /// What happened.
    pub kind: Kind,
    /// It is the first of its stream.
    pub first: bool,
}

/// Where a lease's sandbox came from, as numbers.
pub const REUSE_NAMED: u16 = 0;
/// It was ready and had the repository.
pub const REUSE_READY: u16 = 1;
/// It slept and was woken.
pub const REUSE_PAUSED: u16 = 2;
/// It waited in the pool.
pub const REUSE_WARM: u16 = 3;
/// It was made for this.
pub const REUSE_NEW: u16 = 4;

impl Brief {
    /// As bytes.
    pub fn to_bytes(self) -> [u8; BRIEF_BYTES] {
        let mut bytes = [0; BRIEF_BYTES];
        let words = [self.position, self.at.cast_unsigned(), self.a, self.b, self.c];
        for (to, word) in bytes.chunks_exact_mut(8).zip(words) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        let numbers = [self.sandbox, self.agent, self.repo, self.operation, self.code];
        for (to, number) in bytes[40..60].chunks_exact_mut(4).zip(numbers) {
            to.copy_from_slice(&number.to_le_bytes());
        }
        bytes[60..62].copy_from_slice(&self.small.to_le_bytes());
        bytes[62] = self.kind as u8;
        bytes[63] = u8::from(self.first);
        bytes
    }

    /// From bytes; a kind that is not known counts for nothing.
    pub fn from_bytes(bytes: &[u8; BRIEF_BYTES]) -> Self {
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(word)
        };
        let number = |at: usize| {
            let mut number = [0; 4];
            number.copy_from_slice(&bytes[at..at + 4]);
            u32::from_le_bytes(number)
        };
        Self {
            position: word(0),
            at: word(8).cast_signed(),
            a: word(16),
            b: word(24),
            c: word(32),
            sandbox: number(40),
            agent: number(44),
            repo: number(48),
            operation: number(52),
            code: number(56),
            small: u16::from_le_bytes([bytes[60], bytes[61]]),
            kind: KINDS.get(usize::from(bytes[62])).copied().unwrap_or_default(),
            first: bytes[63] != 0,
        }
    }

    /// What the outcome of an operation adds to a latency, if anything.
    pub fn latency(&self) -> Option<u64> {
        let [duration_ms, git_ms, sandbox_wait_ms] = [self.a, self.b, self.c].map(Elapsed::from_micros);
        let timing = Timing { duration_ms, git_ms, sandbox_wait_ms };
        match self.kind {
            Kind::Succeeded | Kind::Failed => latency(self.kind == Kind::Succeeded, &timing),
            _ => None,
        }
        .map(Elapsed::as_micros)
    }

    /// The word for where a lease's sandbox came from.
    pub fn reuse(small: u16) -> &'static str {
        ["named", "ready", "paused", "warm", "new"].get(usize::from(small)).copied().unwrap_or("other")
    }
}

#[cfg(test)]
mod tests {
    use super::{Brief, KINDS, Kind};

    #[test]
    fn what_is_written_is_what_is_read() {
        for (number, kind) in KINDS.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
            let brief = Brief {
                position: u64::MAX - 1,
                at: -5,
                a: 1,
                b: 1 << 50,
                c: 3,
                sandbox: 4,
                agent: 5,
                repo: 6,
                operation: 7,
                code: 70_000,
                small: 65_000,
                kind,
                first: number % 2 == 0,
            };
            assert_eq!(Brief::from_bytes(&brief.to_bytes()), brief);
        }
        let mut unheard_of = Brief { kind: Kind::Lost, ..Brief::default() }.to_bytes();
        unheard_of[62] = 200;
        assert_eq!(Brief::from_bytes(&unheard_of).kind, Kind::Other);
    }
}
