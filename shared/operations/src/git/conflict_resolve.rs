//! `conflict-resolve`: says what becomes of a file that git could not join.

mod choice;

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::choice::{Chosen, choose};
use super::conflict::{self, Conflict, ConflictSide, contents};
use super::conflict_show::not_conflicted;
use super::file_write::{self, Encoding};
use super::script::{Script, scratch};
use super::{room, unfinished, workspace};
use crate::failure::{classify, codes};
use crate::plan::{Ended, Input, Upload};
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Plan, Rejection, Remotes, Step, Undo,
    check,
};

/// Resolves the conflict of one file, in the working tree and in what is staged: with a side, with both one
/// after the other, hunk by hunk, with contents of your own, or by deleting it. Then go on with `sequencer`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConflictResolve {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// The file, as `conflict-list` names it.
    pub path: String,
    /// What it becomes. A side without the file means that it is deleted.
    pub with: Resolution,
    /// The whole file, at most 8 MiB; of a symbolic link where it leads. Only with `content`.
    #[serde(default)]
    pub content: Option<String>,
    /// How `content` is written: as it is, or in base64.
    #[serde(default)]
    pub encoding: Encoding,
    /// What becomes of each hunk that `conflict-show` has. Only with `hunks`.
    #[serde(default)]
    pub hunks: Vec<HunkChoice>,
    /// Take contents that have conflict markers, and leave hunks that are not named between markers.
    #[serde(default)]
    pub allow_markers: bool,
}

/// What a file becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Resolution {
    /// Our side's file: that of HEAD, or in a rebase of what the commits are put on.
    Ours,
    /// Their side's file: that of what is merged in, or of the commit that is put on.
    Theirs,
    /// What it was before both sides changed it.
    Base,
    /// What fits, and in each hunk our lines and then theirs.
    Union,
    /// `content`.
    Content,
    /// What fits, and in each hunk what `hunks` says.
    Hunks,
    /// Nothing: the file is deleted.
    Delete,
}

/// What a hunk becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HunkChoice {
    /// Its number, as `conflict-show` has it.
    pub number: usize,
    /// What it becomes.
    pub with: HunkResolution,
    /// The lines, whole and with their ends. Only with `content`.
    #[serde(default)]
    pub content: Option<String>,
}

/// What a hunk becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HunkResolution {
    /// Our lines.
    Ours,
    /// Their lines.
    Theirs,
    /// The lines before both sides changed them.
    Base,
    /// Our lines and then theirs.
    Union,
    /// `content`.
    Content,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConflictResolveOutput {
    /// The file.
    pub path: String,
    /// What it is now; `None` when it was deleted.
    pub resolved: Option<ConflictSide>,
    /// How many files with conflicts are left.
    pub remaining: u64,
    /// The first of them, if there is one.
    pub next: Option<Conflict>,
    /// What is not finished. When nothing remains, `sequencer` with `continue` finishes it.
    pub in_progress: Option<String>,
}

const CONTENT_BYTES_MAX: usize = 8 << 20;

impl Operation for ConflictResolve {
    const NAME: &'static str = "conflict-resolve";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "path": "README.md", "with": "ours"}"#;
    const UNDO: Undo = Undo::Snapshot;
    type Output = ConflictResolveOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::path::file("path", &self.path)?;
        if (self.with == Resolution::Content) != self.content.is_some() {
            return Err(Rejection::argument("content", "must be given with 'content', and only then"));
        }
        if (self.with == Resolution::Hunks) == self.hunks.is_empty() {
            return Err(Rejection::argument("hunks", "must be given with 'hunks', and only then"));
        }
        if self.content()?.is_some_and(|bytes| bytes.len() > CONTENT_BYTES_MAX) {
            return Err(Rejection::argument("content", "must be at most 8 MiB"));
        }
        for (index, hunk) in self.hunks.iter().enumerate() {
            if hunk.number == 0 || self.hunks[..index].iter().any(|other| other.number == hunk.number) {
                let rule = "must be counted from 1, and each only once";
                return Err(Rejection::argument(format!("hunks[{index}].number"), rule));
            }
            if (hunk.with == HunkResolution::Content) != hunk.content.is_some() {
                let rule = "must be given with 'content', and only then";
                return Err(Rejection::argument(format!("hunks[{index}].content"), rule));
            }
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
        let look = contents::steps(Script::default(), &self.path);
        let Some(looked) = rounds.first() else {
            return match self.markers() {
                Some(failure) => failure.into(),
                None => Decision::run(look.writing(context, Self::BUDGET, rounds)),
            };
        };
        if let Some(failure) = look.failure(looked, SideEffect::None) {
            return failure.into();
        }
        let Some(contents) = contents::read(&look, looked, &self.path) else {
            return not_conflicted(&self.path).into();
        };
        let chosen = match choose(self, &contents) {
            Ok(chosen) => chosen,
            Err(failure) => return failure.into(),
        };
        let script = self.script(context, &contents.conflict, &chosen);
        match &rounds[1..] {
            [] => Decision::run(plan(context, script, &chosen, rounds)),
            [exits] if script.stopped_at(exits) == Some("folder") => {
                let message = format!("{} is a folder in the working tree.", self.path);
                Failure::new(codes::PATH_NOT_A_FILE, message).into()
            }
            [exits] if script.stopped_at(exits).is_some() => {
                Decision::run(self.back(&contents.conflict).writing(context, Self::BUDGET, rounds))
            }
            [exits] => self.read(&script, exits, &chosen).into(),
            [stopped, back, ..] => {
                let whole = back.ended == Ended::Normally && back.last().is_some_and(crate::Exit::ok);
                classify(stopped, if whole { SideEffect::None } else { SideEffect::Unknown }).into()
            }
        }
    }

