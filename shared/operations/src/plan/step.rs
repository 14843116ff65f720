//! One program with its arguments. Arguments are an array; there is never shell text.

/// One program, run in a directory of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Arguments that are not known before the plan runs.
    pub given: Vec<Given>,
    /// Where; relative to the user's home, or absolute.
    pub dir: String,
    /// What it reads.
    pub stdin: Input,
    /// Where its output goes.
    pub stdout: Sink,
    /// When true, a failure of this step does not end the plan.
    pub may_fail: bool,
}

/// An argument that an earlier step of the same plan finds out, such as the id of a tree that it wrote: what
/// that step printed, without the line ends at its end. So a plan stays one round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// Its place in [`Step::argv`], which has an empty text there.
    pub argument: usize,
    /// The step that prints it, counted from 0 in the plan.
    pub step: usize,
}

/// What a step reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Input {
    /// Nothing: `/dev/null`.
    #[default]
    Nothing,
    /// A short text (at most 64 KiB), for example a commit message or a list of paths. NUL bytes are
    /// written as `\0` between [`Input::Fields`] only.
    Text(String),
    /// Fields, each followed by a NUL byte: what `--pathspec-file-nul` and `-z` read.
    Fields(Vec<String>),
    /// A file of the sandbox.
    File(String),
}

/// Where a step's output goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sink {
    /// Into the answer.
    #[default]
    Answer,
    /// Into a file of the sandbox.
    File(String),
}

impl Step {
    /// A program in a directory.
    pub fn new<I>(dir: impl Into<String>, argv: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            given: Vec::new(),
            dir: dir.into(),
            stdin: Input::Nothing,
            stdout: Sink::Answer,
            may_fail: false,
        }
    }

    /// git in the workspace. Pathspecs are literal, output is never paged.
    pub fn git<I>(arguments: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let argv = std::iter::once("git".to_owned()).chain(arguments.into_iter().map(Into::into));
        Self::new(crate::context::WORKSPACE, argv)
    }

    /// The same step, reading this.
    #[must_use]
    pub fn reading(mut self, stdin: Input) -> Self {
        self.stdin = stdin;
        self
    }

    /// The same step, writing to a file.
    #[must_use]
    pub fn writing(mut self, path: impl Into<String>) -> Self {
        self.stdout = Sink::File(path.into());
        self
    }

    /// The same step, whose failure does not end the plan.
    #[must_use]
    pub fn may_fail(mut self) -> Self {
        self.may_fail = true;
        self
    }

    /// The same step with more arguments.
    #[must_use]
    pub fn with<I>(mut self, arguments: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.argv.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// The same step with one more argument: what the step of this number prints.
    #[must_use]
    pub fn given(mut self, step: usize) -> Self {
        self.given.push(Given { argument: self.argv.len(), step });
        self.argv.push(String::new());
        self
    }

    /// The same step, in another directory.
    #[must_use]
    pub fn inside(mut self, dir: impl Into<String>) -> Self {
        self.dir = dir.into();
        self
    }
}
