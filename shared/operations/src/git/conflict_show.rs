//! `conflict-show`: what the sides of a conflict say, hunk by hunk.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conflict::Conflict;
use super::conflict::contents::{self, Contents, is_binary};
use super::conflict::hunks::{self, BASE, OURS, Piece, THEIRS};
use super::script::Script;
use super::workspace;
use crate::failure::codes;
use crate::page::json_bytes;
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Page, Place, Rejection, Remotes, check,
};

/// Shows a conflict hunk by hunk, with the lines of base, ours and theirs; or a side's whole contents. It is
/// read from what git keeps of the sides, never from the file with its markers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConflictShow {
    /// The sandbox to look into.
    pub sandbox_id: String,
    /// The file, as `conflict-list` names it.
    pub path: String,
    /// Show this side's whole contents instead of the hunks.
    #[serde(default)]
    pub side: Option<Side>,
}

/// A side of a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "ConflictSideName")]
pub enum Side {
    /// What both sides come from.
    Base,
    /// HEAD, or in a rebase what the commits are put on.
    Ours,
    /// What is merged in, or the commit that is put on.
    Theirs,
}

/// A conflict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConflictShowOutput {
    /// The file and its sides.
    #[serde(flatten)]
    pub conflict: Conflict,
    /// What can be done, for people.
    pub advice: String,
    /// The hunks; empty when `side` was asked for.
    pub hunks: Vec<ConflictHunk>,
    /// How many there are on all pages.
    pub hunks_total: u64,
    /// Why there are none: `side-missing`, `binary`, or `not-shown` for a submodule or more than 4 MiB.
    pub no_hunks: Option<String>,
    /// The side that was asked for, in whole lines. `None` when it has no file, or is not text. What is not
    /// UTF-8 is shown with replacement characters.
    pub content: Option<String>,
    /// The size of that side in bytes.
    pub content_bytes: Option<u64>,
    /// What was left out.
    #[serde(flatten)]
    pub page: Page,
}

/// Lines that could not be joined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConflictHunk {
    /// Its number in the file, from 1: what `conflict-resolve` takes.
    pub number: usize,
    /// The lines of what both sides come from. `None` when the file was added on both sides.
    pub base: Option<HunkLines>,
    /// Our lines.
    pub ours: HunkLines,
    /// Their lines.
    pub theirs: HunkLines,
}

/// The lines of a hunk on one side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HunkLines {
    /// Where they begin in that side's file, from 1; where they would, when there are none.
    pub line: usize,
    /// How many there are.
    pub lines: usize,
    /// What they say.
    pub text: String,
}

impl Operation for ConflictShow {
    const NAME: &'static str = "conflict-show";
    const EFFECT: Effect = Effect::Reads;
    const SHOWS_CONTENTS: bool = true;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "path": "README.md"}"#;
    const PAGES: bool = true;
    type Output = ConflictShowOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::path::file("path", &self.path)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let script = contents::steps(Script::default(), &self.path);
        let Some(exits) = rounds.first() else {
            return Decision::run(script.reading(context, Self::BUDGET, rounds));
        };
        if let Some(failure) = script.failure(exits, SideEffect::None) {
            return failure.into();
        }
        let Some(contents) = contents::read(&script, exits, &self.path) else {
            return not_conflicted(&self.path).into();
        };
        match self.shown(context, &contents) {
            Ok(output) => Done::with(output).into(),
            Err(failure) => failure.into(),
        }
    }

    fn recorded_output(output: &Self::Output) -> Option<serde_json::Value> {
        Some(serde_json::json!({
            "path": output.conflict.path,
            "kind": output.conflict.kind,
            "hunks_total": output.hunks_total,
        }))
    }
}

/// The failure of a path without a conflict.
pub(super) fn not_conflicted(path: &str) -> Failure {
    Failure::new(codes::PATH_NOT_CONFLICTED, format!("{path} has no conflict."))
}

impl ConflictShow {
    fn shown(&self, context: &Context<'_>, contents: &Contents) -> Result<ConflictShowOutput, Box<Failure>> {
        let pins: Vec<String> = [&contents.conflict.base, &contents.conflict.ours, &contents.conflict.theirs]
            .iter()
            .map(|side| side.as_ref().map(|side| side.oid.clone()).unwrap_or_default())
            .collect();
        let paging = &context.envelope.page;
        paging.same(&pins)?;
        let mut output = ConflictShowOutput {
            conflict: contents.conflict.clone(),
            advice: contents.conflict.advice().to_owned(),
            ..ConflictShowOutput::default()
        };
        if let Some(side) = self.side {
            show_text(context, &pins, contents.texts[side.index()].as_deref(), &mut output);
            return Ok(output);
        }
        let all = match contents.pieces() {
            Ok(pieces) => hunks_of(contents, &pieces),
            Err(why) => {
                output.no_hunks = Some(why.name().to_owned());
                return Ok(output);
            }
        };
        output.hunks_total = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let name = |hunk: &ConflictHunk| format!("hunk {}", hunk.number);
        (output.hunks, output.page) = paging.cut(all, &pins, json_bytes(&output), name);
        Ok(output)
    }
}

/// As many lines as there is room for, from where the last page ended; at least one.
fn show_text(context: &Context<'_>, pins: &[String], text: Option<&[u8]>, output: &mut ConflictShowOutput) {
    let Some(text) = text else { return };
    output.content_bytes = Some(text.len() as u64);
    if is_binary(text) {
        return;
    }
    let paging = &context.envelope.page;
    let lines = hunks::lines(text);
    let skip = paging.skip().min(lines.len());
    let mut room = paging.max_bytes.saturating_sub(json_bytes(output) + 200);
    let mut shown = String::new();
    let mut count = 0;
    for line in &lines[skip..] {
        let line = String::from_utf8_lossy(line);
        let bytes = json_bytes(line.as_ref());
        if count > 0 && bytes > room {
            break;
        }
        room = room.saturating_sub(bytes);
        shown.push_str(&line);
        count += 1;
    }
    let next = skip + count;
    if next < lines.len() {
        let omitted = vec![format!("lines {} to {}", next + 1, lines.len())];
        output.page = Page { truncated: true, omitted, cursor: Some(paging.next(pins, next)) };
    }
    output.content = Some(shown);
}

impl Side {
    fn index(self) -> usize {
        match self {
            Self::Base => BASE,
            Self::Ours => OURS,
            Self::Theirs => THEIRS,
        }
    }
}

fn hunks_of(contents: &Contents, pieces: &[Piece]) -> Vec<ConflictHunk> {
    let sides = [BASE, OURS, THEIRS].map(|side| contents.lines(side));
    let lines = |side: usize, range: &std::ops::Range<usize>| HunkLines {
        line: range.start + 1,
        lines: range.len(),
        text: String::from_utf8_lossy(&hunks::slice(&sides[side], range).concat()).into_owned(),
    };
    let places = pieces.iter().filter_map(|piece| match piece {
        Piece::Hunk(place) => Some(place),
        Piece::Fits(..) => None,
    });
    let hunk = |(index, place): (usize, &[std::ops::Range<usize>; 3])| ConflictHunk {
        number: index + 1,
        base: contents.conflict.base.is_some().then(|| lines(BASE, &place[BASE])),
        ours: lines(OURS, &place[OURS]),
        theirs: lines(THEIRS, &place[THEIRS]),
    };
    places.enumerate().map(hunk).collect()
}
