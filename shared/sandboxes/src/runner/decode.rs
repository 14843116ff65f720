//! The output of a run, read into exits. Pure.

use std::time::Duration;

use gitledger_operations::plan::{Ended, Exit, Exits};

use super::split::{Part, Splitter};
use crate::SandboxError;
use crate::envd::End;

/// What `timeout` exits with when the time was over, and when it had to kill.
const TIMED_OUT: i32 = 124;
pub(super) const KILLED: i32 = 137;
/// The run ended after a SIGTERM that was not of `timeout`'s own.
const CANCELLED: i32 = 143;
/// A step failed, and the script said so.
const STEP_FAILED: i32 = 1;

/// Reads what a run prints, in pieces as they come. Keeps at most the plan's limit of each output of each
/// step, and counts the rest.
#[derive(Debug)]
pub struct Decoder {
    stdout: Splitter,
    stderr: Splitter,
    steps: usize,
}

impl Decoder {
    /// For a run with this nonce and this many steps, of which `output_bytes` of each output are kept.
    pub fn new(nonce: &str, steps: usize, output_bytes: usize) -> Self {
        let splitter = || Splitter::new(nonce, steps, output_bytes);
        Self { stdout: splitter(), stderr: splitter(), steps }
    }

    /// The run printed this.
    pub fn stdout(&mut self, piece: &[u8]) {
        self.stdout.push(piece);
    }

    /// The run printed this to standard error.
    pub fn stderr(&mut self, piece: &[u8]) {
        self.stderr.push(piece);
    }

    /// How long the finished steps took, by the sandbox's own clock: what of a run is not overhead.
    pub fn git_time(&self) -> Duration {
        self.stdout.done().iter().filter_map(micros).map(Duration::from_micros).sum()
    }

    /// The run was one step without a script around it, and ended so: its outputs are the step's. False when
    /// the script said by a mark that it did not run the step.
    pub(super) fn looked(&mut self, code: i32, took: Duration) -> bool {
        if !self.stderr.done().is_empty() {
            return false;
        }
        self.stdout.close(&format!(" {code} {}", took.as_micros()));
        self.stderr.close("");
        true
    }

    /// How many steps have come to their end.
    pub(super) fn finished(&self) -> usize {
        self.stdout.done().len()
    }

    /// How a run ended that was read from what it left behind; `None` when it was stopped on the way.
    pub(super) fn end(&self, may_fail: impl Fn(usize) -> bool) -> Option<End> {
        let done = self.stdout.done();
        let last = done.last().and_then(code)?;
        if done.len() == self.steps {
            return Some(End::Exited(if last == 0 { 0 } else { STEP_FAILED }));
        }
        (last != 0 && !may_fail(done.len() - 1)).then_some(End::Exited(STEP_FAILED))
    }

    /// The run ended. A step that was stopped is the last exit, with what it had printed.
    ///
    /// Fails when the script itself could not run, or when marks are missing that must be there.
    pub fn finish(self, end: End, elapsed: Duration) -> Result<Exits, SandboxError> {
        let steps = self.steps;
        let (stdout, running) = self.stdout.finish();
        let (stderr, complaint) = self.stderr.finish();
        let mut complaints = stderr.into_iter();
        let mut exits = Vec::with_capacity(stdout.len() + 1);
        for part in stdout {
            let code = code(&part).ok_or_else(|| SandboxError::Protocol("a mark without a code".into()))?;
            exits.push(exit(code, part, complaints.next().unwrap_or_default()));
        }
        let failed = exits.last().is_some_and(|exit| exit.code != 0);
        let ended = match end {
            End::Exited(0) if exits.len() == steps => Ended::Normally,
            End::Exited(STEP_FAILED) if failed => Ended::Normally,
            // Every mark is there, so the steps are done and only the cleaning up was stopped.
            _ if exits.len() == steps => Ended::Normally,
            End::Exited(TIMED_OUT) => Ended::TimedOut,
            End::Exited(CANCELLED) => Ended::Cancelled,
            End::Exited(KILLED) | End::Signalled => Ended::Killed,
            End::Exited(0 | STEP_FAILED) => return Err(SandboxError::Protocol("marks are missing".into())),
            End::Exited(code) => {
                let said =
                    String::from_utf8_lossy(&complaint.kept).trim().chars().take(300).collect::<String>();
                return Err(SandboxError::Unsuitable(format!("exit code {code}: {said}")));
            }
        };
        if ended != Ended::Normally {
            let code = if ended == Ended::TimedOut { TIMED_OUT } else { KILLED };
            // Its standard error is the next unfinished one, or the rest.
            exits.push(exit(code, running, complaints.next().unwrap_or(complaint)));
        }
        Ok(Exits { steps: exits, ended, elapsed })
    }
}