    fn recorded_input(&self) -> Value {
        json!({
            "sandbox_id": self.sandbox_id,
            "path": self.path,
            "with": self.with,
            "bytes": self.content.as_ref().map(String::len),
            "hunks": self.hunks.len(),
            "allow_markers": self.allow_markers,
        })
    }
}

impl ConflictResolve {
    fn content(&self) -> Result<Option<Vec<u8>>, Rejection> {
        self.content.as_deref().map(|text| file_write::decoded("content", text, self.encoding)).transpose()
    }

    /// The failure of contents that are not resolved themselves.
    fn markers(&self) -> Option<Failure> {
        let own = self.content().ok().flatten().unwrap_or_default();
        let texts = self.hunks.iter().filter_map(|hunk| hunk.content.as_deref()).map(str::as_bytes);
        let marked = texts.chain([own.as_slice()]).any(choice::has_markers);
        let message = "The contents have conflict markers.";
        (marked && !self.allow_markers).then(|| Failure::new(codes::MARKERS_LEFT, message))
    }

    /// First what is staged, because that is what can be put back.
    fn script(&self, context: &Context<'_>, conflict: &Conflict, chosen: &Chosen) -> Script {
        let paths = Input::Fields(vec![self.path.clone()]);
        let literal = ["--pathspec-from-file=-", "--pathspec-file-nul"];
        let restore = ["restore", "--quiet", "--no-progress", "--worktree", "--no-recurse-submodules"];
        let restore = Step::git(restore).with(literal).reading(paths.clone());
        let script = match chosen {
            // A submodule's folder stays, as git leaves it.
            Chosen::Deleted if conflict.sides().any(|side| side.mode == choice::SUBMODULE) => {
                let remove = Step::git(["update-index", "--force-remove", "-z", "--stdin"]);
                Script::default().step("remove", remove.reading(paths))
            }
            Chosen::Deleted => {
                let remove = Step::git(["rm", "--quiet", "--force", "--ignore-unmatch"]).with(literal);
                let script = Script::default().step("folder", no_folder_step(&self.path));
                script.step("remove", remove.reading(paths))
            }
            Chosen::Side(side) => {
                let entry = format!("{} {} 0\t{}", side.mode, side.oid, self.path);
                let index = Step::git(["update-index", "-z", "--index-info"]);
                let file = side.mode != choice::SUBMODULE;
                Script::default()
                    .maybe("folder", file.then(|| no_folder_step(&self.path)))
                    .step("index", index.reading(Input::Fields(vec![entry])))
                    .maybe("file", file.then_some(restore))
            }
            Chosen::Text { bytes, mode, own } => {
                // Contents of a caller are a file's, lines of a stage are git's already.
                let filters = if *own { format!("--path={}", self.path) } else { "--no-filters".to_owned() };
                let blob = Step::git(["hash-object", "-w", "--stdin", &filters]);
                let blob = blob.reading(match file_write::inline(bytes) {
                    Some(text) => Input::Text(text),
                    None => Input::File(context.scratch("content")),
                });
                let index = Step::git(["update-index", "--add", "--cacheinfo", mode]).given(0);
                Script::default()
                    .step("blob", blob)
                    .step("folder", no_folder_step(&self.path))
                    .step("index", index.with([&self.path]))
                    .step("file", restore)
            }
        };
        script.step("conflicts", conflict::list_step()).step("state", unfinished::step())
    }

    /// Puts the stages back; all of them go out first.
    fn back(&self, conflict: &Conflict) -> Script {
        let mut entries = vec![format!("0 {} 0\t{}", "0".repeat(40), self.path)];
        let sides = [&conflict.base, &conflict.ours, &conflict.theirs];
        for (stage, side) in (1..).zip(sides).filter_map(|(stage, side)| Some((stage, side.as_ref()?))) {
            entries.push(format!("{} {} {stage}\t{}", side.mode, side.oid, self.path));
        }
        let index = Step::git(["update-index", "-z", "--index-info"]).reading(Input::Fields(entries));
        Script::default().step("index", index)
    }

    fn read(&self, script: &Script, exits: &Exits, chosen: &Chosen) -> Done<ConflictResolveOutput> {
        let left = conflict::read(script.exit(exits, "conflicts"));
        let resolved = match chosen {
            Chosen::Deleted => None,
            Chosen::Side(side) => Some(side.clone()),
            Chosen::Text { mode, .. } => Some(ConflictSide {
                oid: script.line(exits, "blob").unwrap_or_default(),
                mode: (*mode).clone(),
            }),
        };
        let state = unfinished::read(script.exit(exits, "state"));
        Done::with(ConflictResolveOutput {
            path: self.path.clone(),
            resolved,
            remaining: u64::try_from(left.len()).unwrap_or(u64::MAX),
            next: left.into_iter().next(),
            in_progress: state.map(|state| state.kind.name().to_owned()),
        })
    }
}

/// git would remove a folder in the way with everything in it.
fn no_folder_step(path: &str) -> Step {
    let path = format!("./{path}");
    room::inside(["test", "!", "-d", &path, "-o", "-L", &path])
}

/// With its upload, where the contents are long.
fn plan(context: &Context<'_>, script: Script, chosen: &Chosen, rounds: &[Exits]) -> Plan {
    let mut plan = script.writing(context, ConflictResolve::BUDGET, rounds);
    if let Chosen::Text { bytes, .. } = chosen
        && file_write::inline(bytes).is_none()
    {
        plan.uploads.push(Upload { path: context.scratch("content"), bytes: bytes.clone() });
        plan.scratch = Some(scratch(context));
    }
    plan
}
