//! `file-read`: what stands in a file.

mod contents;
mod source;

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use super::file_write::Encoding;
use super::script::{Script, scratch};
use super::workspace;
use crate::{Budget, Context, Decision, Done, Exits, Operation, Page, Place, Rejection, Remotes, check};

/// Reads a file or a part of it, as it is in the working tree, as a commit has it, or one side of a conflict.
/// A symbolic link is not followed: its contents are where it leads.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileRead {
    /// The sandbox to look into.
    pub sandbox_id: String,
    /// The file, relative to the workspace.
    pub path: String,
    /// The commit: HEAD, a branch, a tag or an object id; the working tree if neither this nor `stage` is given.
    #[serde(default)]
    pub revision: Option<String>,
    /// What the index has: 0 what is staged; in a conflict 1 the base, 2 ours, 3 theirs.
    #[serde(default)]
    pub stage: Option<u8>,
    /// Only these lines, counted from 1: `10-20`, `10-` to the end, or `10`.
    #[serde(default)]
    pub lines: Option<String>,
    /// Only these bytes, counted from 0: `0-1023`, `1024-` to the end. Not together with `lines`.
    #[serde(default)]
    pub bytes: Option<String>,
    /// How `content` is wanted. What is not UTF-8 comes in base64 anyway.
    #[serde(default)]
    pub encoding: Encoding,
}

/// The file, or a page of it: the pages' contents joined are the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileReadOutput {
    /// As asked.
    pub path: String,
    /// The id that git gives these contents, as they are; `None` for a symbolic link of the working tree.
    pub oid: Option<String>,
    /// git's mode: `100644`, `100755` for what may be run, `120000` for a symbolic link.
    pub mode: String,
    /// The whole file's size in bytes.
    pub size: u64,
    /// How `content` is written on this page.
    pub encoding: Encoding,
    /// The contents of this page.
    pub content: String,
    /// What is not on this page.
    #[serde(flatten)]
    pub page: Page,
}

impl Operation for FileRead {
    const NAME: &'static str = "file-read";
    const EFFECT: Effect = Effect::Reads;
    const SHOWS_CONTENTS: bool = true;
    const PAGES: bool = true;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "path": "README.md", "lines": "1-100"}"#;
    type Output = FileReadOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::path::path("path", &self.path)?;
        if self.path.split('/').any(|part| part.is_empty() || part == ".") {
            return Err(Rejection::argument("path", "must name a file, without '.' or empty parts"));
        }
        self.revision.as_deref().map_or(Ok(()), |name| check::reference::revision("revision", name))?;
        if self.stage.is_some_and(|stage| stage > 3 || self.revision.is_some()) {
            return Err(Rejection::argument(
                "stage",
                "must be 0 to 3, and not be set together with 'revision'",
            ));
        }
        self.lines.as_deref().map_or(Ok(()), |lines| check::range::range("lines", lines, 1).map(drop))?;
        self.bytes.as_deref().map_or(Ok(()), |bytes| check::range::range("bytes", bytes, 0).map(drop))?;
        if self.lines.is_some() && self.bytes.is_some() {
            return Err(Rejection::argument("bytes", "must not be set together with 'lines'"));
        }
        Ok(())
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let script = self.script(context);
        let Some(exits) = rounds.first() else {
            let mut plan = script.reading(context, Self::BUDGET, rounds);
            plan.scratch = Some(scratch(context));
            return Decision::run(plan);
        };
        if let Some(failure) = self.refused(&script, exits) {
            return failure.into();
        }
        let paging = &context.envelope.page;
        self.contents(&script, exits, paging).map_or_else(Decision::from, |output| Done::with(output).into())
    }

    fn recorded_output(output: &Self::Output) -> Option<Value> {
        Some(json!({
            "path": output.path,
            "oid": output.oid,
            "mode": output.mode,
            "size": output.size,
            "truncated": output.page.truncated,
        }))
    }
}

impl FileRead {
    /// Finds the file, tells what it is, and copies out the part that is asked for.
    fn script(&self, context: &Context<'_>) -> Script {
        let script = source::steps(self, context, Script::default());
        contents::steps(self, context, script)
    }

    fn refused(&self, script: &Script, exits: &Exits) -> Option<crate::Failure> {
        // A symbolic link has been read already, and nothing after that applies to it.
        if script.ok(exits, "link") && script.stopped_at(exits) == Some("file") {
            return None;
        }
        source::refused(self, script, exits).or_else(|| script.failure(exits, SideEffect::None))
    }
}
