//! `move`: gives a file or a folder another name.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file_write::no_links;
use super::script::Script;
use super::{left_behind, listing, room, workspace};
use crate::failure::codes;
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, Step, Undo, check,
};

/// Gives a file or a folder that git knows another name, and stages that. Folders on the way are made.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// Its name now, relative to the workspace.
    pub from: String,
    /// Its whole new name, relative to the workspace. A folder of this name is never moved into.
    pub to: String,
    /// Replace a file that has the new name.
    #[serde(default)]
    pub force: bool,
}

/// What was moved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MoveOutput {
    /// Its name before.
    pub from: String,
    /// Its name now.
    pub to: String,
    /// How many files have another name now: those that git knows.
    pub files: u64,
    /// True when this only says what would be.
    pub dry_run: bool,
}

impl Operation for Move {
    const NAME: &'static str = "move";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "from": "notes.txt", "to": "docs/notes.txt"}"#;
    const DRY_RUN: bool = true;
    const UNDO: Undo = Undo::Snapshot;
    type Output = MoveOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        for (field, path) in [("from", &self.from), ("to", &self.to)] {
            check::path::path(field, path)?;
            if path.split('/').any(|part| part.is_empty() || part == ".") {
                return Err(Rejection::argument(field, "must be a name without '.' or empty parts"));
            }
        }
        let inside =
            self.to.strip_prefix(&self.from).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if inside {
            return Err(Rejection::argument("to", "must be another name than 'from', and not inside it"));
        }
        Ok(())
    }

    fn endangers_files(&self) -> bool {
        true
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let dry_run = context.envelope.dry_run;
        let script = self.script(dry_run);
        let Some(exits) = rounds.first() else {
            return Decision::run(script.writing(context, Self::BUDGET, rounds));
        };
        if let Some(at) = script.stopped_at(exits) {
            return self.refused(at, &script, exits).into();
        }
        let files = listing::read(script.exit(exits, "listed")).len();
        Done::with(MoveOutput {
            from: self.from.clone(),
            to: self.to.clone(),
            files: u64::try_from(files).unwrap_or(u64::MAX),
            dry_run,
        })
        .into()
    }
}

impl Move {
    /// Every name that is not git's starts with `./`, so that none is taken for an option or an operator.
    fn script(&self, dry_run: bool) -> Script {
        let (from, to) = (format!("./{}", self.from), format!("./{}", self.to));
        let folder = |path: &str| path.rsplit_once('/').map_or(".", |(folder, _)| folder).to_owned();
        let rename = |check: bool| {
            let step = Step::git(["mv"]).with(self.force.then_some("--force"));
            step.with(check.then_some("--dry-run")).with(["--", &self.from, &self.to])
        };
        let script = Script::default()
            .step("from-links", room::inside(no_links(&folder(&from))))
            .step("to-links", room::inside(no_links(&folder(&to))))
            .step("folder-there", room::inside(["test", "!", "-d", &to]))
            .step("listed", Step::git(["ls-files", "-z", "--deduplicate", "--", &self.from]))
            .step("check", rename(true));
        if dry_run {
            return script;
        }
        script.step("folder", room::inside(["mkdir", "-p", &folder(&to)])).step("move", rename(false))
    }

    fn refused(&self, at: &str, script: &Script, exits: &Exits) -> Failure {
        let code = exits.last().map_or(0, |exit| exit.code);
        let (path, code) = match at {
            "from-links" if code == 1 => (&self.from, codes::PATH_OUTSIDE_REPO),
            "to-links" if code == 1 => (&self.to, codes::PATH_OUTSIDE_REPO),
            "folder-there" if code == 1 => (&self.to, codes::PATH_EXISTS),
            "folder" if code == 1 => (&self.to, codes::PATH_NOT_FOUND),
            _ => {
                let failure = left_behind::failure(script, exits, "move");
                return failure.unwrap_or_else(|| Failure::new(codes::UNKNOWN_GIT_ERROR, ""));
            }
        };
        let said = match code {
            codes::PATH_EXISTS => "is a folder that exists",
            codes::PATH_NOT_FOUND => "has no folder to be in: a file has its name",
            _ => "leads through a symbolic link",
        };
        Failure::new(code, format!("{path} {said}."))
    }
}
