//! `log`: the history, commit by commit.

use gitledger_events::operation::{Effect, SideEffect};
use jiff::civil;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use super::logged::{Commit, Signature};
use super::script::Script;
use super::{logged, revision, workspace};
use crate::failure::codes;
use crate::page::{Paging, digest, json_bytes};
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Page, Place, Rejection, Remotes, Step, check,
};

/// Shows the history from a revision backwards, newest first, with authors, dates and whole messages.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The sandbox to look into.
    pub sandbox_id: String,
    /// Where to start: HEAD, a branch, a tag or an object id.
    #[serde(default = "head")]
    pub revision: String,
    /// The most commits on a page, 1 to 200.
    #[serde(default = "twenty")]
    pub limit: u32,
    /// Only commits that touch one of these files or folders, relative to the workspace, taken literally.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Only commits whose author's name or address contains this, in upper or lower case.
    #[serde(default)]
    pub author: Option<String>,
    /// Only commits whose message contains this, in upper or lower case.
    #[serde(default)]
    pub grep: Option<String>,
    /// Only commits made at this instant or later: `2026-01-31`, or with a time, `2026-01-31T12:00:00Z`.
    #[serde(default)]
    pub since: Option<String>,
    /// Only commits made at this instant or before.
    #[serde(default)]
    pub until: Option<String>,
    /// Of a merge follow only the first parent: what came to this branch, and not how it was made.
    #[serde(default)]
    pub first_parent: bool,
    /// Every branch and tag, and not one revision.
    #[serde(default)]
    pub all: bool,
}

/// A part of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogOutput {
    /// Newest first.
    pub commits: Vec<Commit>,
    /// The first commit shown; `None` when there is none.
    pub head: Option<String>,
    /// What is not on this page.
    #[serde(flatten)]
    pub page: Page,
}

/// The most commits in one answer.
const LIMIT_MAX: u32 = 200;
const TEXT_BYTES_MAX: usize = 200;
/// What the answer takes besides commits.
const FRAME_BYTES: usize = 300;

fn head() -> String {
    "HEAD".to_owned()
}

fn twenty() -> u32 {
    20
}

impl Operation for Log {
    const NAME: &'static str = "log";
    const EFFECT: Effect = Effect::Reads;
    const PAGES: bool = true;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "limit": 5}"#;
    type Output = LogOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::reference::revision("revision", &self.revision)?;
        if !(1..=LIMIT_MAX).contains(&self.limit) {
            return Err(Rejection::argument("limit", "must be 1 to 200"));
        }
        if self.all && self.revision != "HEAD" {
            return Err(Rejection::argument("all", "must not be set together with 'revision'"));
        }
        for (field, text) in [("author", &self.author), ("grep", &self.grep)] {
            text.as_deref().map_or(Ok(()), |text| check::text::line(field, text, TEXT_BYTES_MAX))?;
        }
        for (field, text) in [("since", &self.since), ("until", &self.until)] {
            text.as_deref().map_or(Ok(()), |text| second(field, text).map(drop))?;
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
        if let Some(failure) = revision::not_found(&script, exits, "tip", &self.revision) {
            // A repository without commits has an empty history.
            let empty = failure.code == codes::EMPTY_REPOSITORY;
            return if empty { Done::with(LogOutput::default()).into() } else { failure.into() };
        }
        if let Some(failure) = script.failure(exits, SideEffect::None) {
            return failure.into();
        }
        self.read(&script, exits, paging).map_or_else(Decision::from, |output| Done::with(output).into())
    }

    fn recorded_output(output: &Self::Output) -> Option<Value> {
        Some(json!({
            "commits": output.commits.len(),
            "head": output.head,
            "truncated": output.page.truncated,
        }))
    }
}

impl Log {
    fn script(&self, paging: &Paging) -> Script {
        let mut argv = logged::arguments();
        argv.extend([
            format!("--max-count={}", self.limit + 1),
            format!("--skip={}", paging.skip()),
            "--fixed-strings".to_owned(),
            "--regexp-ignore-case".to_owned(),
        ]);
        argv.extend(self.author.iter().map(|text| format!("--author={text}")));
        argv.extend(self.grep.iter().map(|text| format!("--grep={text}")));
        for (option, text) in [("--since-as-filter", &self.since), ("--until", &self.until)] {
            let second = text.as_deref().and_then(|text| second(option, text).ok());
            argv.extend(second.map(|second| format!("{option}=@{second} +0000")));
        }
        if self.first_parent {
            argv.push("--first-parent".to_owned());
        }
        let (tip, log) = if self.all {
            let tips = ["for-each-ref", "--format=%(objectname)", "refs/heads/", "refs/tags/"];
            let all = ["--branches", "--tags", "--remotes=origin"];
            (Step::git(tips).with(["refs/remotes/origin/"]), Step::git(argv).with(all))
        } else {
            let revision = paging.pins().and_then(<[String]>::first).unwrap_or(&self.revision);
            (revision::step(revision), Step::git(argv).with(["--end-of-options"]).given(0))
        };
        Script::default().step("tip", tip).step("log", log.with(["--"]).with(&self.paths))
    }

    fn read(&self, script: &Script, exits: &Exits, paging: &Paging) -> Result<LogOutput, Box<Failure>> {
        let tip = script.exit(exits, "tip").cloned().unwrap_or_default();
        let pins = [if self.all { digest(&tip.stdout) } else { tip.line() }];
        paging.same(&pins)?;
        let log = script.exit(exits, "log").cloned().unwrap_or_default();
        let mut commits = logged::parse(&log.stdout);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = commits.len() > limit || log.omitted_bytes > 0;
        commits.truncate(limit);
        let (commits, page) = paging.window(commits, more, &pins, FRAME_BYTES, json_bytes, |_| String::new());
        Ok(LogOutput { head: commits.first().map(|commit| commit.oid.clone()), commits, page })
    }
}

/// A date or an instant, in seconds since 1970. Nothing that git would guess at (`yesterday`, `tea time`).
fn second(field: &str, text: &str) -> Result<i64, Rejection> {
    let day = || text.parse::<civil::Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp());
    let instant = if text.len() == 10 { day() } else { text.parse().ok() };
    match instant.map(jiff::Timestamp::as_second) {
        Some(second) if second >= 0 => Ok(second),
        _ => Err(Rejection::argument(
            field,
            "must be a date (2026-01-31) or an instant (2026-01-31T12:00:00Z)",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::second;

    #[test]
    fn an_instant_is_read_and_never_guessed() {
        assert_eq!(second("since", "1970-01-02").unwrap(), 86400);
        assert_eq!(second("since", "1970-01-02T00:00:01+00:00").unwrap(), 86401);
        for bad in ["", "yesterday", "1", "2026-13-01", "-x", "1969-01-01"] {
            assert!(second("since", bad).is_err(), "{bad:?}");
        }
    }
}
