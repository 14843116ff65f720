//! `add`: stages changes for the next commit.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::script::Script;
use super::{staging, workspace};
use crate::{Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes, Step, check};

/// Stages changes for the next commit: these files, new and deleted ones included, or everything.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({"sandbox_id": "i0123456789abcdefghij", "files": ["README.md"]}))]
pub struct Add {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// Paths of files or folders, relative to the workspace, taken literally.
    #[serde(default)]
    pub files: Vec<String>,
    /// Everything that is changed, new or deleted.
    #[serde(default)]
    pub all: bool,
}

/// What is staged now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddOutput {
    /// Paths whose staged state is not what HEAD has.
    pub staged: Vec<String>,
    /// True when there are more than fit.
    pub truncated: bool,
}

impl Operation for Add {
    const NAME: &'static str = "add";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "files": ["notes.txt"]}"#;
    type Output = AddOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        if self.all != self.files.is_empty() {
            return Err(Rejection::argument("files", "must name files, or 'all' must be true"));
        }
        check::path::paths("files", &self.files)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let listed = ["diff", "--cached", "--name-only", "-z", "--no-renames", "--no-ext-diff"];
        let script = Script::default()
            .step("add", staging::add_step(&self.files, self.all))
            .step("staged", Step::git(listed.into_iter().chain(["--no-textconv"])));
        let Some(exits) = rounds.first() else {
            return Decision::run(script.writing(context, Self::BUDGET, rounds));
        };
        if let Some(failure) = script.failure(exits, SideEffect::None) {
            return failure.into();
        }
        let listed = script.exit(exits, "staged").cloned().unwrap_or_default();
        let whole = listed.stdout.iter().rposition(|byte| *byte == 0).unwrap_or(0);
        let paths = listed.stdout[..whole].split(|byte| *byte == 0).filter(|path| !path.is_empty());
        Done::with(AddOutput {
            staged: paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect(),
            truncated: listed.omitted_bytes > 0,
        })
        .into()
    }

    fn recorded_output(output: &Self::Output) -> Option<serde_json::Value> {
        Some(serde_json::json!({ "staged": output.staged.len() }))
    }
}
