//! Where the contents come from: a file that can be cut, and what is known of it.
//!
//! A revision is resolved, the path looked up in its tree, and the blob put into the sandbox's memory, all in
//! one plan; so is a side of a conflict. A file of the working tree is read where it is.

use gitledger_events::operation::SideEffect;

use super::FileRead;
use crate::failure::{classify, codes};
use crate::git::script::Script;
use crate::git::{file_write, revision, room, tree_list};
use crate::{Context, Exits, Failure, Step};

/// The largest file of a commit, in bytes: it lies in the sandbox's memory while it is read.
const BLOB_BYTES_MAX: &str = "67108864";

/// The file from which the contents are cut.
pub(super) fn file(read: &FileRead, context: &Context<'_>) -> String {
    if from_worktree(read) { format!("./{}", read.path) } else { context.scratch("blob") }
}

fn from_worktree(read: &FileRead) -> bool {
    read.revision.is_none() && read.stage.is_none()
}

/// The steps before the contents are cut.
pub(super) fn steps(read: &FileRead, context: &Context<'_>, script: Script) -> Script {
    let pins = context.envelope.page.pins();
    if from_worktree(read) {
        return in_worktree(read, script);
    }
    let (script, at) = match (&read.revision, pins) {
        // A later page: the id is known, wherever the names lead now.
        (_, Some([oid, ..])) => {
            let oid = Step::git(["rev-parse", "--verify", "--quiet", "--end-of-options", oid]);
            (script.step("oid", oid), 0)
        }
        (Some(name), _) => {
            let path = ["--", &read.path];
            let tree = |flags: &[&str]| Step::git(["ls-tree", "--full-tree"]).with(flags.iter().copied());
            let entry = tree(&["-z"]).given(0).with(path);
            let oid = tree(&["--object-only"]).given(0).with(path);
            let commit = revision::step(name);
            (script.step("commit", commit).step("entry", entry).step("oid", oid), 2)
        }
        (None, _) => {
            let entry = Step::git(["ls-files", "--stage", "-z", "--full-name", "--", &read.path]);
            let name = format!(":{}:{}", read.stage.unwrap_or_default(), read.path);
            let oid = Step::git(["rev-parse", "--verify", "--end-of-options", &name]);
            (script.step("entry", entry).step("oid", oid), 1)
        }
    };
    script
        .step("size", Step::git(["cat-file", "-s"]).given(at))
        .step("fits", room::inside(["test"]).given(at + 1).with(["-le", BLOB_BYTES_MAX]))
        .step("blob", Step::git(["cat-file", "blob"]).given(at).writing(file(read, context)))
}

/// Every name starts with `./`, so that none is taken for an option or an operator.
fn in_worktree(read: &FileRead, script: Script) -> Script {
    let target = format!("./{}", read.path);
    let folder = target.rsplit_once('/').map_or(".", |(folder, _)| folder).to_owned();
    script
        .step("links", room::inside(file_write::no_links(&folder)))
        .step("link", room::inside(["readlink", "-n", &target]).may_fail())
        .step("exists", room::inside(["test", "-e", &target, "-o", "-L", &target]))
        .step("file", room::inside(["test", "-f", &target, "-a", "!", "-L", &target]))
        .step("stat", room::inside(["stat", "--format=%s %f", &target]))
        .step("oid", Step::git(["hash-object", "--no-filters", "--", &target]))
}

/// Why there is nothing to read.
pub(super) fn refused(read: &FileRead, script: &Script, exits: &Exits) -> Option<Failure> {
    let name = read.revision.as_deref().unwrap_or_default();
    if let Some(failure) = revision::not_found(script, exits, "commit", name) {
        return Some(failure);
    }
    let path = &read.path;
    if let Some(exit) = script.exit(exits, "entry").filter(|exit| exit.ok()) {
        let mut entries = tree_list::parse(&exit.stdout).into_iter();
        let side = read.stage.map(|stage| stage.to_string());
        // In the index's list the stage stands where a tree's has the id.
        let entry = match &side {
            Some(side) => entries.find(|entry| entry.path == *path && entry.oid == *side),
            None => entries.next(),
        };
        match entry.as_ref().map(|entry| entry.kind.as_str()) {
            None => {
                let whose = side.map_or_else(|| name.to_owned(), |side| format!("Stage {side} of the index"));
                return Some(Failure::new(codes::PATH_NOT_FOUND, format!("{whose} has no file {path}.")));
            }
            Some("folder" | "submodule") => return Some(not_a_file(path)),
            Some(_) => {}
        }
    }
    let at = script.stopped_at(exits)?;
    let code = exits.last().map_or(0, |exit| exit.code);
    Some(match at {
        "links" if code == 1 => {
            Failure::new(codes::PATH_OUTSIDE_REPO, format!("{path} leads through a symbolic link."))
        }
        "exists" if code == 1 => Failure::new(codes::PATH_NOT_FOUND, format!("There is no file {path}.")),
        "file" if code == 1 => not_a_file(path),
        "fits" if code == 1 => {
            Failure::new(codes::FILE_TOO_LARGE, format!("{path} has more than {BLOB_BYTES_MAX} bytes."))
        }
        "size" | "blob" => absent(exits, path),
        _ => return None,
    })
}

fn not_a_file(path: &str) -> Failure {
    Failure::new(codes::PATH_NOT_A_FILE, format!("{path} is no file."))
}

/// The tree names the object, and it is not there: the clone's filter left it out.
fn absent(exits: &Exits, path: &str) -> Failure {
    let failure = classify(exits, SideEffect::None);
    if failure.code != codes::UNKNOWN_GIT_ERROR {
        return failure;
    }
    let message = format!("The contents of {path} are not in the workspace.");
    Failure::new(codes::LAZY_FETCH_FAILED, message)
}
