//! `tag-create`: gives a commit a lasting name.

use gitledger_events::operation::{Effect, RefChange, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::script::Script;
use super::{resolve, staging, workspace};
use crate::failure::{classify, codes};
use crate::plan::Input;
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, Step, Undo, check,
};

/// Makes a tag, with a message of its own if one is given. An existing tag is never moved.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TagCreate {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// The new tag's name.
    pub name: String,
    /// What it names: HEAD, a branch, a tag or an object id.
    #[serde(default = "head")]
    pub target: String,
    /// Makes an annotated tag, which says who made it, when and why; at most 64 KiB.
    #[serde(default)]
    pub message: Option<String>,
}

/// The new tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TagCreateOutput {
    /// Its name.
    pub name: String,
    /// What it is: of an annotated tag the tag's own object id, else the commit's.
    pub oid: Option<String>,
    /// The commit that it names.
    pub target: Option<String>,
    /// True when it has a message of its own.
    pub annotated: bool,
}

fn head() -> String {
    "HEAD".to_owned()
}

impl Operation for TagCreate {
    const NAME: &'static str = "tag-create";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "name": "v1.0", "message": "First release"}"#;
    const UNDO: Undo = Undo::References;
    type Output = TagCreateOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::reference::tag("name", &self.name)?;
        check::reference::revision("target", &self.target)?;
        self.message.as_deref().map_or(Ok(()), |message| check::text::message("message", message))
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let name = format!("refs/tags/{}", self.name);
        let script = Script::default()
            .step("target", resolve::commit_step(&self.target))
            .step("taken", resolve::object_step(&name).may_fail())
            .step("tag", self.step(0))
            .step("oid", resolve::object_step(&name).may_fail());
        let Some(exits) = rounds.first() else {
            let mut plan = script.writing(context, Self::BUDGET, rounds);
            plan.env.extend(staging::identity(context, None, None));
            return Decision::run(plan);
        };
        match script.stopped_at(exits) {
            None => {}
            Some("target") => return resolve::missing(exits.last(), &self.target).into(),
            Some("tag") if script.ok(exits, "taken") => {
                let message = format!("A tag named '{}' exists.", self.name);
                return Failure::new(codes::TAG_EXISTS, message).into();
            }
            Some(_) => return classify(exits, SideEffect::None).into(),
        }
        let oid = script.line(exits, "oid");
        Done {
            refs_changed: vec![RefChange { name, old: None, new: oid.clone() }],
            ..Done::with(TagCreateOutput {
                name: self.name.clone(),
                oid,
                target: script.line(exits, "target"),
                annotated: self.message.is_some(),
            })
        }
        .into()
    }

    fn recorded_input(&self) -> serde_json::Value {
        let message = self.message.as_deref().and_then(|message| message.lines().next());
        serde_json::json!({
            "sandbox_id": self.sandbox_id,
            "name": self.name,
            "target": self.target,
            "message": message.map(|line| check::text::printable_tail(line, 200)),
        })
    }
}

impl TagCreate {
    /// Names the commit that the step of this number found.
    fn step(&self, target: usize) -> Step {
        let step = Step::git(["tag", "--no-sign"]);
        let step = match &self.message {
            Some(message) => step
                .with(["--annotate", "--cleanup=verbatim", "--file=-"])
                .reading(Input::Text(staging::tidy(message))),
            None => step,
        };
        step.with(["--end-of-options", &self.name]).given(target)
    }
}
