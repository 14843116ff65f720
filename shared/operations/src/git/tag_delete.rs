//! `tag-delete`: removes a tag of the workspace.

use gitledger_events::operation::{Effect, RefChange, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::branch_delete::{moved, verify_step};
use super::script::Script;
use super::{resolve, workspace};
use crate::failure::classify;
use crate::{
    Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes, Step, Undo, check,
};

/// Removes a tag of the workspace; the remote's stays, and a fetch may bring it again.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TagDelete {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// The tag.
    pub name: String,
    /// Only if it is this object, given as its full id: of an annotated tag the tag's own.
    #[serde(default)]
    pub expected_oid: Option<String>,
}

/// The tag that was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TagDeleteOutput {
    /// Its name.
    pub name: String,
    /// What it was.
    pub oid: Option<String>,
}

impl Operation for TagDelete {
    const NAME: &'static str = "tag-delete";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "name": "v1.0"}"#;
    const DESTRUCTIVE: bool = true;
    const UNDO: Undo = Undo::References;
    type Output = TagDeleteOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::reference::tag("name", &self.name)?;
        check::reference::object_id("expected_oid", self.expected_oid.as_deref())
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let name = format!("refs/tags/{}", self.name);
        // `git tag --delete` would say yes to a tag that is gone in between; this does not.
        let script = Script::default()
            .step("oid", resolve::object_step(&name))
            .maybe("expected", self.expected_oid.as_deref().map(|oid| verify_step(&name, oid)))
            .step("delete", Step::git(["update-ref", "--no-deref", "-d", &name]).given(0));
        let Some(exits) = rounds.first() else {
            return Decision::run(script.writing(context, Self::BUDGET, rounds));
        };
        let oid = script.line(exits, "oid");
        match script.stopped_at(exits) {
            None => {}
            Some("oid") => return resolve::absent(exits.last(), "tag", &self.name).into(),
            Some("expected") => {
                return moved(exits, &name, self.expected_oid.as_ref(), oid.as_ref()).into();
            }
            Some(_) => return classify(exits, SideEffect::None).into(),
        }
        Done {
            refs_changed: vec![RefChange { name, old: oid.clone(), new: None }],
            ..Done::with(TagDeleteOutput { name: self.name.clone(), oid })
        }
        .into()
    }
}
