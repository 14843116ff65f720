//! `tree-list`: which files a commit has.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::script::Script;
use super::{revision, workspace};
use crate::failure::codes;
use crate::page::{Paging, digest};
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Page, Place, Rejection, Remotes, Step, check,
};

/// Lists the files and folders of a commit. What is in the working tree and not committed is told by
/// `status`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TreeList {
    /// The sandbox to look into.
    pub sandbox_id: String,
    /// The commit: HEAD, a branch, a tag or an object id.
    #[serde(default = "head")]
    pub revision: String,
    /// The folder, relative to the workspace; all if not given.
    #[serde(default)]
    pub path: Option<String>,
    /// Everything below, and not only what is in this folder. Then folders themselves are not listed.
    #[serde(default)]
    pub recursive: bool,
    /// Tell files' sizes, too.
    #[serde(default)]
    pub sizes: bool,
}

/// Files and folders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TreeListOutput {
    /// The commit.
    pub commit: String,
    /// In the order of their names.
    pub entries: Vec<TreeEntry>,
    /// How many there are, on this page or not.
    pub entries_total: u64,
    /// What is not on this page.
    #[serde(flatten)]
    pub page: Page,
}

/// A file or a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TreeEntry {
    /// Relative to the workspace.
    pub path: String,
    /// `file`, `link` (a symbolic one), `folder` or `submodule`.
    #[serde(rename = "type")]
    pub kind: String,
    /// git's mode: `100644`, `100755` for what may be run, `120000`, `040000` or `160000`.
    pub mode: String,
    /// The object's id; for a submodule its commit.
    pub oid: String,
    /// In bytes; only of files, if asked for, and if the object is in the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// What the answer takes besides entries.
const FRAME_BYTES: usize = 300;

fn head() -> String {
    "HEAD".to_owned()
}

impl Operation for TreeList {
    const NAME: &'static str = "tree-list";
    const EFFECT: Effect = Effect::Reads;
    const PAGES: bool = true;
    const BUDGET: Budget = Budget { output_bytes: 32 << 20, ..Budget::LOCAL };
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "path": "src", "recursive": true}"#;
    type Output = TreeListOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::reference::revision("revision", &self.revision)?;
        self.path.as_deref().map_or(Ok(()), |path| check::path::path("path", path))
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
        let failure = revision::not_found(&script, exits, "commit", &self.revision)
            .or_else(|| script.failure(exits, SideEffect::None));
        match failure {
            Some(failure) => failure.into(),
            None => self
                .read(&script, exits, paging)
                .map_or_else(Decision::from, |output| Done::with(output).into()),
        }
    }

    fn recorded_output(output: &Self::Output) -> Option<Value> {
        Some(json!({"commit": output.commit, "entries": output.entries_total}))
    }
}

impl TreeList {
    fn script(&self, paging: &Paging) -> Script {
        let revision = paging.pins().and_then(<[String]>::first).unwrap_or(&self.revision);
        let mut list = Step::git(["ls-tree", "-z", "--full-tree"]);
        if self.recursive {
            list = list.with(["-r"]);
        }
        if self.sizes {
            list = list.with(["--long"]);
        }
        list = list.given(0).with(["--"]);
        if let Some(path) = &self.path {
            list = list.with([format!("{}/", path.trim_end_matches('/'))]);
        }
        Script::default().step("commit", revision::step(revision)).step("list", list)
    }

    fn read(&self, script: &Script, exits: &Exits, paging: &Paging) -> Result<TreeListOutput, Box<Failure>> {
        let commit = script.line(exits, "commit").unwrap_or_default();
        let exit = script.exit(exits, "list").cloned().unwrap_or_default();
        let entries = parse(&exit.stdout);
        if let (Some(path), true) = (&self.path, entries.is_empty()) {
            return Err(Box::new(Failure::new(codes::PATH_NOT_FOUND, format!("There is no folder {path}."))));
        }
        let pins = [commit.clone(), digest(&exit.stdout)];
        paging.same(&pins)?;
        let entries_total = entries.len() as u64;
        let (entries, mut page) = paging.cut(entries, &pins, FRAME_BYTES, |entry| entry.path.clone());
        page.truncated |= exit.omitted_bytes > 0;
        Ok(TreeListOutput { commit, entries, entries_total, page })
    }
}

/// Reads `<mode> <type> <oid>[ <size>] TAB <path>`, NUL after each; what is not whole is left out.
pub(super) fn parse(bytes: &[u8]) -> Vec<TreeEntry> {
    let whole = bytes.iter().rposition(|byte| *byte == 0).map_or(&[][..], |end| &bytes[..end]);
    let entry = |record: &[u8]| {
        let record = String::from_utf8_lossy(record);
        let (fields, path) = record.split_once('\t')?;
        let mut fields = fields.split_whitespace();
        let (mode, kind, oid) = (fields.next()?, fields.next()?, fields.next()?);
        let kind = match (kind, mode) {
            (_, "120000") => "link",
            ("tree", _) => "folder",
            ("commit", _) => "submodule",
            _ => "file",
        };
        Some(TreeEntry {
            path: path.to_owned(),
            kind: kind.to_owned(),
            mode: mode.to_owned(),
            oid: oid.to_owned(),
            // `-` for a folder, `BAD` for what the clone's filter left out.
            size: fields.next().and_then(|size| size.parse().ok()),
        })
    };
    whole.split(|byte| *byte == 0).filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::git::noise::noise;

    #[test]
    fn kinds_sizes_and_odd_names_are_read() {
        let text =
            b"100644 blob aa      12\ta b\x00040000 tree bb       -\td\x00120000 blob cc     BAD\tl\tx\x00\
                     160000 commit dd       -\tsub\x00100644 blob ee";
        let entries = parse(text);
        let kinds: Vec<_> = entries.iter().map(|e| (e.path.as_str(), e.kind.as_str(), e.size)).collect();
        assert_eq!(
            kinds,
            [
                ("a b", "file", Some(12)),
                ("d", "folder", None),
                ("l\tx", "link", None),
                ("sub", "submodule", None)
            ]
        );
    }

    #[test]
    fn no_bytes_make_it_panic() {
        noise(1000, b"100644 blobtree\t\0\0a\xff").for_each(|bytes| drop(parse(&bytes)));
    }
}
