//! `grep`: where a text stands.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::script::Script;
use super::{revision, workspace};
use crate::failure::classify_exit;
use crate::page::{Paging, digest};
use crate::{
    Budget, Context, Decision, Done, Exit, Exits, Failure, Operation, Page, Place, Rejection, Remotes, Step,
    check,
};

/// Finds lines that contain a text or match a pattern: in the working tree's tracked files, or in a commit.
/// No match is no failure. Binary files are not searched.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grep {
    /// The sandbox to look into.
    pub sandbox_id: String,
    /// What to find, in one line.
    pub pattern: String,
    /// The pattern is an extended regular expression (POSIX), and not a text.
    #[serde(default)]
    pub regex: bool,
    /// Upper and lower case are the same.
    #[serde(default)]
    pub ignore_case: bool,
    /// The commit to search: HEAD, a branch, a tag or an object id; the working tree if not given.
    #[serde(default)]
    pub revision: Option<String>,
    /// Also files of the working tree that git does not know and does not ignore. Not with `revision`.
    #[serde(default)]
    pub untracked: bool,
    /// Only these files or folders, relative to the workspace, taken literally; all if empty.
    #[serde(default)]
    pub paths: Vec<String>,
}

/// Where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrepOutput {
    /// File by file, line by line; empty where there is none.
    pub matches: Vec<Match>,
    /// How many lines match, on this page or not.
    pub matches_total: u64,
    /// What is not on this page: files, each once.
    #[serde(flatten)]
    pub page: Page,
}

/// A line that matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Match {
    /// The file, relative to the workspace.
    pub path: String,
    /// The line, counted from 1.
    pub line: u64,
    /// Where in the line the first match begins, in bytes counted from 1.
    pub column: u64,
    /// The line.
    pub text: String,
    /// True when the line is longer than the 500 bytes of it that are shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

const PATTERN_BYTES_MAX: usize = 1000;
const LINE_BYTES_MAX: usize = 500;
/// What the answer takes besides matches.
const FRAME_BYTES: usize = 250;

impl Operation for Grep {
    const NAME: &'static str = "grep";
    const EFFECT: Effect = Effect::Reads;
    const SHOWS_CONTENTS: bool = true;
    const PAGES: bool = true;
    const BUDGET: Budget = Budget { output_bytes: 16 << 20, ..Budget::LOCAL };
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "pattern": "TODO", "paths": ["src"]}"#;
    type Output = GrepOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        let tabs = self.pattern.replace('\t', " ");
        check::text::line("pattern", &tabs, PATTERN_BYTES_MAX)?;
        if let Some(revision) = &self.revision {
            check::reference::revision("revision", revision)?;
            if self.untracked {
                return Err(Rejection::argument("untracked", "must not be set together with 'revision'"));
            }
        }
        check::path::paths("paths", &self.paths)
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
        let name = self.revision.as_deref().unwrap_or_default();
        let failure = revision::not_found(&script, exits, "commit", name)
            .or_else(|| script.failure(exits, SideEffect::None));
        if let Some(failure) = failure {
            return failure.into();
        }
        let exit = script.exit(exits, "grep").cloned().unwrap_or_default();
        // 1 is no match. But it is also what git ends with when it could not read a file: never silently.
        let complains = exit.error_text().lines().any(|line| line.starts_with("error: "));
        if exit.code > 1 || complains {
            return classify_exit(&exit, SideEffect::None).into();
        }
        let commit = script.line(exits, "commit");
        read(&exit, commit, paging).map_or_else(Decision::from, |output| Done::with(output).into())
    }

    fn recorded_output(output: &Self::Output) -> Option<Value> {
        Some(json!({"matches": output.matches_total, "truncated": output.page.truncated}))
    }
}

