//! `stash-list`: what was put aside.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::script::Script;
use super::workspace;
use crate::page::{Paging, digest};
use crate::{
    Budget, Context, Decision, Done, Exit, Exits, Failure, Operation, Page, Place, Rejection, Remotes, Step,
    check,
};

/// Lists the changes that were put aside, the newest first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StashList {
    /// The sandbox to look into.
    pub sandbox_id: String,
}

/// What was put aside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StashListOutput {
    /// The newest first.
    pub stashes: Vec<Stash>,
    /// How many there are, on this page or not.
    pub stashes_total: u64,
    /// What is not on this page.
    #[serde(flatten)]
    pub page: Page,
}

/// Changes that were put aside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stash {
    /// Its place now: 0 is the newest. It grows when others are added, so the `oid` is what stays.
    pub index: u64,
    /// The commit that keeps it.
    pub oid: String,
    /// The commit that HEAD was at.
    pub base: String,
    /// What was said when it was made, the branch in it.
    pub message: String,
    /// When, ISO 8601.
    pub created_at: String,
    /// True when files that git did not know are in it.
    pub untracked: bool,
}

const FORMAT: &str = "--format=%H%x00%P%x00%gs%x00%cI";
const FIELDS: usize = 4;
const MESSAGE_BYTES_MAX: usize = 500;
/// What the answer takes besides stashes.
const FRAME_BYTES: usize = 200;

impl Operation for StashList {
    const NAME: &'static str = "stash-list";
    const EFFECT: Effect = Effect::Reads;
    const PAGES: bool = true;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1"}"#;
    type Output = StashListOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let list = ["stash", "list", "-z", FORMAT, "--encoding=UTF-8", "--no-show-signature", "--no-color"];
        let script = Script::default().step("list", Step::git(list).with(["--no-decorate", "--no-patch"]));
        let Some(exits) = rounds.first() else {
            return Decision::run(script.reading(context, Self::BUDGET, rounds));
        };
        if let Some(failure) = script.failure(exits, SideEffect::None) {
            return failure.into();
        }
        let exit = exits.get(0).cloned().unwrap_or_default();
        read(&exit, &context.envelope.page).map_or_else(Decision::from, |output| Done::with(output).into())
    }

    fn recorded_output(output: &Self::Output) -> Option<Value> {
        Some(json!({"stashes": output.stashes_total}))
    }
}

fn read(exit: &Exit, paging: &Paging) -> Result<StashListOutput, Box<Failure>> {
    let pins = [digest(&exit.stdout)];
    paging.same(&pins)?;
    let stashes = parse(&exit.stdout);
    let stashes_total = stashes.len() as u64;
    let (stashes, mut page) = paging.cut(stashes, &pins, FRAME_BYTES, |stash| stash.oid.clone());
    page.truncated |= exit.omitted_bytes > 0;
    Ok(StashListOutput { stashes, stashes_total, page })
}

/// Four fields each, NUL after each; what is not whole is left out.
fn parse(bytes: &[u8]) -> Vec<Stash> {
    let text = String::from_utf8_lossy(bytes);
    let fields: Vec<&str> = text.split('\0').collect();
    let stash = |(index, fields): (usize, &[&str])| {
        let &[oid, parents, message, date] = fields else { return None };
        let mut parents = parents.split(' ');
        workspace::is_oid(oid).then(|| Stash {
            index: index as u64,
            oid: oid.to_owned(),
            base: parents.next().unwrap_or_default().to_owned(),
            message: check::text::start(message, MESSAGE_BYTES_MAX),
            created_at: workspace::date(date),
            // What is staged is the second parent, what git did not know the third.
            untracked: parents.count() > 1,
        })
    };
    fields.chunks_exact(FIELDS).enumerate().map_while(stash).collect()
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::git::noise::noise;

    #[test]
    fn a_stash_with_unknown_files_has_three_parents() {
        let oid = "a".repeat(40);
        let stashes = parse(format!("{oid}\0b i u\0On main: x\0d\0{oid}\0b i\0m\0d\0{oid}\0").as_bytes());
        let read: Vec<_> = stashes.iter().map(|s| (s.index, s.base.as_str(), s.untracked)).collect();
        assert_eq!(read, [(0, "b", true), (1, "b", false)]);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        noise(1000, b"abc0 \0\0\n\xff").for_each(|bytes| drop(parse(&bytes)));
    }
}
