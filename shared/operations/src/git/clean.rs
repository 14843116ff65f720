//! `clean`: removes files that git does not know.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::{self, Told};
use super::script::{Script, scratch};
use super::{room, workspace};
use crate::failure::classify;
use crate::{
    Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes, Step, Undo, check,
};

/// Removes files that git does not know. Without `force` nothing is removed, and what would be is listed.
/// A snapshot is kept of what is removed, but not of ignored files: those are gone. Repositories inside
/// the workspace are never removed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clean {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// Really remove.
    #[serde(default)]
    pub force: bool,
    /// Folders too that hold nothing git knows. Where `files` are named, always.
    #[serde(default)]
    pub directories: bool,
    /// What becomes of files that a .gitignore file excludes.
    #[serde(default)]
    pub ignored: Ignored,
    /// Only below these paths, relative to the workspace and taken literally.
    #[serde(default)]
    pub files: Vec<String>,
}

/// What becomes of ignored files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ignored {
    /// They stay.
    #[default]
    Keep,
    /// They are removed as well.
    Also,
    /// Only they are removed.
    Only,
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CleanOutput {
    /// The files. Folders that are empty are not listed.
    #[serde(flatten)]
    pub removed: Told,
    /// False when there was nothing to remove, or nothing was to be removed.
    pub changed: bool,
    /// True when this only says what would be.
    pub dry_run: bool,
}

/// The name of a list in the operation's scratch directory.
const FILES: &str = "files";

impl Operation for Clean {
    const NAME: &'static str = "clean";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "directories": true}"#;
    const DESTRUCTIVE: bool = true;
    const DRY_RUN: bool = true;
    const UNDO: Undo = Undo::Snapshot;
    type Output = CleanOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::path::paths("files", &self.files)
    }

    fn endangers_files(&self) -> bool {
        self.force
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let dry_run = context.envelope.dry_run || !self.force;
        let script = self.script(context, dry_run);
        let Some(exits) = rounds.first() else {
            let mut plan = script.writing(context, Self::BUDGET, rounds);
            plan.scratch = Some(scratch(context));
            return Decision::run(plan);
        };
        if script.stopped_at(exits).is_some() {
            let begun = script.exit(exits, "clean").is_some();
            return classify(exits, if begun { SideEffect::Unknown } else { SideEffect::None }).into();
        }
        let mut files = listing::read(script.exit(exits, "before"));
        // A repository of its own, which is not removed.
        files.retain(|path| !path.ends_with('/'));
        let left = listing::read(script.exit(exits, "after"));
        files.retain(|path| left.binary_search(path).is_err());
        let cut = exits.steps.iter().any(|exit| exit.omitted_bytes > 0);
        let removed = listing::told(files, cut);
        Done::with(CleanOutput { changed: removed.total > 0 && !dry_run, removed, dry_run }).into()
    }

    fn recorded_output(output: &Self::Output) -> Option<serde_json::Value> {
        Some(serde_json::json!({ "removed": output.removed.total, "changed": output.changed }))
    }
}

impl Clean {
    fn script(&self, context: &Context<'_>, dry_run: bool) -> Script {
        let script = if self.whole() { self.everything() } else { self.beside_known(context) };
        if dry_run {
            return script;
        }
        // One `--force` only: the second would remove repositories too.
        let clean = ["git", "clean", "--force", "--quiet", "-d"];
        let clean = if self.whole() {
            let ignored = match self.ignored {
                Ignored::Keep => None,
                Ignored::Also => Some("-x"),
                Ignored::Only => Some("-X"),
            };
            listing::and_paths(room::inside(clean).with(ignored), &self.files)
        } else {
            let named = ["xargs", "-0", "-r", "-a", &context.scratch(FILES)];
            room::inside(named).with(clean).with(["-x", "--"])
        };
        let left = Step::git(["ls-files", "--others", "-z"]);
        script.step("clean", clean).step("after", listing::and_paths(left, &self.files))
    }

    /// Whether folders are gone through that hold nothing git knows. git does where paths are named.
    fn whole(&self) -> bool {
        self.directories || !self.files.is_empty()
    }

    /// Lists every file. A repository of its own is one entry, which ends with a slash.
    fn everything(&self) -> Script {
        let list = Step::git(["ls-files", "--others", "-z"]);
        let list = match self.ignored {
            Ignored::Keep => list.with(["--exclude-standard"]),
            Ignored::Also => list,
            Ignored::Only => list.with(["--ignored", "--exclude-standard"]),
        };
        Script::default().step("before", listing::and_paths(list, &self.files))
    }

    /// Lists the files in folders where git knows something. Ignored ones are picked out of that list, and
    /// git is told to remove the list: left to itself it goes into some of the other folders.
    fn beside_known(&self, context: &Context<'_>) -> Script {
        let (listed, files) = (context.scratch("listed"), context.scratch(FILES));
        let list = Step::git(["ls-files", "--others", "--directory", "-z"]);
        let list = list.with((self.ignored == Ignored::Keep).then_some("--exclude-standard"));
        // A folder where git knows nothing is one entry, which ends with a slash.
        let plain = room::inside(["grep", "-z", "-v", "/$", &listed]).may_fail();
        let script = Script::default().step("listed", list.writing(&listed));
        let script = if self.ignored == Ignored::Only {
            let (all, ignored) = (context.scratch("all"), context.scratch("ignored"));
            let list = Step::git(["ls-files", "--others", "--ignored", "--exclude-standard", "-z"]);
            // Both are sorted: git sorts what it lists.
            let both = room::inside(["comm", "-z", "-12", &all, &ignored]);
            script
                .step("plain", plain.writing(&all))
                .step("ignored", list.writing(&ignored))
                .step("both", both.writing(&files))
        } else {
            script.step("plain", plain.writing(&files))
        };
        script.step("before", room::inside(["cat", &files]))
    }
}
