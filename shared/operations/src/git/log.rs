//! `log`: the history, commit by commit.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::script::Script;
use super::workspace;
use crate::failure::codes;
use crate::{
    Budget, Context, Decision, Done, Exit, Exits, Operation, Place, Rejection, Remotes, Step, check,
};

/// Shows the history from a revision backwards, newest first, with authors, dates and whole messages.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The sandbox to look into.
    pub sandbox_id: String,
    /// Where to start: HEAD, a branch, a tag or an object id.
    #[serde(default = "head")]
    pub revision: String,
    /// How many commits, 1 to 200.
    #[serde(default = "twenty")]
    pub limit: u32,
    /// How many commits to leave out first. To page without shifting, pass the first page's `head` as
    /// `revision`.
    #[serde(default)]
    pub skip: u32,
    /// Only commits that touch this path.
    #[serde(default)]
    pub path: Option<String>,
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
    /// True when there are more; ask again with `skip` raised by `limit`.
    pub more: bool,
}

/// One commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Commit {
    /// Its id.
    pub oid: String,
    /// Its parents' ids; two or more for a merge, none for the first commit.
    pub parents: Vec<String>,
    /// Who wrote it.
    pub author: Signature,
    /// Who committed it.
    pub committer: Signature,
    /// The message's first line.
    pub subject: String,
    /// The rest of the message.
    pub body: String,
}

/// A name, an address and an instant. All three are what the committer's git claimed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Signature {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// ISO 8601 with the time zone's offset.
    pub date: String,
}

/// The most commits in one answer.
const LIMIT_MAX: u32 = 200;
/// Fields per commit in [`FORMAT`].
const FIELDS: usize = 10;
const FORMAT: &str = "--format=%H%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%s%x00%b";

fn head() -> String {
    "HEAD".to_owned()
}

fn twenty() -> u32 {
    20
}

impl Operation for Log {
    const NAME: &'static str = "log";
    const EFFECT: Effect = Effect::Reads;
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
        self.path.as_deref().map_or(Ok(()), |path| check::path::path("path", path))
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let script = self.script();
        let Some(exits) = rounds.first() else {
            return Decision::run(script.reading(context, Self::BUDGET, rounds));
        };
        match script.failure(exits, SideEffect::None) {
            // A repository without commits has an empty history.
            Some(failure) if self.revision == "HEAD" && failure.code == codes::EMPTY_REPOSITORY => {
                Done::with(LogOutput::default()).into()
            }
            Some(failure) => failure.into(),
            None => Done::with(self.read(exits.get(0))).into(),
        }
    }

    fn recorded_output(output: &Self::Output) -> Option<Value> {
        Some(json!({"commits": output.commits.len(), "head": output.head, "more": output.more}))
    }
}

impl Log {
    fn script(&self) -> Script {
        let mut argv: Vec<String> = ["log", "-z", FORMAT, "--encoding=UTF-8", "--no-show-signature"]
            .into_iter()
            .chain(["--no-notes", "--no-decorate", "--no-mailmap", "--no-color", "--no-patch"])
            .map(str::to_owned)
            .collect();
        argv.push(format!("--max-count={}", self.limit + 1));
        argv.push(format!("--skip={}", self.skip));
        if self.all {
            argv.extend(["--branches", "--tags", "--remotes=origin"].map(str::to_owned));
        } else {
            argv.extend(["--end-of-options".to_owned(), self.revision.clone()]);
        }
        argv.push("--".to_owned());
        argv.extend(self.path.clone());
        Script::default().step("log", Step::git(argv))
    }

    fn read(&self, exit: Option<&Exit>) -> LogOutput {
        let mut commits = exit.map(|exit| parse(&exit.stdout)).unwrap_or_default();
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let cut = exit.is_some_and(|exit| exit.omitted_bytes > 0);
        let more = commits.len() > limit || cut;
        commits.truncate(limit);
        LogOutput { head: commits.first().map(|commit| commit.oid.clone()), commits, more }
    }
}

/// Reads fields that end with a NUL byte each; a commit that is not whole is left out.
fn parse(bytes: &[u8]) -> Vec<Commit> {
    let text = String::from_utf8_lossy(bytes);
    let ends = text.rfind('\0').unwrap_or(0);
    let fields: Vec<&str> = text[..ends].split('\0').collect();
    let commit = |fields: &[&str]| {
        let &[oid, parents, an, ae, ad, cn, ce, cd, subject, body] = fields else { return None };
        let signature = |name: &str, email: &str, date: &str| Signature {
            name: name.to_owned(),
            email: email.to_owned(),
            date: workspace::date(date),
        };
        workspace::is_oid(oid).then(|| Commit {
            oid: oid.to_owned(),
            parents: parents.split_whitespace().map(str::to_owned).collect(),
            author: signature(an, ae, ad),
            committer: signature(cn, ce, cd),
            subject: subject.to_owned(),
            body: body.trim_end().to_owned(),
        })
    };
    fields.chunks_exact(FIELDS).map_while(commit).collect()
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::git::noise::noise;

    #[test]
    fn a_commit_has_all_its_fields_and_a_cut_one_is_left_out() {
        let oid = "a".repeat(40);
        let one = format!("{oid}\0p1 p2\0A\0a@x\0d1\0C\0c@x\0d2\0subject\0body\nmore\n\0");
        let commits = parse(format!("{one}{oid}\0p\0A\0").as_bytes());
        assert_eq!(commits.len(), 1);
        assert_eq!(commits[0].parents, ["p1", "p2"]);
        assert_eq!(commits[0].committer.email, "c@x");
        assert_eq!(commits[0].body, "body\nmore");
    }

    #[test]
    fn no_bytes_make_it_panic() {
        noise(1000, b"abc0 \0\0\0\n\xff").for_each(|bytes| drop(parse(&bytes)));
    }
}
