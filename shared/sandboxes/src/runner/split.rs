//! Cuts one output of a run into the outputs of its steps, at the marks. Pure, with bounded memory.

/// The most bytes between a mark's random part and its end: a code and microseconds.
const NUMBERS_BYTES_MAX: usize = 40;

/// What one step printed, up to the limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) kept: Vec<u8>,
    pub(super) omitted_bytes: u64,
    /// What stands in the mark after its random part, for example ` 0 1234`; `None` while the step runs.
    pub(super) numbers: Option<String>,
}

/// One output, cut at `\0<nonce>...\n`.
#[derive(Debug)]
pub(super) struct Splitter {
    /// NUL and the nonce.
    mark: Vec<u8>,
    limit: usize,
    /// More marks than steps are not marks.
    steps: usize,
    done: Vec<Part>,
    running: Part,
    /// The end of the last piece, when it may be the start of a mark.
    pending: Vec<u8>,
}

impl Splitter {
    pub(super) fn new(nonce: &str, steps: usize, limit: usize) -> Self {
        let mark = [b"\0", nonce.as_bytes()].concat();
        Self { mark, limit, steps, done: Vec::new(), running: Part::default(), pending: Vec::new() }
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        if self.pending.is_empty() {
            return self.scan(piece);
        }
        let mut joined = std::mem::take(&mut self.pending);
        joined.extend_from_slice(piece);
        self.scan(&joined);
    }

    /// The step has ended, though nobody printed a mark.
    pub(super) fn close(&mut self, numbers: &str) {
        let pending = std::mem::take(&mut self.pending);
        self.print(&pending);
        let part = Part { numbers: Some(numbers.to_owned()), ..std::mem::take(&mut self.running) };
        self.done.push(part);
    }

    /// The finished steps so far.
    pub(super) fn done(&self) -> &[Part] {
        &self.done
    }

    fn scan(&mut self, mut rest: &[u8]) {
        while let Some(at) = rest.iter().position(|byte| *byte == 0) {
            let (before, from) = rest.split_at(at);
            self.print(before);
            rest = match self.mark_at(from) {
                Found::Mark { numbers, bytes } => {
                    let part = Part { numbers: Some(numbers), ..std::mem::take(&mut self.running) };
                    self.done.push(part);
                    &from[bytes..]
                }
                Found::Perhaps => {
                    self.pending = from.to_vec();
                    return;
                }
                Found::No => {
                    self.print(&from[..1]);
                    &from[1..]
                }
            };
        }
        self.print(rest);
    }

    fn mark_at(&self, from: &[u8]) -> Found {
        if self.done.len() == self.steps {
            return Found::No;
        }
        let Some(after) = from.strip_prefix(self.mark.as_slice()) else {
            return if self.mark.starts_with(from) { Found::Perhaps } else { Found::No };
        };
        match after.iter().take(NUMBERS_BYTES_MAX).position(|byte| *byte == b'\n') {
            Some(end) => Found::Mark {
                numbers: String::from_utf8_lossy(&after[..end]).into_owned(),
                bytes: self.mark.len() + end + 1,
            },
            None if after.len() < NUMBERS_BYTES_MAX => Found::Perhaps,
            None => Found::No,
        }
    }

    fn print(&mut self, bytes: &[u8]) {
        let room = self.limit.saturating_sub(self.running.kept.len());
        let (kept, omitted) = bytes.split_at(room.min(bytes.len()));
        self.running.kept.extend_from_slice(kept);
        self.running.omitted_bytes += omitted.len() as u64;
    }

    /// The finished steps, and what the unfinished one has printed.
    pub(super) fn finish(mut self) -> (Vec<Part>, Part) {
        let pending = std::mem::take(&mut self.pending);
        self.print(&pending);
        (self.done, self.running)
    }
}

enum Found {
    Mark {
        numbers: String,
        bytes: usize,
    },
    /// More bytes will tell.
    Perhaps,
    No,
}
