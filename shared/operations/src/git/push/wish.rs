//! What a push, a sync or a deletion is to do to one reference of the remote: one shape for the three.

use std::borrow::Cow;

use crate::PushKind;

/// What is wanted of the remote.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish<'a> {
    /// What is sent.
    pub(crate) source: Source<'a>,
    /// The full name of the remote's reference; `None` for the branch of the current branch's name.
    pub(crate) reference: Option<String>,
    /// What must be there.
    pub(crate) expected: Expected<'a>,
    /// What is there may be lost; then `expected` is [`Expected::Exactly`].
    pub(crate) force: bool,
    /// The message and the files of a commit that is made first.
    pub(crate) commit: Option<(&'a str, &'a [String])>,
    /// True when the remote's branches are fetched first, whatever is to be sent.
    pub(crate) fetches: bool,
    /// How often it is sent, from 1.
    pub(crate) max_attempts: u32,
}

/// What is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Source<'a> {
    /// The current branch.
    #[default]
    Head,
    /// This name or object id of the workspace.
    Revision(Cow<'a, str>),
    /// Nothing: the reference is taken away.
    Nothing,
}

/// What must be at the remote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Expected<'a> {
    /// Something that what is sent builds upon.
    #[default]
    Ancestor,
    /// No such reference.
    Absent,
    /// This object id.
    Exactly(&'a str),
}

/// What becomes of the reference: what a rule for pushes is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is made, or moved to what builds upon it.
    Forward,
    /// It may be moved to something else.
    Force,
    /// It is taken away.
    Delete,
}

impl Wish<'_> {
    /// The full name of the remote's reference, when HEAD is on this branch. With
    /// [`change`](Self::change) the one place that says what a push, a sync or a deletion is about to do.
    pub(crate) fn target(&self, branch: &str) -> String {
        self.reference.clone().unwrap_or_else(|| format!("refs/heads/{branch}"))
    }

    /// What becomes of it.
    pub(crate) fn change(&self) -> Change {
        match self.source {
            Source::Nothing => Change::Delete,
            _ if self.force => Change::Force,
            _ => Change::Forward,
        }
    }

    /// The same for the policy.
    pub(crate) fn kind(&self) -> PushKind<'_> {
        match (self.change(), self.expected) {
            (Change::Delete, _) => PushKind::Delete,
            (Change::Force, Expected::Exactly(oid)) => PushKind::Force { expected: Some(oid) },
            (Change::Force, _) => PushKind::Force { expected: None },
            (Change::Forward, _) => PushKind::Forward,
        }
    }

    /// True when what others pushed to the same branch is taken in, and the own commits are put on top.
    pub(crate) fn joins(&self) -> bool {
        self.source == Source::Head && self.expected == Expected::Ancestor
    }
}
