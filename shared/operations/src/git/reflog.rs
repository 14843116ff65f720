//! `reflog`: where a reference has been.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::script::Script;
use super::workspace;
use crate::failure::codes;
use crate::page::{Paging, digest, json_bytes};
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Page, Place, Rejection, Remotes, Step, check,
};

/// Shows where HEAD or a branch has been in this workspace, the latest first: how to find a commit that no
/// branch has any more.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reflog {
    /// The sandbox to look into.
    pub sandbox_id: String,
    /// HEAD or a branch (`origin/main` for the remote's).
    #[serde(rename = "ref", default = "head")]
    pub reference: String,
    /// The most entries on a page, 1 to 500.
    #[serde(default = "fifty")]
    pub limit: u32,
}

/// Where a reference has been.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReflogOutput {
    /// The latest first.
    pub entries: Vec<ReflogEntry>,
    /// What is not on this page.
    #[serde(flatten)]
    pub page: Page,
}

/// One move of a reference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReflogEntry {
    /// How many moves ago: 0 is the latest.
    pub index: u64,
    /// The commit it was moved to.
    pub oid: String,
    /// The commit it was moved from; `None` for the oldest entry that is kept, and at the end of a page.
    pub old_oid: Option<String>,
    /// What did it, for example `commit: message`.
    pub message: String,
    /// When, ISO 8601.
    pub moved_at: String,
}

/// The most entries in one answer.
const LIMIT_MAX: u32 = 500;
/// A commit, when (`HEAD@{...}`), why.
const FORMAT: &str = "--format=%H%x00%gd%x00%gs";
const FIELDS: usize = 3;
const MESSAGE_BYTES_MAX: usize = 500;
/// What the answer takes besides entries.
const FRAME_BYTES: usize = 200;

fn head() -> String {
    "HEAD".to_owned()
}

fn fifty() -> u32 {
    50
}

impl Operation for Reflog {
    const NAME: &'static str = "reflog";
    const EFFECT: Effect = Effect::Reads;
    const PAGES: bool = true;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "limit": 10}"#;
    type Output = ReflogOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::reference::revision("ref", &self.reference)?;
        if (1..=LIMIT_MAX).contains(&self.limit) {
            return Ok(());
        }
        Err(Rejection::argument("limit", "must be 1 to 500"))
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
        match script.failure(exits, SideEffect::None) {
            // Before the first commit nothing has moved.
            Some(failure) if self.reference == "HEAD" && failure.code == codes::EMPTY_REPOSITORY => {
                Done::with(ReflogOutput::default()).into()
            }
            Some(failure) => failure.into(),
            None => self
                .read(&script, exits, paging)
                .map_or_else(Decision::from, |output| Done::with(output).into()),
        }
    }

    fn recorded_output(output: &Self::Output) -> Option<Value> {
        Some(json!({"entries": output.entries.len(), "truncated": output.page.truncated}))
    }
}

impl Reflog {
    fn script(&self, paging: &Paging) -> Script {
        let window = |skip: usize, count: u32| {
            Step::git(["log", "--walk-reflogs", "-z", FORMAT, "--date=iso-strict", "--encoding=UTF-8"])
                .with(["--no-show-signature", "--no-decorate", "--no-color", "--no-patch"])
                .with([format!("--skip={skip}"), format!("--max-count={count}")])
                .with(["--end-of-options", &self.reference, "--"])
        };
        // The latest entry is the pin: with a new one every other has another number.
        Script::default()
            .step("latest", window(0, 1))
            .step("list", window(paging.skip(), self.limit.saturating_add(1)))
    }

    fn read(&self, script: &Script, exits: &Exits, paging: &Paging) -> Result<ReflogOutput, Box<Failure>> {
        let latest = script.exit(exits, "latest").cloned().unwrap_or_default();
        let pins = [digest(&latest.stdout)];
        paging.same(&pins)?;
        let list = script.exit(exits, "list").cloned().unwrap_or_default();
        let mut entries = parse(&list.stdout, paging.skip() as u64);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = entries.len() > limit;
        entries.truncate(limit);
        let (entries, page) = paging.window(entries, more, &pins, FRAME_BYTES, json_bytes, |_| String::new());
        Ok(ReflogOutput { entries, page })
    }
}

/// Three fields each, NUL after each; what is not whole is left out.
fn parse(bytes: &[u8], first: u64) -> Vec<ReflogEntry> {
    let text = String::from_utf8_lossy(bytes);
    let fields: Vec<&str> = text.split('\0').collect();
    let entry = |(index, fields): (u64, &[&str])| {
        let &[oid, at, message] = fields else { return None };
        let at = at.rsplit_once("@{").map_or("", |(_, at)| at.trim_end_matches('}'));
        workspace::is_oid(oid).then(|| ReflogEntry {
            index,
            oid: oid.to_owned(),
            old_oid: None,
            message: check::text::start(message, MESSAGE_BYTES_MAX),
            moved_at: workspace::date(at),
        })
    };
    let mut entries: Vec<ReflogEntry> = (first..).zip(fields.chunks_exact(FIELDS)).map_while(entry).collect();
    for index in 1..entries.len() {
        entries[index - 1].old_oid = Some(entries[index].oid.clone());
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::git::noise::noise;

    #[test]
    fn an_entry_was_moved_from_where_the_one_before_was_moved_to() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let text =
            format!("{b}\0HEAD@{{2023-11-14T22:13:20+00:00}}\0commit: x\0{a}\0HEAD@{{d}}\0clone\0{a}\0");
        let entries = parse(text.as_bytes(), 3);
        assert_eq!(entries.len(), 2);
        assert_eq!((entries[0].index, entries[0].old_oid.as_ref()), (3, Some(&a)));
        assert_eq!(entries[0].moved_at, "2023-11-14T22:13:20Z");
        assert_eq!(entries[1].old_oid, None);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        noise(1000, b"abc0 \0\0@{}\n\xff").for_each(|bytes| drop(parse(&bytes, 0)));
    }
}
