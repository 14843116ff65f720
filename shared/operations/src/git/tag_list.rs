//! `tag-list`: which tags there are.

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

/// Lists tags, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TagList {
    /// The sandbox to look into.
    pub sandbox_id: String,
    /// Only tags whose whole name fits, where `*` stands for anything but `/` and `?` for one character:
    /// `v1.*`.
    #[serde(default)]
    pub pattern: Option<String>,
}

/// Tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TagListOutput {
    /// Newest first.
    pub tags: Vec<Tag>,
    /// How many there are, on this page or not.
    pub tags_total: u64,
    /// What is not on this page.
    #[serde(flatten)]
    pub page: Page,
}

/// One tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// What the reference points to: the tag object's own id if it is annotated.
    pub oid: String,
    /// What is tagged.
    pub target: String,
    /// The type of what is tagged: mostly `commit`.
    pub target_type: String,
    /// True when the tag is an object of its own, with an author, a date and a message.
    pub annotated: bool,
    /// When it was made, or else the commit, ISO 8601; `None` where neither says.
    pub created_at: Option<String>,
    /// The first line of its message, or else of the commit's.
    pub subject: String,
}

const FORMAT: &str = "--format=%(refname:lstrip=2)%00%(objectname)%00%(objecttype)%00%(*objectname)%00\
                      %(*objecttype)%00%(creatordate:iso-strict)%00%(contents:subject)";
const SUBJECT_BYTES_MAX: usize = 500;
/// What the answer takes besides tags.
const FRAME_BYTES: usize = 200;

impl Operation for TagList {
    const NAME: &'static str = "tag-list";
    const EFFECT: Effect = Effect::Reads;
    const PAGES: bool = true;
    const BUDGET: Budget = Budget { output_bytes: 32 << 20, ..Budget::LOCAL };
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "pattern": "v1.*"}"#;
    type Output = TagListOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        self.pattern.as_deref().map_or(Ok(()), |pattern| check::reference::pattern("pattern", pattern))
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let kept = format!("refs/tags/{}", self.pattern.as_deref().unwrap_or_default());
        let list = Step::git(["for-each-ref", "--sort=refname", "--sort=-creatordate", FORMAT]).with([kept]);
        let script = Script::default().step("list", list);
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
        Some(json!({"tags": output.tags_total}))
    }
}

fn read(exit: &Exit, paging: &Paging) -> Result<TagListOutput, Box<Failure>> {
    let pins = [digest(&exit.stdout)];
    paging.same(&pins)?;
    let tags = parse(exit);
    let tags_total = tags.len() as u64;
    let (tags, mut page) = paging.cut(tags, &pins, FRAME_BYTES, |tag| tag.name.clone());
    page.truncated |= exit.omitted_bytes > 0;
    Ok(TagListOutput { tags, tags_total, page })
}

/// One line per tag, seven fields; a line that is not whole is left out.
fn parse(exit: &Exit) -> Vec<Tag> {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let tag = |line: &str| {
        let fields: Vec<&str> = line.split('\0').collect();
        let &[name, oid, kind, target, target_type, date, subject] = fields.as_slice() else { return None };
        Some(Tag {
            name: name.to_owned(),
            oid: oid.to_owned(),
            target: some(target).unwrap_or_else(|| oid.to_owned()),
            target_type: some(target_type).unwrap_or_else(|| kind.to_owned()),
            annotated: kind == "tag",
            created_at: some(date).map(|date| workspace::date(&date)),
            subject: check::text::start(subject, SUBJECT_BYTES_MAX),
        })
    };
    exit.text().lines().filter_map(tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::noise::noise;

    #[test]
    fn an_annotated_tag_has_a_target_of_its_own() {
        let stdout = b"v1\0aa\0tag\0bb\0commit\0date\0one\nv0\0cc\0commit\0\0\0\0two\ncut\0x\n".to_vec();
        let tags = parse(&Exit { stdout, ..Exit::default() });
        assert_eq!(tags.len(), 2);
        assert_eq!((tags[0].annotated, tags[0].target.as_str()), (true, "bb"));
        assert_eq!((tags[1].annotated, tags[1].target.as_str(), &tags[1].created_at), (false, "cc", &None));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for stdout in noise(1000, b"tag\0\0\0\0\0\0\n\xff") {
            parse(&Exit { stdout, ..Exit::default() });
        }
    }
}
