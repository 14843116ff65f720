//! `blame`: which commit a line comes from.

mod groups;

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::script::Script;
use super::{revision, tree_list, workspace};
use crate::failure::codes;
use crate::page::{Paging, digest};
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Page, Place, Rejection, Remotes, Step, check,
};

/// Tells for every line of a file which commit it comes from, by whom and when. The lines themselves are
/// read with `file-read`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Blame {
    /// The sandbox to look into.
    pub sandbox_id: String,
    /// The file, relative to the workspace.
    pub path: String,
    /// The commit: HEAD, a branch, a tag or an object id; the working tree if not given.
    #[serde(default)]
    pub revision: Option<String>,
    /// Only these lines: `10-20`, `10-` or `10`, at most 50 ranges; all if empty.
    #[serde(default)]
    pub lines: Vec<String>,
    /// Also find lines that were moved within the file.
    #[serde(default)]
    pub detect_moves: bool,
}

/// Which commits the lines come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlameOutput {
    /// In the order of the lines.
    pub groups: Vec<Group>,
    /// How many groups there are, on this page or not.
    pub groups_total: u64,
    /// What is not on this page: the first lines of groups.
    #[serde(flatten)]
    pub page: Page,
}

/// Lines next to each other that come from the same commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    /// The first line, counted from 1.
    pub line: u64,
    /// How many lines.
    pub lines: u64,
    /// The commit; `None` for lines that are not committed yet.
    pub commit: Option<String>,
    /// Who wrote them.
    pub author: String,
    /// The author's address.
    pub author_email: String,
    /// When, ISO 8601 in UTC.
    pub authored_at: String,
    /// The first line of the commit's message.
    pub subject: String,
    /// The file's name in that commit.
    pub orig_path: String,
    /// The first line's number in that commit.
    pub orig_line: u64,
    /// True when the workspace's history ends here: the lines may be older.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub boundary: bool,
}

const RANGES_MAX: usize = 50;
/// What the answer takes besides groups.
const FRAME_BYTES: usize = 250;

impl Operation for Blame {
    const NAME: &'static str = "blame";
    const EFFECT: Effect = Effect::Reads;
    const PAGES: bool = true;
    const BUDGET: Budget = Budget { output_bytes: 16 << 20, ..Budget::LOCAL };
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "path": "README.md", "lines": ["1-20"]}"#;
    type Output = BlameOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::path::path("path", &self.path)?;
        self.revision.as_deref().map_or(Ok(()), |name| check::reference::revision("revision", name))?;
        if self.lines.len() > RANGES_MAX {
            return Err(Rejection::argument("lines", "must be at most 50 ranges"));
        }
        let range =
            |(index, text): (usize, &String)| check::range::range(&format!("lines[{index}]"), text, 1);
        self.lines.iter().enumerate().try_for_each(|line| range(line).map(drop))
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let paging = &context.envelope.page;
        let script = self.script(paging);
        let Some(exits) = rounds.first() else {
            return Decision::run(script.reading(context, Self::BUDGET, rounds));
        };
        let name = self.revision.as_deref().unwrap_or("HEAD");
        if let Some(failure) = revision::not_found(&script, exits, "commit", name) {
            return failure.into();
        }
        if let Some(failure) = script.failure(exits, SideEffect::None) {
            return self.refused(failure, &script, exits).into();
        }
        read(&script, exits, paging).map_or_else(Decision::from, |output| Done::with(output).into())
    }

    fn recorded_output(output: &Self::Output) -> Option<Value> {
        Some(json!({"groups": output.groups_total, "truncated": output.page.truncated}))
    }
}

impl Blame {
    /// The revision goes without `--end-of-options`, which `blame` does not know: it is an object id.
    fn script(&self, paging: &Paging) -> Script {
        let revision = self
            .revision
            .as_deref()
            .map(|revision| paging.pins().and_then(<[String]>::first).map_or(revision, String::as_str));
        let mut blame = Step::git(["blame", "--incremental", "--root", "--ignore-revs-file="]).with([
            "--no-textconv",
            "--no-progress",
            "--no-ext-diff",
            "--diff-algorithm=default",
        ]);
        if self.detect_moves {
            blame = blame.with(["-M"]);
        }
        for (first, last) in self.lines.iter().filter_map(|text| check::range::range("", text, 1).ok()) {
            let last = last.map_or_else(String::new, |last| last.to_string());
            blame = blame.with([format!("-L{first},{last}")]);
        }
        if revision.is_some() {
            blame = blame.given(0);
        }
        // What git says of a missing path it also says of an object that the clone's filter left out.
        let entry = Step::git(["ls-tree", "-z", "--full-tree"]).given(0).with(["--", &self.path]);
        Script::default()
            .step("commit", revision::step(revision.unwrap_or("HEAD")))
            .step("entry", entry)
            .step("blame", blame.with(["--", &self.path]))
    }

    fn refused(&self, failure: Failure, script: &Script, exits: &Exits) -> Failure {
        let listed = script.exit(exits, "entry").map(|exit| tree_list::parse(&exit.stdout));
        let listed = listed.and_then(|entries| entries.into_iter().next());
        match listed {
            _ if failure.code != codes::PATH_NOT_FOUND => failure,
            Some(entry) if ["folder", "submodule"].contains(&entry.kind.as_str()) => {
                Failure::new(codes::PATH_NOT_A_FILE, format!("{} is a folder.", self.path))
            }
            Some(_) if self.revision.is_some() => {
                let message = format!("The contents of {} are not in the workspace.", self.path);
                Failure::new(codes::LAZY_FETCH_FAILED, message)
            }
            _ => failure,
        }
    }
}

fn read(script: &Script, exits: &Exits, paging: &Paging) -> Result<BlameOutput, Box<Failure>> {
    let exit = script.exit(exits, "blame").cloned().unwrap_or_default();
    let commit = script.line(exits, "commit").unwrap_or_default();
    let groups = groups::parse(&exit.stdout);
    // Not of what was printed: lines that are not committed have the time of asking.
    let listed = serde_json::to_vec(&groups).unwrap_or_default();
    let pins = [commit, digest(&listed)];
    paging.same(&pins)?;
    let groups_total = groups.len() as u64;
    let (groups, mut page) = paging.cut(groups, &pins, FRAME_BYTES, |group| group.line.to_string());
    page.truncated |= exit.omitted_bytes > 0;
    Ok(BlameOutput { groups, groups_total, page })
}