impl Grep {
    fn script(&self, paging: &Paging) -> Script {
        let fixed = [
            "-z",
            "-I",
            "--line-number",
            "--column",
            "--full-name",
            "--no-color",
            "--no-textconv",
            "--no-recurse-submodules",
            "--no-heading",
            "--no-break",
        ];
        let mut grep = Step::git(["-c", "grep.fallbackToNoIndex=false", "grep"]).with(fixed);
        grep = grep.with([if self.regex { "--extended-regexp" } else { "--fixed-strings" }]);
        for (asked, option) in [(self.ignore_case, "--ignore-case"), (self.untracked, "--untracked")] {
            grep = if asked { grep.with([option]) } else { grep };
        }
        grep = grep.with(["-e", &self.pattern]);
        let commit = self.revision.as_deref().map(|revision| {
            let revision = paging.pins().and_then(<[String]>::first).map_or(revision, String::as_str);
            revision::step(revision)
        });
        if commit.is_some() {
            grep = grep.given(0);
        }
        grep = grep.with(["--"]).with(&self.paths);
        Script::default().maybe("commit", commit).step("grep", grep.may_fail())
    }
}

fn read(exit: &Exit, commit: Option<String>, paging: &Paging) -> Result<GrepOutput, Box<Failure>> {
    let prefix = commit.as_ref().map_or_else(String::new, |oid| format!("{oid}:"));
    let pins: Vec<String> = commit.into_iter().chain([digest(&exit.stdout)]).collect();
    paging.same(&pins)?;
    let matches = parse(&exit.stdout, &prefix);
    let matches_total = matches.len() as u64;
    let (matches, mut page) = paging.cut(matches, &pins, FRAME_BYTES, |found| found.path.clone());
    page.omitted.dedup();
    page.truncated |= exit.omitted_bytes > 0;
    Ok(GrepOutput { matches, matches_total, page })
}

/// Reads `<path> NUL <line> NUL <column> NUL <text>`, a line each; older gits write `:` after the numbers. A
/// path may contain line ends, a text may not. What is not whole is left out.
fn parse(bytes: &[u8], prefix: &str) -> Vec<Match> {
    let mut matches = Vec::new();
    let mut rest = bytes;
    while let Some(found) = one(&mut rest, prefix) {
        matches.push(found);
    }
    matches
}

fn one(rest: &mut &[u8], prefix: &str) -> Option<Match> {
    let path = until(rest, b"\0")?;
    let (line, column) = (until(rest, b"\0:")?, until(rest, b"\0:")?);
    let text = until(rest, b"\n")?;
    let number = |bytes| String::from_utf8_lossy(bytes).parse().ok();
    let path = String::from_utf8_lossy(path);
    let shown = &text[..text.len().min(LINE_BYTES_MAX)];
    Some(Match {
        path: path.strip_prefix(prefix).unwrap_or(&path).to_owned(),
        line: number(line)?,
        column: number(column)?,
        text: String::from_utf8_lossy(shown).trim_end_matches('\r').to_owned(),
        cut: shown.len() < text.len(),
    })
}

/// The bytes up to one of these, which is taken, too.
fn until<'a>(rest: &mut &'a [u8], ends: &[u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| ends.contains(byte))?;
    let (taken, left) = (&rest[..end], &rest[end + 1..]);
    *rest = left;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::noise::noise;

    #[test]
    fn paths_and_texts_may_contain_anything() {
        let text = b"ab:we\"ird\nname:3:x\x007\x002\x00a:b\x00c\nab:f\x008:1:\xff\nab:cut\x001";
        let matches = parse(text, "ab:");
        assert_eq!(matches.len(), 2);
        assert_eq!((matches[0].path.as_str(), matches[0].line), ("we\"ird\nname:3:x", 7));
        assert_eq!((matches[0].text.as_str(), matches[0].column), ("a:b\0c", 2));
        assert_eq!((matches[1].path.as_str(), matches[1].text.as_str()), ("f", "\u{fffd}"));
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        let line = format!("f\x001\x001\0{}\n", "x".repeat(100_000));
        let matches = parse(line.as_bytes(), "");
        assert_eq!((matches[0].text.len(), matches[0].cut), (LINE_BYTES_MAX, true));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        noise(1000, b"ab12\0\0:\n\xff").for_each(|bytes| drop(parse(&bytes, "ab")));
    }
}