/// The second number of a mark.
fn micros(part: &Part) -> Option<u64> {
    part.numbers.as_deref()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The first number of a mark.
fn code(part: &Part) -> Option<i32> {
    part.numbers.as_deref()?.split_ascii_whitespace().next()?.parse().ok()
}

fn exit(code: i32, out: Part, err: Part) -> Exit {
    Exit { code, stdout: out.kept, stderr: err.kept, omitted_bytes: out.omitted_bytes + err.omitted_bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "00112233445566778899aabbccddeeff";
    const SECOND: Duration = Duration::from_secs(1);

    fn decode(stdout: &[&[u8]], stderr: &[&[u8]], steps: usize, end: End) -> Result<Exits, SandboxError> {
        let mut decoder = Decoder::new(NONCE, steps, 10);
        for piece in stdout {
            decoder.stdout(piece);
        }
        for piece in stderr {
            decoder.stderr(piece);
        }
        decoder.finish(end, SECOND)
    }

    fn mark(code: i32) -> Vec<u8> {
        format!("\0{NONCE} {code} 17\n").into_bytes()
    }

    #[test]
    fn output_is_the_same_however_it_is_cut() {
        let out = [b"a\0b\0\0".as_slice(), &mark(0), b"", &mark(3), b"\0".as_slice()].concat();
        let err = format!("x\0{NONCE}\ny\0{NONCE}\n").into_bytes();
        let whole = decode(&[&out], &[&err], 2, End::Exited(1)).unwrap();
        assert_eq!(whole.steps.len(), 2);
        assert_eq!(
            (whole.steps[0].stdout.as_slice(), whole.steps[0].stderr.as_slice()),
            (&b"a\0b\0\0"[..], &b"x"[..])
        );
        assert_eq!((whole.steps[1].code, whole.steps[1].stderr.as_slice()), (3, &b"y"[..]));
        for cut in 0..out.len() {
            let cut_err = cut.min(err.len());
            let pieces =
                decode(&[&out[..cut], &out[cut..]], &[&err[..cut_err], &err[cut_err..]], 2, End::Exited(1));
            assert_eq!(pieces.unwrap(), whole, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = out.chunks(1).collect();
        let err_bytes: Vec<&[u8]> = err.chunks(1).collect();
        assert_eq!(decode(&bytes, &err_bytes, 2, End::Exited(1)).unwrap(), whole);
    }

    #[test]
    fn the_time_of_the_steps_is_read_from_their_marks() {
        let mut decoder = Decoder::new(NONCE, 2, 10);
        decoder.stdout(&[mark(0), mark(1), b"\0".to_vec()].concat());
        assert_eq!(decoder.git_time(), Duration::from_micros(34));
    }

    #[test]
    fn output_beyond_the_limit_is_counted_and_dropped() {
        let out = [vec![b'x'; 25], mark(0)].concat();
        let exits = decode(&[&out], &[], 1, End::Exited(0)).unwrap();
        assert_eq!(exits.steps[0].stdout.len(), 10);
        assert_eq!(exits.steps[0].omitted_bytes, 15);
        assert_eq!(exits.bytes(), 25);
    }

    #[test]
    fn a_mark_of_another_run_is_output() {
        let forged = format!("\0{} 0 1\n", "f".repeat(32));
        let out = [forged.as_bytes(), &mark(0)].concat();
        let mut decoder = Decoder::new(NONCE, 1, 1000);
        decoder.stdout(&out);
        let exits = decoder.finish(End::Exited(0), SECOND).unwrap();
        assert_eq!(exits.steps[0].stdout, forged.as_bytes());
    }

    #[test]
    fn a_step_that_was_stopped_is_the_last_exit() {
        let out = [mark(0), b"half".to_vec()].concat();
        let exits = decode(&[&out], &[], 3, End::Exited(124)).unwrap();
        assert_eq!(exits.ended, Ended::TimedOut);
        assert_eq!(exits.steps.len(), 2);
        assert_eq!((exits.steps[1].code, exits.steps[1].stdout.as_slice()), (124, &b"half"[..]));
        assert_eq!(decode(&[&out], &[], 3, End::Exited(143)).unwrap().ended, Ended::Cancelled);
        for end in [End::Signalled, End::Exited(137)] {
            assert_eq!(decode(&[&out], &[], 3, end).unwrap().ended, Ended::Killed);
        }
    }

    #[test]
    fn a_stop_after_the_last_mark_changes_nothing() {
        let exits = decode(&[&mark(0)], &[], 1, End::Exited(124)).unwrap();
        assert_eq!(exits.ended, Ended::Normally);
        assert_eq!(exits.steps.len(), 1);
    }

    #[test]
    fn an_end_without_its_marks_is_not_a_success() {
        assert!(matches!(decode(&[b"x"], &[], 1, End::Exited(0)), Err(SandboxError::Protocol(_))));
        assert!(matches!(decode(&[], &[b"no bash"], 1, End::Exited(127)), Err(SandboxError::Unsuitable(_))));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..500 {
            let mut decoder = Decoder::new(NONCE, 2, 50);
            for _ in 0..20 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let whole = mark(7);
                let cut = usize::try_from(state % 40).unwrap();
                decoder.stdout(if state & 1 == 0 { &whole[..cut] } else { &whole[cut..] });
                decoder.stderr(&state.to_le_bytes());
            }
            let _ = decoder.finish(End::Exited(0), SECOND);
        }
    }
}
