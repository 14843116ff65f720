//! A difference as git prints it (`-z --raw --numstat --patch`), read and cut into pages: shared by `diff`,
//! `show` and `compare`.

mod patch;
mod records;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::page::{Paging, digest};
use crate::{Exit, Failure, Page, Step};

/// How much of a difference is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// The lines, and everything below.
    #[default]
    Patch,
    /// How many lines per file, and everything below.
    Stat,
    /// Which files.
    Name,
}

/// A file that changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileChange {
    /// Its name now.
    pub path: String,
    /// Its name before, where it was renamed or copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_path: Option<String>,
    /// `added`, `modified`, `deleted`, `renamed`, `copied`, `type-changed` or `unmerged`.
    pub status: String,
    /// Lines added; `None` for a binary file, or when not asked for.
    pub additions: Option<u64>,
    /// Lines removed; `None` for a binary file, or when not asked for.
    pub deletions: Option<u64>,
    /// True when git takes it for binary.
    pub binary: bool,
    /// True when this page has only a part of its lines: the file alone is larger than a page.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

/// The most bytes of a difference that are looked at. What is beyond can be had by asking for fewer files.
pub(super) const BYTES_MAX: usize = 16 << 20;

/// git knows the tree without files under this name; what a repository without commits is compared with.
pub(super) const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// git with a command that shows differences. Everything that the workspace's configuration could say
/// otherwise stands here, so that a second page is cut from the same text as the first.
pub(super) fn step(command: &str, detail: Detail, context_lines: u32) -> Step {
    let fixed = [
        "-z",
        "--raw",
        "--full-index",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        "--no-relative",
        "--find-renames",
        "-l1000",
        "-O/dev/null",
        "--ignore-submodules=dirty",
        "--submodule=short",
        "--diff-algorithm=default",
        "--indent-heuristic",
        "--inter-hunk-context=0",
        "--src-prefix=a/",
        "--dst-prefix=b/",
    ];
    let step = Step::git(["-c", "diff.suppressBlankEmpty=false", command]).with(fixed);
    match detail {
        Detail::Patch => step.with(["--numstat", "--patch"]).with([format!("--unified={context_lines}")]),
        Detail::Stat => step.with(["--numstat"]),
        Detail::Name => step,
    }
}

/// One page of a difference.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// The files of this page.
    pub(super) files: Vec<FileChange>,
    /// Their lines, if asked for.
    pub(super) patch: String,
    /// How many files there are, on this page or not.
    pub(super) files_total: u64,
    /// The whole patch's size.
    pub(super) bytes: u64,
    /// What is not on this page.
    pub(super) page: Page,
}

/// Reads what [`step`] printed, and cuts the page that is asked for. `pins` are the ids of what was compared;
/// a page is only cut from the very text that the first one was cut from. `other_bytes` of the answer are
/// taken.
pub(super) fn read(
    exit: Option<&Exit>,
    detail: Detail,
    paging: &Paging,
    mut pins: Vec<String>,
    other_bytes: usize,
) -> Result<Changes, Box<Failure>> {
    let Some(exit) = exit else { return Ok(Changes::default()) };
    pins.push(digest(&exit.stdout));
    pins.push(format!("{:x}", exit.omitted_bytes));
    paging.same(&pins)?;
    let (files, patch) = records::parse(&exit.stdout);
    let files_total = files.len() as u64;
    let cut_off = exit.omitted_bytes > 0;
    if detail == Detail::Patch {
        let bytes = patch.len() as u64 + exit.omitted_bytes;
        let (files, patch, page) = patch::page(paging, &pins, other_bytes, files, patch, cut_off);
        return Ok(Changes { files, patch, files_total, bytes, page });
    }
    let (files, mut page) = paging.cut(files, &pins, other_bytes, |file| file.path.clone());
    page.truncated |= cut_off;
    Ok(Changes { files, files_total, page, ..Changes::default() })
}
