//! How the steps of a plan ended.

use std::time::Duration;

/// How the plan as a whole ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every step that was to run has run.
    Normally,
    /// It was stopped for taking too long.
    TimedOut,
    /// It was asked to stop (SIGTERM), and git had time to clean up.
    Cancelled,
    /// A signal ended it (out of memory, a kill).
    Killed,
}

/// What came of a plan: an exit for every step that ran, in order. Steps after the first failure have
/// none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exits {
    /// In the order of the steps.
    pub steps: Vec<Exit>,
    /// How the plan as a whole ended.
    pub ended: Ended,
    /// How long it ran, as the caller saw it.
    pub elapsed: Duration,
}

/// How one step ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// 0 is success.
    pub code: i32,
    /// What it printed, up to the plan's limit.
    pub stdout: Vec<u8>,
    /// What it printed to standard error, up to the plan's limit.
    pub stderr: Vec<u8>,
    /// Bytes of output beyond the limit, counted and dropped.
    pub omitted_bytes: u64,
}

impl Exit {
    /// True when it exited with 0.
    pub fn ok(&self) -> bool {
        self.code == 0
    }

    /// Standard output as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard output as one trimmed line.
    pub fn line(&self) -> String {
        self.text().trim().to_owned()
    }

    /// Standard error as text.
    pub fn error_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

impl Exits {
    /// The exit of a step, if it ran.
    pub fn get(&self, step: usize) -> Option<&Exit> {
        self.steps.get(step)
    }

    /// The last exit, if any step ran.
    pub fn last(&self) -> Option<&Exit> {
        self.steps.last()
    }

    /// The sum of what the steps printed, kept or not.
    pub fn bytes(&self) -> u64 {
        let kept = |exit: &Exit| exit.stdout.len() as u64 + exit.stderr.len() as u64;
        self.steps.iter().map(|exit| kept(exit) + exit.omitted_bytes).sum()
    }
}
