//! A run under a lease: the sandbox itself checks the lease's epoch, and what the run prints outlives whoever
//! asked for it.
//!
//! The ledger decides who has a lease. But a function may be frozen after it has looked, and wake when the
//! lease is another's; only the sandbox, where the effect would be, can refuse it then. `fence.sh` does.

use gitledger_operations::plan::{Exits, Plan};

use super::decode::Decoder;
use crate::SandboxError;
use crate::envd::{End, ProcessStart};

/// The fence, and behind it what every plan runs.
const FENCED: &str =
    concat!(include_str!("fence.sh"), "gl_claim \"${@:1:6}\"\nshift 6\ngl_save\n", include_str!("runner.sh"));
/// What finds a run of before.
const RECALL: &str = concat!(include_str!("fence.sh"), include_str!("recall.sh"));
/// What stands for the script's own process id, which only the script knows.
const OWN_PID: &str = "own";
/// What stands for the process id of the script's parent.
const PARENT_PID: &str = "parent";
/// The longest line that is kept with a run, in bytes; a longer one is left out.
pub const LINE_BYTES_MAX: usize = 32 * 1024;
/// Of each of a run's outputs, what is read again.
const RECALLED_BYTES_MAX: usize = 4 << 20;

/// Under which lease a plan runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fence<'a> {
    /// The lease's epoch.
    pub epoch: u64,
    /// Kept with what the run prints, for whoever must make sense of it later: the input of the operation.
    /// One line; a longer one than fits is left out.
    pub line: &'a str,
}

/// How a fenced run was turned away.
pub(super) fn refused(end: End) -> Option<SandboxError> {
    match end {
        End::Exited(76) => Some(SandboxError::Fenced),
        End::Exited(75) => {
            Some(SandboxError::Unavailable("an earlier run in the sandbox does not end".into()))
        }
        _ => None,
    }
}

/// Puts the fence before a run that [`encode`](super::encode()) has made for `sandbox_id`.
pub fn fenced(mut start: ProcessStart, sandbox_id: &str, nonce: &str, fence: Fence<'_>) -> ProcessStart {
    let Some(at) = start.args.iter().position(|argument| argument == super::encode::SCRIPT) else {
        return start;
    };
    let line =
        if fence.line.len() > LINE_BYTES_MAX || fence.line.contains(['\n', '\0']) { "" } else { fence.line };
    // `timeout` makes a process group of its own and of all that it starts.
    let leader = if start.cmd == "bash" { OWN_PID } else { PARENT_PID };
    start.args[at] = FENCED.into();
    let own = [sandbox_id, &fence.epoch.to_string(), &start.tag, nonce, leader, line].map(str::to_owned);
    // Behind the script comes its name.
    start.args.splice(at + 2..at + 2, own);
    start
}

/// What asks for the run with this tag. `stop`: with a claim of its own, which ends earlier runs first.
pub(super) fn recall(sandbox_id: &str, tag: &str, epoch: u64, nonce: &str, stop: bool) -> ProcessStart {
    let flag = if stop { "1" } else { "0" };
    let (epoch, bytes) = (epoch.to_string(), RECALLED_BYTES_MAX.to_string());
    let mut args: Vec<String> =
        ["--norc", "--noprofile", "-p", "-c", RECALL, "gitledger"].map(String::from).into();
    args.extend([sandbox_id, &epoch, tag, nonce, flag, &bytes].map(str::to_owned));
    ProcessStart {
        cmd: "bash".into(),
        args,
        envs: vec![("LC_ALL".into(), "C".into())],
        cwd: None,
        tag: format!("{tag}-recall"),
        timeout: std::time::Duration::from_secs(30),
    }
}

/// What a sandbox says of a run of before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recalled {
    /// There was none with this tag.
    Nothing,
    /// There was none at all: either none ever was, or somebody in the sandbox has removed their traces.
    Blank,
    /// It is not at its end.
    Running,
    /// It is.
    Ended {
        /// The line that was kept with it.
        line: String,
        /// What its steps printed.
        kept: Kept,
    },
}

/// The outputs of a run, as they were kept in the sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    nonce: String,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Kept {
    /// Reads it as a run of this plan. `None` when it did not get to the plan's end: it was stopped, and
    /// nobody can say in the middle of what.
    pub fn exits(&self, plan: &Plan) -> Option<Exits> {
        let decoder = self.decoder(plan);
        let end = decoder.end(|step| plan.steps.get(step).is_some_and(|step| step.may_fail))?;
        let elapsed = decoder.git_time();
        decoder.finish(end, elapsed).ok()
    }

    /// The same when its end is known.
    pub(super) fn ended(&self, plan: &Plan, end: End) -> Option<Exits> {
        let decoder = self.decoder(plan);
        let elapsed = decoder.git_time();
        decoder.finish(end, elapsed).ok()
    }

    fn decoder(&self, plan: &Plan) -> Decoder {
        let mut decoder = Decoder::new(&self.nonce, plan.steps.len(), plan.output_bytes);
        decoder.stdout(&self.stdout);
        decoder.stderr(&self.stderr);
        decoder
    }

    /// How many of its steps came to their end.
    pub fn steps(&self) -> usize {
        let mut decoder = Decoder::new(&self.nonce, usize::MAX, 0);
        decoder.stdout(&self.stdout);
        decoder.finished()
    }
}

/// Makes sense of what `recall.sh` printed.
pub(super) fn recalled(end: End, stdout: &[u8], stderr: &[u8]) -> Result<Recalled, SandboxError> {
    match end {
        End::Exited(0) => {}
        End::Exited(3) => return Ok(Recalled::Nothing),
        End::Exited(5) => return Ok(Recalled::Blank),
        End::Exited(4) => return Ok(Recalled::Running),
        other => {
            return Err(refused(other).unwrap_or_else(|| {
                SandboxError::Unsuitable(format!("recalling a run ended with {other:?}"))
            }));
        }
    }
    let (nonce, rest) = line(stdout);
    let (input, out) = line(rest);
    let (_, err) = line(stderr);
    Ok(Recalled::Ended {
        line: String::from_utf8_lossy(input).into_owned(),
        kept: Kept {
            nonce: String::from_utf8_lossy(nonce).into_owned(),
            stdout: out.to_vec(),
            stderr: err.to_vec(),
        },
    })
}

/// The first line, and the rest.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[]),
    }
}
